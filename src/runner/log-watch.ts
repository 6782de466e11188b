import type { Fleet } from '../fleet/fleet.ts';
import type { Entry } from '../ledger/entry.ts';
import type { Clock } from '../probe/ports.ts';
import type { Prober, RefusalCount } from '../probe/prober.ts';
import { type OwnRefusals, RefusalWatch } from '../watch/logs.ts';
import type { RefusalSources } from '../watch/refusal-feed.ts';
import { verdictOf } from './finding-verdict.ts';
import type { Proven } from './world.ts';

/** What watching a fleet's logs needs. */
export interface LogWatchParts {
  readonly fleet: Pick<Fleet, 'logs' | 'replicas' | 'balancer'>;
  readonly sources: RefusalSources;
  /** The baseline that the ledger has of the open rotation. */
  recorded?(): Promise<Baseline | undefined>;
  readonly clock: Clock;
  readonly prober: Pick<Prober, 'refusals'>;
}

/** The most refusals of others in one window before a rotation, by replica (or `fleet`). */
export type Baseline = Readonly<Record<string, number>>;

const STEP_MS = 1000;

/** Watches the logs of a fleet's replicas for refused signatures of others, for as long as a command is at work. */
export class FleetLogWatch {
  readonly #parts: LogWatchParts;
  readonly #watch: RefusalWatch;
  readonly #halt = new AbortController();
  #begun = false;
  #baseline: Baseline | undefined;
  #before: ReadonlyMap<string, RefusalCount> = new Map();

  constructor(parts: LogWatchParts) {
    this.#parts = parts;
    this.#watch = new RefusalWatch({
      logs: parts.fleet.logs,
      replicas: parts.fleet.replicas,
      ...parts.sources,
      clock: parts.clock,
    });
  }

  /** From now on refusals count; a second call changes nothing. */
  async begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    const baseline = this.#baseline ?? (await this.#parts.recorded?.());
    if (baseline !== undefined) this.#watch.compareWith(baseline);
    await this.#watch.begin();
    this.#before = this.#counts();
    this.#keepUp();
  }

  /** Watches for one window, in which we send nothing, how many refusals there are anyhow; nothing where no window is declared. */
  async measure(wait: (what: string, ms: number) => Promise<void>): Promise<Baseline | undefined> {
    const { logs } = this.#parts.fleet;
    if (logs?.windowMs === undefined) return undefined;
    await this.#watch.begin();
    for (let left = logs.windowMs; left > 0; left -= STEP_MS) {
      await wait('the refused signatures that there are before a rotation', Math.min(left, STEP_MS));
      await this.#watch.poll();
    }
    this.#baseline = await this.#watch.baseline();
    return this.#baseline;
  }

  /** Watches no more. */
  stop(): void {
    this.#halt.abort();
  }

  /** Where refusals are counted in a window, it has to be known when they came. */
  #keepUp(): void {
    const { fleet, clock } = this.#parts;
    if (fleet.logs?.windowMs === undefined) return;
    const step = Math.min(STEP_MS, fleet.logs.windowMs / 4);
    const loop = async (): Promise<void> => {
      while (!this.#halt.signal.aborted) {
        await clock.sleep(step, this.#halt.signal).catch(() => undefined);
        if (!this.#halt.signal.aborted) await this.#watch.poll();
      }
    };
    void loop().catch(() => undefined);
  }

  /** Whether the logs show refusals that `rotctl` did not bring about itself, since the last look. */
  async look(): Promise<Proven> {
    const now = this.#counts();
    const findings = await this.#watch.look(ownSince(this.#before, now, this.#parts.fleet));
    this.#before = now;
    const bad = findings.filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown');
    const reason = bad.map(({ target, reason: why = '' }) => `${target}: ${why}`).join('; ');
    const watched = findings.some(({ verdict }) => verdict !== 'not-applicable');
    return { verdict: watched ? verdictOf(findings) : 'pass', reason, cells: [], findings, owed: [] };
  }

  #counts(): ReadonlyMap<string, RefusalCount> {
    const { fleet, prober } = this.#parts;
    const own = fleet.replicas.map((replica) => [replica.name, prober.refusals(replica)] as const);
    const { balancer } = fleet;
    return new Map(balancer === undefined ? own : [...own, [BALANCER, prober.refusals(balancer)]]);
  }
}

const BALANCER = 'balancer';

/** What went through the balancer may have been refused by any replica. */
function ownSince(
  before: ReadonlyMap<string, RefusalCount>,
  now: ReadonlyMap<string, RefusalCount>,
  { replicas }: Pick<Fleet, 'replicas'>,
): OwnRefusals {
  const since = (name: string, part: keyof RefusalCount): number =>
    (now.get(name)?.[part] ?? 0) - (before.get(name)?.[part] ?? 0);
  return new Map(
    replicas.map(({ name }) => [
      name,
      { least: since(name, 'least'), most: since(name, 'most') + since(BALANCER, 'most') },
    ]),
  );
}

/** The baseline that a rotation's entries have. */
export function baselineIn(entries: readonly Entry[]): Baseline | undefined {
  const refused = entries.findLast(({ kind, data }) => kind === 'evidence' && data.proof === 'baseline')?.data.refused;
  if (refused === undefined || refused === null || typeof refused !== 'object' || Array.isArray(refused))
    return undefined;
  return Object.fromEntries(
    Object.entries(refused).flatMap(([name, count]) => (typeof count === 'number' ? [[name, count]] : [])),
  );
}
