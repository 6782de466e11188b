import type { Job } from '../../src/drill/game-day/campaign.ts';
import { type DrillDocument, readDrillDocument } from '../../src/drill/game-day/document.ts';
import type { GameDayTools, JobEnd, Ran } from '../../src/drill/game-day/play.ts';

/** A drill of so many usual seconds. */
export function jobFor(id: string, typicalS = 60, extra: Partial<Job> = {}): Job {
  return { id, drill: 'signer-hmac', runbook: 'signer-hmac', faults: [], typicalS, asked: false, ...extra };
}

type Verdict = DrillDocument['checks'][number]['verdict'];

/** What a drill prints that had these checks and faults. */
export function printed(
  verdict: DrillDocument['verdict'],
  checks: readonly Verdict[],
  settings: { exitCode?: number; faults?: DrillDocument['faults']; error?: { code: string; message: string } } = {},
): string {
  const { exitCode = 0, faults = [], error } = settings;
  const lead = [
    { id: 'refused-valid', title: 'refused valid requests', text: '0 of 300', ms: null },
    { id: 'retire-latency', title: 'old secret dead', text: '3/3 replicas', ms: null },
    { id: 'replay-leaks', title: 'accepted replays', text: 'not measured', ms: null },
    { id: 'time-to-undo', title: 'time to undo', text: '', ms: 4000 + 100 * checks.length },
  ];
  return JSON.stringify({
    schema: 'rotctl.drill.v1',
    verdict,
    exitCode,
    summary: 'drill',
    checks: checks.map((each, at) => ({
      id: `metric.m${at}`,
      verdict: each,
      critical: true,
      target: 'fleet',
      expected: '0',
      seen: '0',
      samples: 1,
      ms: 0,
    })),
    faults,
    error,
    result: { ledger: '/day/rotation-ledger.yaml', scorecard: { lead } },
  });
}

/** The end of a drill that was played. */
export function playedEnd(job: Job, stdout: string, extra: { cut?: 'time' | 'operator'; ms?: number } = {}): JobEnd {
  const { cut, ms = 50_000 } = extra;
  return { job, state: 'played', document: readDrillDocument(stdout), how: 'exit 0', said: '', cut, ms };
}

/** Time that passes only when the test says so. */
export class FakeClock {
  #now = 0;
  readonly #sleepers = new Set<{ readonly at: number; wake(): void }>();

  readonly monotonic = (): number => this.#now;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });

  /** Lets time pass from sleeper to sleeper, until nobody sleeps or `until` seconds are over. */
  async pass(until = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      // What was woken may go to sleep again, after some turns.
      await new Promise((resolve) => setImmediate(resolve));
      const next = [...this.#sleepers].toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until * 1000) break;
      this.#sleepers.delete(next);
      this.#now = next.at;
      next.wake();
    }
    if (Number.isFinite(until)) this.#now = Math.max(this.#now, until * 1000);
  }
}

/** A runner whose drills take so many seconds each, and three more to stop. */
export function fakeRunner(clock: FakeClock, seconds: Readonly<Record<string, number>>) {
  const log: string[] = [];
  const at = (): string => `${clock.monotonic() / 1000}`;
  const run: GameDayTools['run'] = async (job, stop): Promise<Ran> => {
    log.push(`${at()} start ${job.id}`);
    const done = await clock.sleep((seconds[job.id] ?? job.typicalS) * 1000, stop).then(
      () => true,
      () => false,
    );
    if (!done) await clock.sleep(3000);
    log.push(`${at()} ${done ? 'end' : 'stopped'} ${job.id}`);
    return { how: done ? 'exit 0' : 'exit 14', stdout: printed(done ? 'pass' : 'stopped', ['pass']), said: '' };
  };
  return { log, run };
}
