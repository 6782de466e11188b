import type { Endpoint } from '../../fleet/fleet.ts';
import { type Assessment, assessAuthorities, assessClient, assessServer, type Span } from '../../pki/assess.ts';
import type { Handshake } from '../ports.ts';
import type { Check, CheckContext, TlsLook } from './check.ts';
import { observe, onReplicas, type Sight } from './on-replicas.ts';

/** How often a handshake that met a fault is tried. */
const TRIES = 2;
const PAUSE_MS = 200;
const DAY_MS = 86_400_000;

const authorities: Check = {
  id: 'tls.authorities',
  group: 'tls',
  critical: true,
  title: 'the bundle of authorities is whole, and of use',
  why: 'libraries silently take what they can read of a torn bundle, and an empty one for all public authorities',
  remedy: 'write the bundle anew, whole, with the authorities of the replicas and no other',
  needs: ['tls'],
  look: async (context) => [
    await observe(context, 'fleet', async () =>
      sightOf(
        context,
        assessAuthorities(lookOf(context).files, spanOf(context)),
        'authorities that are whole and in force',
      ),
    ),
  ],
};

const clientCertificate: Check = {
  id: 'tls.client-certificate',
  group: 'tls',
  critical: true,
  title: 'our own certificate can be shown to the replicas',
  why: 'a server refuses a certificate that is expired, of the wrong purpose or of another key by a bare reset, which tells nobody why',
  remedy: 'renew the certificate in tls.cert, or give the key that belongs to it in tls.key',
  needs: ['tls', 'client-certificate'],
  look: async (context) => [
    await observe(context, 'fleet', async () =>
      sightOf(
        context,
        assessClient(lookOf(context).files, spanOf(context)),
        'a certificate for clients, in force, with its key',
      ),
    ),
  ],
};

const serverCertificate: Check = {
  id: 'tls.server-certificate',
  group: 'tls',
  critical: true,
  title: 'each server shows a certificate that is in force and for its name',
  why: 'clients that check it refuse the server, and one that expires in the middle of a rotation takes its proofs away',
  remedy: 'renew the certificate that the server shows, or correct serverName or tls.ca in rotctl.yaml',
  needs: ['tls'],
  look: async (context) => {
    const { balancer } = context.fleet;
    const replicas = await onReplicas(context, (replica) => serverSight(context, replica));
    if (balancer === undefined) return replicas;
    return [...replicas, await observe(context, 'balancer', () => serverSight(context, balancer))];
  },
};

async function serverSight(context: CheckContext, to: Endpoint): Promise<Sight> {
  const expected = `a certificate in force for ${to.serverName}`;
  if (to.url.protocol !== 'https:') {
    return { verdict: 'not-applicable', expected, seen: 'no TLS', reason: 'its address is http', samples: 0 };
  }
  const { handshakes, files } = lookOf(context);
  const shown = await shake(context, handshakes, to);
  if (shown.kind === 'fault') {
    const ours = context.fleet.tls.cert === undefined ? [] : assessClient(files, spanOf(context)).faults;
    const reason = [...ours, `no handshake: ${shown.code}: ${shown.detail}`].join('; ');
    return { verdict: 'unknown', expected, seen: 'nothing', reason, samples: TRIES };
  }
  const { chain, untrusted } = shown;
  return sightOf(
    context,
    assessServer({ chain, untrusted, serverName: to.serverName }, files, spanOf(context)),
    expected,
  );
}

async function shake(
  { clock, fleet }: CheckContext,
  handshakes: TlsLook['handshakes'],
  to: Endpoint,
): Promise<Handshake> {
  for (let tries = 1; ; tries += 1) {
    const shown = await handshakes(to, { certificate: true, deadlineMs: fleet.probe.deadlineMs });
    if (shown.kind === 'shown' || tries === TRIES) return shown;
    await clock.sleep(PAUSE_MS);
  }
}

function sightOf({ clock }: CheckContext, { faults, remarks, expires }: Assessment, expected: string): Sight {
  const seen = expires === undefined ? 'none that is of use' : `in force until ${lifeOf(expires, clock.now())}`;
  if (faults.length > 0) return { verdict: 'fail', expected, seen, reason: faults.join('; '), samples: 1 };
  return {
    verdict: 'pass',
    expected,
    seen,
    ...(remarks.length === 0 ? {} : { reason: remarks.join('; ') }),
    samples: 1,
  };
}

/** `2026-12-24 (26 days)`. */
function lifeOf(expires: number, now: number): string {
  const days = Math.floor((expires - now) / DAY_MS);
  const left = days >= 2 ? `${days} days` : `${Math.floor((expires - now) / 3_600_000)} hours`;
  return `${new Date(expires).toISOString().slice(0, 16)}Z (${expires < now ? 'over' : left})`;
}

/** From now until a rotation that begins now can be over. */
function spanOf({ clock, fleet }: CheckContext): Span {
  const now = clock.now();
  return { now, until: now + (fleet.policy?.minOverlapMs ?? 0) + (fleet.policy?.soakMs ?? 0) };
}

function lookOf({ tls }: CheckContext): TlsLook {
  if (tls === undefined) throw new Error('the TLS files were not read');
  return tls;
}

/** The checks of certificates: ours and the servers', before anything is sent. */
export const TLS_CHECKS: readonly Check[] = [authorities, clientCertificate, serverCertificate];
