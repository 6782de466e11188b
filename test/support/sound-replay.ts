import { type ReplayFleetOptions, startReplayFleet } from './replay-fleet.ts';

/** How a run of `verify-replay` ended, and what was not as it should be. */
export interface SoundRun {
  readonly code: number | null;
  readonly verdict: string;
  readonly bad: readonly string[];
}

/** One run of `verify-replay` on a sound fleet of independent signers, whose shape follows from the seed. */
export async function soundRun(seed: number): Promise<SoundRun> {
  const fleet = await startReplayFleet(shapeOf(seed));
  try {
    const { code, result } = await fleet.rotctl('verify-replay');
    const bad = result.checks
      .filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
      .map(({ id, target, verdict, seen, reason }) => `${verdict} ${id} ${target}: ${seen}: ${reason ?? ''}`);
    return { code, verdict: result.verdict, bad };
  } finally {
    await fleet.stop();
  }
}

/** Two to four replicas, with a clock that is off within what is allowed, slow or quick, of either key, with a balancer or none. */
function shapeOf(seed: number): ReplayFleetOptions {
  const count = 2 + (seed % 3);
  const names = Array.from({ length: count }, (_, n) => `signer-${n + 1}`);
  const [maxAgeMs, clockErrorMs] = [4000, 1200];
  return {
    signers: names.map((name, n) => ({ name, clockOffsetMs: n === 0 ? 0 : (-1) ** n * ((seed * 37) % 300) })),
    ...{ maxAgeMs, clockErrorMs, ttlMs: 2 * maxAgeMs + 2 * clockErrorMs + 1000 },
    global: seed % 5 === 0,
    jitterMs: [0, 3, 15][seed % 3] ?? 0,
    balancer: seed % 2 === 0,
  };
}
