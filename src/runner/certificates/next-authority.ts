import { dirname } from 'node:path';
import { Secret } from '../../credential/secret.ts';
import type { Commands } from '../../deploy/ports.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { KeyKind } from '../../fleet/certificates.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { LeafWish } from '../../pki/external.ts';
import { issueAuthority, issueFromRequest } from '../../pki/issue.ts';

/** RFC 5280, appendix A.1: `ub-common-name`. */
const MOST_NAME_CHARACTERS = 64;

/** What a certificate is wanted for. */
export interface IssueWish extends LeafWish {
  /** PEM of the present certificate, whose subject and URI names are kept. */
  readonly like?: string;
}

/** The authority that a rotation moves to. */
export interface NextAuthority {
  /** PEM bundle of the roots that are to be trusted. */
  readonly trust: string;
  /** Its own key, where we have made it. */
  readonly key: Secret | undefined;
  /** Kind of the keys that we make for parties; without it, of what each has now. */
  readonly keyKind: KeyKind | undefined;
  /** Issues the chain for a request, both PEM. */
  issue(request: string, wish: IssueWish): Promise<string>;
}

/**
 * Makes the next authority, or asks the one that the fleet file names for what is to be trusted.
 *
 * @param now Unix milliseconds
 * @param present kind of the present authority's key, which one that we make follows unless the fleet file says otherwise
 * @throws RotctlError `PRECONDITION_FAILED` where the fleet file names none; as a program of the operator's that fails
 */
export async function nextAuthority(
  fleet: Fleet,
  commands: Commands,
  now: number,
  present: KeyKind,
): Promise<NextAuthority> {
  const { authority: source } = fleet;
  if (source === undefined) {
    throw new RotctlError('PRECONDITION_FAILED', 'the fleet file does not say who issues certificates', {
      hint: 'declare `authority: { from: rotctl }`, or an authority of your own by `from: command`',
    });
  }
  if (source.from === 'command') {
    const { externalAuthority } = await import('../../pki/external.ts');
    return externalAuthority(source, { commands, cwd: dirname(fleet.file), now });
  }
  const { commonName, key, authorityDays, certificateDays } = source;
  // Authorities of one name that follow each other are told apart by their key identifiers; a date tells people too.
  const date = ` ${new Date(now).toISOString().slice(0, 16).replace('T', ' ')}`;
  const named = `${commonName.slice(0, MOST_NAME_CHARACTERS - date.length)}${date}`;
  const made = await issueAuthority({ commonName: named, now, days: authorityDays, key: key ?? present });
  return {
    trust: made.cert,
    key: Secret.fromText(made.key),
    keyKind: key,
    issue: (request, { purpose, names, commonName: leaf, like }) =>
      issueFromRequest(made, request, { purpose, names, commonName: leaf, like, now, days: certificateDays }),
  };
}
