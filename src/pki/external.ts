import type { X509Certificate } from 'node:crypto';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { AuthoritySource, KeyKind } from '../fleet/certificates.ts';
import { bundleText, nameOf, unionOf } from './bundle.ts';
import { judgeChain } from './chain.ts';
import type { Purpose } from './extensions.ts';
import { certificateFacts } from './facts.ts';
import { issuerPurposeFaults, leafFaults } from './leaf.ts';
import { isSelfSigned } from './path.ts';
import { derOf, readBundle } from './pem.ts';
import { readRequest } from './request.ts';

const MOST_ANSWER_BYTES = 256 * 1024;
/** An authority whose clock is ahead issues what is not valid yet; so far the peers' clocks may differ as well. */
const MOST_AHEAD_MS = 5 * 60_000;

/** Runs the programs of an authority: no shell, a minimal environment, a deadline. */
export interface Programs {
  ask(
    argv: readonly string[],
    options: {
      readonly cwd: string;
      readonly deadlineMs: number;
      readonly input: string;
      readonly pass: readonly string[];
      readonly mostBytes: number;
    },
  ): Promise<{
    readonly ok: boolean;
    readonly how: string;
    readonly output: string;
    readonly answer: string | undefined;
  }>;
}

/** Whose certificate is wanted, and for what. */
export interface LeafWish {
  readonly purpose: Purpose;
  /** DNS names and IP addresses that it must be for, at least. */
  readonly names: readonly string[];
  readonly commonName: string;
  /** The party's name, for the program's arguments. */
  readonly name: string;
}

/** An authority whose key others hold. */
export interface ExternalAuthority {
  /** PEM bundle of the roots that are to be trusted, and nothing else. */
  readonly trust: string;
  readonly key: undefined;
  /** Kind of the keys that we make for parties. */
  readonly keyKind: KeyKind | undefined;
  /**
   * Has the chain for a request issued, both PEM, and judges it: certificates alone, its own first, with the request's key,
   * complete up to `trust`, for the purpose and every name.
   *
   * @throws RotctlError `CERTIFICATE_UNAVAILABLE`, `INPUT_INVALID` for the request
   */
  issue(request: string, wish: LeafWish): Promise<string>;
}

/** What an authority by command is reached with. */
export interface ExternalParts {
  readonly commands: Programs;
  /** The folder of the fleet file. */
  readonly cwd: string;
  /** The present, Unix milliseconds. */
  readonly now: number;
}

type Source = Extract<AuthoritySource, { readonly from: 'command' }>;

/**
 * Asks an operator's program for the roots that are to be trusted.
 *
 * @throws RotctlError `CERTIFICATE_UNAVAILABLE` when it fails, or prints anything but authorities' certificates in force
 */
export async function externalAuthority(source: Source, parts: ExternalParts): Promise<ExternalAuthority> {
  const roots = unionOf(await certificatesFrom(source.trust, '', { source, ...parts, field: 'authority.trust' }));
  const useless = roots.flatMap((root) => {
    const why = uselessAsRoot(root, parts.now);
    return why === undefined ? [] : [`${nameOf(root)} ${why}`];
  });
  const program = programOf('authority.trust', source.trust);
  if (useless.length > 0) throw unavailable(`${program}: ${useless.join('; ')}`, ROOTS_HINT);
  return {
    trust: bundleText(roots),
    key: undefined,
    keyKind: source.key,
    issue: (request, wish) => issueBy({ source, ...parts, field: 'authority.issue' }, roots, request, wish),
  };
}

interface Asking extends ExternalParts {
  readonly source: Source;
  readonly field: string;
}

async function issueBy(
  asking: Asking,
  roots: readonly X509Certificate[],
  request: string,
  wish: LeafWish,
): Promise<string> {
  const { key } = await readRequest(request);
  const argv = asking.source.issue.map((word) =>
    word.replaceAll('{purpose}', wish.purpose).replaceAll('{name}', wish.name),
  );
  const chain = await certificatesFrom(argv, request, asking);
  const program = programOf(asking.field, argv);
  const [leaf] = chain;
  if (leaf === undefined) throw unavailable(`${program} printed no certificate for ${wish.name}`, CHAIN_HINT);
  if (!Buffer.from(derOf(leaf.publicKey)).equals(Buffer.from(derOf(key)))) {
    const what = `the first certificate, ${nameOf(leaf)}, does not have the key of the request`;
    throw unavailable(`${program} for ${wish.name}: ${what}`, CHAIN_HINT);
  }
  const soon = asking.now + MOST_AHEAD_MS;
  const judged = judgeChain(chain, roots);
  // One that has just begun is in force soon; one that ends before that has not expired yet.
  const now = Math.max(asking.now, Math.min(soon, certificateFacts(leaf).notAfter));
  const faults = [
    ...leafFaults(leaf, { purpose: wish.purpose, names: wish.names, now, until: soon }),
    ...judged.faults,
    ...issuerPurposeFaults(judged.path, wish.purpose),
    ...judged.weaknesses,
  ];
  if (faults.length > 0) throw unavailable(`${program} for ${wish.name}: ${faults.join('; ')}`, CHAIN_HINT);
  return bundleText(chain.filter((one) => !isSelfSigned(one)));
}

async function certificatesFrom(
  argv: readonly string[],
  input: string,
  { source, commands, cwd, field }: Asking,
): Promise<readonly X509Certificate[]> {
  const { deadlineMs, pass } = source;
  const program = programOf(field, argv);
  const { ok, how, output, answer } = await commands.ask(argv, {
    ...{ cwd, deadlineMs, input, pass, mostBytes: MOST_ANSWER_BYTES },
  });
  if (!ok) throw unavailable(`${program}: ${how}${output === '' ? '' : `: ${output}`}`);
  if (answer === undefined) throw unavailable(`${program} printed what is no UTF-8, or more than 256 KiB`);
  try {
    return readBundle(answer, program);
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    const hint = 'it must print certificates in PEM on stdout, and all else on stderr';
    throw unavailable(`${program} printed something else than certificates in PEM: ${error.message}`, hint);
  }
}

function uselessAsRoot(root: X509Certificate, now: number): string | undefined {
  const { notBefore, notAfter, authority } = certificateFacts(root);
  if (!authority) return 'is not an authority’s certificate';
  if (!isSelfSigned(root)) return 'is no root: its issuer stands above it, and OpenSSL trusts roots alone';
  if (now > notAfter) return `expired on ${new Date(notAfter).toISOString()}`;
  return now + MOST_AHEAD_MS < notBefore ? `is not valid before ${new Date(notBefore).toISOString()}` : undefined;
}

const ROOTS_HINT =
  'authority.trust must print the roots of the next authority, each an authority’s certificate in force';
const CHAIN_HINT =
  'authority.issue gets a CSR on stdin and must print the chain for it: the issued certificate first, for the purpose and the names, then each issuer up to the roots of authority.trust';

function programOf(field: string, [program = '']: readonly string[]): string {
  return `${field} (${escapeForeign(program, 80)})`;
}

function unavailable(message: string, hint?: string): RotctlError {
  return new RotctlError('CERTIFICATE_UNAVAILABLE', message, hint === undefined ? {} : { hint });
}
