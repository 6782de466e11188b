import type { Fleet } from '../fleet/fleet.ts';
import type { Clock } from '../probe/ports.ts';
import type { Prober, RefusalCount } from '../probe/prober.ts';
import { type OwnRefusals, RefusalWatch } from '../watch/logs.ts';
import type { LogFiles } from '../watch/ports.ts';
import { verdictOf } from './finding-verdict.ts';
import type { Proven } from './world.ts';

/** What watching a fleet's logs needs. */
export interface LogWatchParts {
  readonly fleet: Pick<Fleet, 'logs' | 'replicas' | 'balancer'>;
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly prober: Pick<Prober, 'refusals'>;
}

/** Watches the logs of a fleet's replicas for refused signatures of others, for as long as a command is at work. */
export class FleetLogWatch {
  readonly #parts: LogWatchParts;
  readonly #watch: RefusalWatch;
  #begun = false;
  #before: ReadonlyMap<string, RefusalCount> = new Map();

  constructor(parts: LogWatchParts) {
    this.#parts = parts;
    this.#watch = new RefusalWatch({
      logs: parts.fleet.logs,
      replicas: parts.fleet.replicas,
      files: parts.files,
      clock: parts.clock,
    });
  }

  /** From now on refusals count; a second call changes nothing. */
  async begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    await this.#watch.begin();
    this.#before = this.#counts();
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
