import { compose, type Verdict } from '../../errors/verdict.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { certificateFacts } from '../../pki/facts.ts';
import type { Finding } from '../../probe/finding.ts';
import type { Target } from '../../probe/round.ts';
import type { FleetParts } from '../fleet-parts.ts';
import type { Proven } from '../world.ts';
import { partyKey } from './parties.ts';
import { type CertificateTerms, leafOf, termsOf } from './terms.ts';

const PAUSE_MS = 100;

type Parts = Pick<FleetParts, 'fleet' | 'probes' | 'tls'>;

/** Who has just been proven to distrust servers of a generation. */
export interface Distrusting {
  readonly clients: readonly string[];
  readonly generation: RotatingGeneration;
}

/**
 * Whether clients that distrust servers of a generation can reach every replica all the same: none shows its certificate of
 * it. One that does not answer is asked again.
 */
export async function proveShownByNone(
  parts: Parts,
  terms: CertificateTerms,
  replicas: readonly Target[],
  { clients, generation }: Distrusting,
): Promise<Proven> {
  const { clock } = parts.probes;
  const findings: Finding[] = [];
  const verdicts: Verdict[] = [];
  for (const replica of replicas) {
    const began = clock.monotonic();
    const leaf = leafOf(termsOf(terms, partyKey({ kind: 'replica', name: replica.name }))[generation]);
    const { shown, samples } = await shownBy(parts, replica);
    const verdict = shown === undefined ? 'unknown' : shown === leaf ? 'fail' : 'pass';
    const reason =
      shown === undefined
        ? `which certificate ${replica.name} shows could not be seen`
        : `${replica.name} shows its certificate of ${generation}, which ${clients.join(', ')} does not trust any more: the handshake fails`;
    verdicts.push(verdict);
    findings.push({
      ...{ id: 'certificate.presented', verdict, critical: true, target: replica.name, samples },
      expected: `another certificate than ${leaf.slice(0, 16)} (${generation}), for ${clients.join(', ')}`,
      seen: shown === undefined ? 'nothing' : `certificate ${shown.slice(0, 16)}`,
      ...(verdict === 'pass' ? {} : { reason }),
      ms: clock.monotonic() - began,
    });
  }
  const reason = findings.flatMap(({ reason: why }) => why ?? []).join('; ');
  return { verdict: compose(verdicts), reason, cells: [], findings, owed: [] };
}

/** The fingerprint of what a replica shows, as soon as it shows anything. */
async function shownBy(
  { fleet, probes, tls }: Parts,
  replica: Target,
): Promise<{ readonly shown: string | undefined; readonly samples: number }> {
  if (tls === undefined) return { shown: undefined, samples: 0 };
  const began = probes.clock.monotonic();
  for (let samples = 1; ; samples += 1) {
    const handshake = await tls.handshakes(replica, { certificate: true, deadlineMs: fleet.probe.deadlineMs });
    const leaf = handshake.kind === 'shown' ? handshake.chain[0] : undefined;
    if (leaf !== undefined) return { shown: certificateFacts(leaf).fingerprint, samples };
    if (probes.clock.monotonic() - began >= fleet.readiness.deadlineMs) return { shown: undefined, samples };
    await probes.clock.sleep(PAUSE_MS);
  }
}
