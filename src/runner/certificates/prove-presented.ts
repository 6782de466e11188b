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

/**
 * Whether each replica shows its certificate of a generation, on as many connections in a row as make a replica ready. One
 * that is just taking it up is waited for.
 */
export async function provePresented(
  parts: Parts,
  terms: CertificateTerms,
  replicas: readonly Target[],
  generation: RotatingGeneration,
): Promise<Proven> {
  const { fleet, probes } = parts;
  const { clock } = probes;
  const findings: Finding[] = [];
  const verdicts: Verdict[] = [];
  for (const replica of replicas) {
    const began = clock.monotonic();
    const own = termsOf(terms, partyKey({ kind: 'replica', name: replica.name }));
    const expected = leafOf(own[generation]);
    const other = leafOf(own[generation === 'next' ? 'current' : 'next']);
    let seen = await lookAt(parts, replica, expected);
    let { samples } = seen;
    while (seen.verdict !== 'pass' && clock.monotonic() - began < fleet.readiness.deadlineMs) {
      await clock.sleep(PAUSE_MS);
      seen = await lookAt(parts, replica, expected);
      samples += seen.samples;
    }
    const { verdict, what, leaf } = seen;
    verdicts.push(verdict);
    findings.push({
      ...{ id: 'certificate.presented', verdict, critical: true, target: replica.name, samples },
      ...{ expected: `certificate ${short(expected)} (${generation})`, seen: what },
      ...(verdict === 'pass'
        ? {}
        : { reason: `${replica.name} shows ${what}${inPlaceOf(generation, expected, other, leaf)}` }),
      ms: clock.monotonic() - began,
    });
  }
  const reason = findings.flatMap(({ reason: why }) => why ?? []).join('; ');
  return { verdict: compose(verdicts), reason, cells: [], findings, owed: [] };
}

type Parts = Pick<FleetParts, 'fleet' | 'probes' | 'tls'>;

interface Sight {
  readonly verdict: Verdict;
  readonly what: string;
  /** What it shows, as SHA-256 in hex. */
  readonly leaf?: string | undefined;
  readonly samples: number;
}

/** Looks as often in a row as it is as expected. */
async function lookAt({ fleet, tls }: Parts, replica: Target, expected: string): Promise<Sight> {
  if (tls === undefined) return { verdict: 'unknown', what: 'nothing: it was not looked at', samples: 0 };
  for (let samples = 1; ; samples += 1) {
    const shown = await tls.handshakes(replica, { certificate: true, deadlineMs: fleet.probe.deadlineMs });
    if (shown.kind === 'fault') {
      return { verdict: 'unknown', what: `nothing: ${shown.code}: ${shown.detail}`, samples };
    }
    const [leaf] = shown.chain;
    const name = leaf === undefined ? undefined : certificateFacts(leaf).fingerprint;
    const what = name === undefined ? 'no certificate' : `certificate ${short(name)}`;
    if (name !== expected) return { verdict: 'fail', what, leaf: name, samples };
    const { untrusted } = shown;
    if (untrusted !== undefined)
      return { verdict: 'fail', what: `${what}, not trusted: ${untrusted}`, leaf: name, samples };
    if (samples >= fleet.readiness.consecutive) return { verdict: 'pass', what, samples };
  }
}

/** What a certificate was to be instead, and why it may be this one. */
function inPlaceOf(generation: RotatingGeneration, expected: string, other: string, leaf: string | undefined): string {
  if (leaf === undefined || leaf === expected) return '';
  const why = leaf === other ? 'it has not loaded what it was given' : 'it goes by other files than those it was given';
  const which = leaf === other ? `, the ${generation === 'next' ? 'current' : 'next'} one,` : '';
  return `${which} in place of ${short(expected)} (${generation}): ${why}`;
}

/** The digits by which reports name a certificate. */
function short(fingerprint: string): string {
  return fingerprint.slice(0, 16);
}
