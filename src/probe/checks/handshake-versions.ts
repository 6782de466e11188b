import type { Replica } from '../../fleet/fleet.ts';
import { certificateFacts } from '../../pki/facts.ts';
import { alertOf } from '../handshake-fault.ts';
import type { Handshake, Presented, TlsVersion } from '../ports.ts';
import type { CheckContext } from './check.ts';

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
/** How often a handshake that met a fault is tried. */
const TRIES = 2;
const PAUSE_MS = 200;

/** What a replica does over one version of TLS. */
export type Offered =
  | {
      readonly version: TlsVersion;
      readonly kind: 'offered';
      /** SHA-256 of the certificate that it shows, lower-case hex. */
      readonly shown: string | undefined;
    }
  | { readonly version: TlsVersion; readonly kind: 'not-offered' }
  | { readonly version: TlsVersion; readonly kind: 'unclear'; readonly reason: string };

const known = new WeakMap<CheckContext, Map<string, Promise<readonly Offered[]>>>();

/**
 * Which versions of TLS a replica offers, and which certificate it shows over each: by handshakes that present a
 * certificate which it accepts. Looked at once for all checks of a context.
 */
export function offeredBy(
  context: CheckContext,
  replica: Replica,
  certificate: Presented,
): Promise<readonly Offered[]> {
  const ofContext = known.get(context) ?? new Map<string, Promise<readonly Offered[]>>();
  known.set(context, ofContext);
  const found = ofContext.get(replica.name) ?? look(context, replica, certificate);
  ofContext.set(replica.name, found);
  return found;
}

/** `TLS 1.2` of `TLSv1.2`. */
export function sayVersion(version: TlsVersion): string {
  return version.replace('v', ' ');
}

async function look(context: CheckContext, replica: Replica, certificate: Presented): Promise<readonly Offered[]> {
  const offered: Offered[] = [];
  for (const version of VERSIONS) offered.push(await lookOver(context, replica, certificate, version));
  return offered;
}

async function lookOver(
  context: CheckContext,
  replica: Replica,
  certificate: Presented,
  version: TlsVersion,
): Promise<Offered> {
  const { tls, clock, fleet } = context;
  if (tls === undefined) return { version, kind: 'unclear', reason: 'the TLS files were not read' };
  let seen: Handshake | undefined;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    seen = await tls.handshakes(replica, { certificate, version, deadlineMs: fleet.probe.deadlineMs });
    if (seen.kind === 'shown') {
      const [leaf] = seen.chain;
      return { version, kind: 'offered', shown: leaf === undefined ? undefined : certificateFacts(leaf).fingerprint };
    }
    if (isVersionRefused(seen)) return { version, kind: 'not-offered' };
    if (tries < TRIES) await clock.sleep(PAUSE_MS);
  }
  const reason = seen?.kind === 'fault' ? `${seen.code}: ${seen.detail}` : 'no handshake';
  return { version, kind: 'unclear', reason: `no handshake over ${sayVersion(version)}: ${reason}` };
}

function isVersionRefused(fault: Extract<Handshake, { kind: 'fault' }>): boolean {
  return alertOf(fault) === 'protocol version' || /UNSUPPORTED_PROTOCOL|UNSUPPORTED_VERSION/.test(fault.code);
}
