import type { Verdict } from '../errors/verdict.ts';
import type { LogWatch, Replica } from '../fleet/fleet.ts';
import type { Finding } from '../probe/finding.ts';
import type { Clock } from '../probe/ports.ts';
import { type RefusalFeed, type RefusalSources, type Refused, refusalFeeds } from './refusal-feed.ts';
import { Sliding } from './sliding.ts';

/** A number that is known within limits. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/**
 * How many refusals of a signature rotctl itself brought about since the last look, by replica. `most` also counts
 * requests without an answer, and those through a balancer, which the replica may or may not have refused.
 */
export type OwnRefusals = ReadonlyMap<string, Range>;

/** What watching logs needs. */
export interface LogParts extends RefusalSources {
  readonly logs: LogWatch | undefined;
  readonly replicas: readonly (Pick<Replica, 'name' | 'log'> & Partial<Pick<Replica, 'url' | 'seenAs'>>)[];
  readonly clock: Pick<Clock, 'now'>;
}

const ID = 'log.no-spike';
const NONE: Range = { least: 0, most: 0 };

/** Looks again and again whether there are refused signatures of others than rotctl: `log.no-spike`. */
export class RefusalWatch {
  readonly #watched: readonly (Watched | { readonly target: string; readonly why: string })[];

  constructor(parts: LogParts) {
    const { logs, replicas, clock } = parts;
    this.#watched = refusalFeeds(logs, replicas, parts).map((fed) =>
      'why' in fed || logs === undefined
        ? { target: fed.target, why: 'why' in fed ? fed.why : '' }
        : new Watched(fed, logs, clock),
    );
  }

  /** From now on refusals count. */
  async begin(): Promise<void> {
    await Promise.all(this.#all().map((one) => one.begin()));
  }

  /** Reads what is new, so that it is known when it came; needed where refusals are counted in a window. */
  async poll(): Promise<void> {
    await Promise.all(this.#all().map((one) => one.poll()));
  }

  /**
   * One finding for each replica (or for the fleet, where one log shows it all), on what came since the last look (or `begin`).
   *
   * @param own rotctl's own refusals since then; to be taken while no probe is under way. It is not needed
   *   where they are told by their lines.
   */
  look(own: OwnRefusals): Promise<readonly Finding[]> {
    return Promise.all(
      this.#watched.map(async (one) => {
        if (!(one instanceof Watched)) return notWatched(one.target, one.why);
        const all = [...own.values()].reduce(sum, NONE);
        return one.look(one.target === 'fleet' ? all : (own.get(one.target) ?? NONE));
      }),
    );
  }

  /** How many refusals of others there were in any one window since `begin`, at most, by target; what was not read is left out. */
  async baseline(): Promise<Readonly<Record<string, number>>> {
    await this.poll();
    return Object.fromEntries(
      this.#all().flatMap((one) => (one.peak === undefined ? [] : [[one.target, one.peak] as const])),
    );
  }

  /** What was measured before the rotation. */
  compareWith(baseline: Readonly<Record<string, number>>): void {
    for (const one of this.#all()) one.baseline = baseline[one.target];
  }

  #all(): Watched[] {
    return this.#watched.filter((one) => one instanceof Watched);
  }
}

/** Refused signatures since a look: all, the most in a window, and how they were read. */
interface Heard {
  readonly all: number;
  readonly others: Range;
  /** Own ones that nothing shows. */
  readonly missing: number;
  readonly trouble: string | undefined;
  readonly anew: string | undefined;
}

class Watched {
  readonly target: string;
  baseline: number | undefined;
  readonly #feed: RefusalFeed;
  readonly #logs: LogWatch;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sliding: Sliding;
  #since: number;
  #heard: Refused[] = [];
  /** Own refusals that nothing has shown yet: a line may come late, or not be whole at a look. */
  #owed = NONE;
  #busy: Promise<void> = Promise.resolve();

  constructor(feed: RefusalFeed, logs: LogWatch, clock: Pick<Clock, 'now'>) {
    this.target = feed.target;
    this.#feed = feed;
    this.#logs = logs;
    this.#clock = clock;
    this.#sliding = new Sliding(logs.windowMs);
    this.#since = clock.now();
  }

  begin(): Promise<void> {
    return this.#inTurn(async () => {
      this.#since = this.#clock.now();
      this.#owed = NONE;
      this.#heard = [];
      this.#sliding.begin();
      await this.#feed.begin();
    });
  }

  poll(): Promise<void> {
    return this.#inTurn(() => this.#read());
  }

  /** The most in one window; `undefined` where not all was read. */
  get peak(): number | undefined {
    return this.#heard.every(({ read }) => read) ? this.#sliding.peak() : undefined;
  }

  async look(own: Range): Promise<Finding> {
    await this.poll();
    const now = this.#clock.now();
    const caused = this.#heard.every((one) => one.read && one.others !== undefined) ? NONE : sum(this.#owed, own);
    const heard = this.#sum(caused);
    const wasLost = this.#heard.some((one) => (one.read ? one.anew !== undefined : one.lost));
    const shown = heard.all;
    this.#owed = {
      least: wasLost ? 0 : Math.max(0, caused.least - shown),
      most: Math.max(0, caused.most - shown),
    };
    const since = this.#since;
    const last = this.#heard.at(-1);
    if (last === undefined || last.read || last.lost) this.#since = now;
    this.#heard = [];
    this.#sliding.lookedAt();
    return {
      ...{ id: ID, critical: true, target: this.target, expected: expected(this.#limit(), this.#logs) },
      ...this.#judge(heard, since),
      ...{ seen: seen(heard), samples: heard.all, ms: now - since },
    };
  }

  async #read(): Promise<void> {
    const refused = await this.#feed.next();
    this.#heard.push(refused);
    if (refused.read) this.#sliding.add(this.#clock.now(), refused.others ?? refused.all);
  }

  /** Those of others where that is told; else what is left when our own are taken off, of which the busiest window may have all or none. */
  #sum(caused: Range): Heard {
    const read = this.#heard.filter((one) => one.read);
    const all = read.reduce((total, one) => total + one.all, 0);
    const told = read.every(({ others }) => others !== undefined);
    const peak = this.#sliding.peak();
    const others: Range = told
      ? { least: peak, most: peak }
      : { least: Math.max(0, peak - caused.most), most: Math.min(peak, Math.max(0, all - caused.least)) };
    const trouble = this.#heard.find((one) => !one.read);
    const last = this.#heard.at(-1);
    const isBack = last?.read === true && trouble !== undefined && !trouble.read && !trouble.lost;
    return {
      ...{ all, others, missing: told ? 0 : Math.max(0, caused.least - all) },
      trouble: trouble === undefined || trouble.read || isBack ? undefined : trouble.reason,
      anew: read.find(({ anew }) => anew !== undefined)?.anew,
    };
  }

  #limit(): number {
    const { allowed, factor } = this.#logs;
    return Math.max(allowed, factor === undefined ? 0 : Math.floor(factor * (this.baseline ?? 0)));
  }

  #judge(
    { all, others, missing, trouble }: Heard,
    since: number,
  ): Pick<Finding, 'reason'> & { readonly verdict: Verdict } {
    const from = new Date(since).toISOString();
    const limit = this.#limit();
    const within = this.#logs.windowMs === undefined ? '' : ` within ${this.#logs.windowMs} ms`;
    if (others.least > limit) {
      const number = others.least === others.most ? `${others.least}` : `at least ${others.least}`;
      const more = limit === 0 ? '' : `, more than the ${limit} that are allowed${this.#before()}`;
      return {
        verdict: 'fail',
        reason: `${number} refused signatures of others${within} in the log since ${from}${more}`,
      };
    }
    if (trouble !== undefined)
      return { verdict: 'unknown', reason: `its log since ${from} cannot be told: ${trouble}` };
    if (others.most > limit) {
      const doubt = 'nobody knows which of the requests without an answer were refused here';
      return {
        verdict: 'unknown',
        reason: `${rangeText(others)} of others${within} in the log since ${from}: ${doubt}`,
      };
    }
    if (missing === 0) return { verdict: 'pass' };
    const caused = `rotctl alone brought about ${missing} more: it is late, or does not show them`;
    return { verdict: 'unknown', reason: `the log since ${from} shows ${all} refused signatures, and ${caused}` };
  }

  #before(): string {
    const { factor } = this.#logs;
    if (factor === undefined) return '';
    if (this.baseline === undefined) return ' (no baseline is known)';
    return ` (${factor} times the ${this.baseline} of before the rotation, or ${this.#logs.allowed})`;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => undefined);
    return done;
  }
}

function expected(limit: number, { windowMs }: Pick<LogWatch, 'windowMs'>): string {
  const within = windowMs === undefined ? '' : ` within ${windowMs} ms`;
  return `${limit === 0 ? 'no' : `at most ${limit}`} refused signatures of others${within}`;
}

function seen({ all, others, trouble, anew }: Heard): string {
  if (trouble !== undefined) return 'not told';
  const number = `${rangeText(others)} of others among ${all}`;
  if (anew === undefined) return number;
  return `${number}; ${anew}, and was read from its beginning: what it lost after the look before was not seen`;
}

function rangeText({ least, most }: Range): string {
  return least === most ? `${least}` : `${least} to ${most}`;
}

function notWatched(target: string, reason: string): Finding {
  return {
    ...{ id: ID, verdict: 'not-applicable', critical: true, target },
    ...{ expected: 'no refused signatures of others', seen: 'not looked at', reason, samples: 0, ms: 0 },
  };
}

function sum(one: Range, other: Range): Range {
  return { least: one.least + other.least, most: one.most + other.most };
}
