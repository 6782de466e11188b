import type { Verdict } from '../errors/verdict.ts';
import type { LogWatch, Replica } from '../fleet/fleet.ts';
import type { Finding } from '../probe/finding.ts';
import type { Clock } from '../probe/ports.ts';
import { type Appended, LogTail } from './log-tail.ts';
import type { LogFiles } from './ports.ts';

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
export interface LogParts {
  readonly logs: LogWatch | undefined;
  readonly replicas: readonly Pick<Replica, 'name' | 'log'>[];
  readonly files: LogFiles;
  readonly clock: Pick<Clock, 'now'>;
}

const ID = 'log.no-spike';
const NONE: Range = { least: 0, most: 0 };

/** Looks again and again whether the replicas' logs show refused signatures of others than rotctl: `log.no-spike`. */
export class RefusalWatch {
  readonly #parts: LogParts;
  readonly #watched: readonly Watched[];

  constructor(parts: LogParts) {
    this.#parts = parts;
    this.#watched = parts.replicas.map(({ name, log }) => ({
      replica: name,
      tail: log === undefined ? undefined : new LogTail(log, parts.files),
      since: parts.clock.now(),
      owed: NONE,
    }));
  }

  /** From now on refusals count. */
  async begin(): Promise<void> {
    await Promise.all(
      this.#watched.map(async (one) => {
        one.since = this.#parts.clock.now();
        one.owed = NONE;
        await one.tail?.begin();
      }),
    );
  }

  /**
   * One finding for each replica, on what its log got since the last look (or `begin`).
   *
   * @param own rotctl's own refusals since then; to be taken while no probe is under way. It is not needed
   *   where `logs.own` tells them by their lines.
   */
  look(own: OwnRefusals): Promise<readonly Finding[]> {
    return Promise.all(this.#watched.map((one) => this.#lookAt(one, own.get(one.replica) ?? NONE)));
  }

  async #lookAt(watched: Watched, own: Range): Promise<Finding> {
    const { logs, clock } = this.#parts;
    const { replica, tail, since } = watched;
    if (logs === undefined) return notWatched(replica, 'rotctl.yaml declares no logs to watch');
    if (tail === undefined) return notWatched(replica, 'rotctl.yaml names no log of this replica');
    const appended = await tail.next();
    const now = clock.now();
    const caused = logs.own === undefined ? sum(watched.owed, own) : NONE;
    const counted = count(appended, logs, caused);
    watched.owed = stillOwed(appended, counted, caused);
    if (appended.read || appended.lost) watched.since = now;
    return {
      ...{ id: ID, critical: true, target: replica, expected: expected(logs) },
      ...judge(appended, counted, logs, since),
      ...{ seen: seen(appended, counted), samples: counted.lines, ms: now - since },
    };
  }
}

interface Watched {
  readonly replica: string;
  readonly tail: LogTail | undefined;
  since: number;
  /** Own refusals that no line has shown yet: a line may come late, or not be whole at a look. */
  owed: Range;
}

/** Refused signatures in a log: all, those of others at least and at most, and how many own ones have no line. */
interface Counted {
  readonly lines: number;
  readonly others: Range;
  readonly missing: number;
}

function count(appended: Appended, { refused, own }: LogWatch, caused: Range): Counted {
  const lines = appended.read ? appended.lines.filter((line) => line.search(refused) !== -1) : [];
  if (own !== undefined) {
    const others = lines.filter((line) => line.search(own) === -1).length;
    return { lines: lines.length, others: { least: others, most: others }, missing: 0 };
  }
  const beyond = (part: number) => Math.max(0, lines.length - part);
  return {
    lines: lines.length,
    others: { least: beyond(caused.most), most: beyond(caused.least) },
    missing: Math.max(0, caused.least - lines.length),
  };
}

/** Where lines were not seen, those of our own may have been among them. */
function stillOwed(appended: Appended, { lines }: Counted, { least, most }: Range): Range {
  const isGone = appended.read ? appended.anew !== undefined : appended.lost;
  return { least: isGone ? 0 : Math.max(0, least - lines), most: Math.max(0, most - lines) };
}

function judge(
  appended: Appended,
  { lines, others, missing }: Counted,
  { allowed }: LogWatch,
  since: number,
): Pick<Finding, 'reason'> & { readonly verdict: Verdict } {
  const from = new Date(since).toISOString();
  if (!appended.read) return { verdict: 'unknown', reason: `its log since ${from} cannot be told: ${appended.reason}` };
  if (others.least > allowed) {
    const number = others.least === others.most ? `${others.least}` : `at least ${others.least}`;
    const limit = allowed === 0 ? '' : `, more than the ${allowed} that are allowed`;
    return { verdict: 'fail', reason: `${number} refused signatures of others in the log since ${from}${limit}` };
  }
  if (others.most > allowed) {
    const doubt = 'nobody knows which of the requests without an answer were refused here';
    return { verdict: 'unknown', reason: `${rangeText(others)} of others in the log since ${from}: ${doubt}` };
  }
  if (missing === 0) return { verdict: 'pass' };
  const caused = `rotctl alone brought about ${missing} more: it is late, or does not show them`;
  return { verdict: 'unknown', reason: `the log since ${from} shows ${lines} refused signatures, and ${caused}` };
}

function expected({ allowed }: Pick<LogWatch, 'allowed'>): string {
  return `${allowed === 0 ? 'no' : `at most ${allowed}`} refused signatures of others`;
}

function seen(appended: Appended, { lines, others }: Counted): string {
  if (!appended.read) return 'not told';
  const number = `${rangeText(others)} of others among ${lines}`;
  if (appended.anew === undefined) return number;
  return `${number}; ${appended.anew}, and was read from its beginning: what it lost after the look before was not seen`;
}

function rangeText({ least, most }: Range): string {
  return least === most ? `${least}` : `${least} to ${most}`;
}

function notWatched(target: string, reason: string): Finding {
  return {
    ...{ id: ID, verdict: 'not-applicable', critical: true, target },
    ...{ expected: expected({ allowed: 0 }), seen: 'not looked at', reason, samples: 0, ms: 0 },
  };
}

function sum(one: Range, other: Range): Range {
  return { least: one.least + other.least, most: one.most + other.most };
}
