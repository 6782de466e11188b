import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { isBraked } from '../probe/brake.ts';
import type { Finding } from '../probe/finding.ts';
import type { HoldDomains } from '../probe/hold/hold-domains.ts';
import type { HoldChange, HoldRecord } from '../probe/hold/hold-watch.ts';
import { formatDuration } from '../report/duration.ts';
import { verdictOf } from '../runner/finding-verdict.ts';
import { isFancy, paletteFor } from './colour.ts';
import { LiveLine } from './live-line.ts';
import { type Look, openLook } from './look.ts';
import type { Platform } from './platform.ts';
import { holdFinding, openHold, periodOf } from './replay-hold.ts';
import { IncidentBook } from './replay-incidents.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `verify-replay --watch`. */
export interface WatchRequest {
  readonly everyMs: number;
  /** `undefined`: until it is stopped. */
  readonly forMs: number | undefined;
}

const COMMAND = 'verify-replay';

/**
 * Keeps a low-rate proof running, and tells in one line each change of the answer: on stdout, with `--json` as one JSON
 * document a line. Ends after `forMs`, or at the first Ctrl-C, with what it came to.
 *
 * @throws RotctlError as `openLook` and `openHold`
 */
export async function watchReplay(
  platform: Platform,
  flags: GlobalFlags,
  { everyMs, forMs }: WatchRequest,
): Promise<CommandEnd> {
  const look = await openLook(platform, flags);
  const book = new IncidentBook(platform, flags, { ...look, command: COMMAND });
  try {
    const period = periodOf(look.fleet, everyMs);
    const watch = openHold(platform, flags, look);
    const lines = await openLines(platform, flags);
    lines.say(beginning(look, period));
    const started = platform.clock.monotonic();
    const trouble = new Outages(book);
    const story: HoldChange[] = [];
    const braked = await run();
    await trouble.close(platform.clock.now());
    lines.end();
    return endOf({ platform, look, watch, story, ms: platform.clock.monotonic() - started, braked });

    async function run(): Promise<RotctlError | undefined> {
      let holding = false;
      while (!platform.interrupted.aborted && !isOver(platform, started, forMs)) {
        const begun = platform.clock.monotonic();
        const changes = await untilStopped(platform, watch.look()).catch((error: unknown) => {
          if (isBraked(error)) return error;
          throw error;
        });
        if (changes === undefined) break;
        if (changes instanceof RotctlError) return changes;
        for (const change of changes) lines.change(change);
        await trouble.leaked(changes);
        await trouble.looked(watch.records, platform.clock.now());
        story.push(...changes);
        const all = watch.records.every(({ state }) => state === 'holds');
        const told = changes.some(({ kind, replicas }) => kind === 'holds' && replicas.length === watch.records.length);
        if (all && !holding && !told) lines.holds(watch.records.length, platform.clock.now());
        holding = all;
        await book.flush();
        const rest =
          Math.min(begun + period.ms, started + (forMs ?? Number.POSITIVE_INFINITY)) - platform.clock.monotonic();
        lines.wait(watch, rest);
        if (rest > 0) await platform.clock.sleep(rest, platform.interrupted).catch(() => undefined);
      }
      return undefined;
    }
  } finally {
    await book.close();
    await look.close();
  }
}

function isOver(platform: Pick<Platform, 'clock'>, started: number, forMs: number | undefined): boolean {
  return forMs !== undefined && platform.clock.monotonic() - started >= forMs;
}

/** What a look came to; `undefined` when the operator's signal came first: it may be waiting for a turn below a lock-out. */
export function untilStopped<Result>(
  { interrupted }: Pick<Platform, 'interrupted'>,
  work: Promise<Result>,
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    interrupted.addEventListener('abort', stop, { once: true });
    if (interrupted.aborted) stop();
    work.then(resolve, reject).finally(() => interrupted.removeEventListener('abort', stop));
  });
}

function beginning({ fleet }: Look, { ms, why }: ReturnType<typeof periodOf>): string {
  const { replicas, replay, lockout, name } = fleet;
  const refused = 2 * replicas.length - 1;
  const limit = lockout === undefined ? '; rotctl.yaml does not say whether refusals lock out (lockout)' : '';
  const store =
    fleet.store === undefined ? '; without store: in rotctl.yaml events of the store show only by what they lose' : '';
  return `watching ${replicas.length} replicas of ${name} every ${formatDuration(ms)}${why === undefined ? '' : ` (${why})`}: a nonce lives ${formatDuration(replay.nonceTtlMs)}, a look is about 1 accepted and ${refused} refused requests${limit}${store}`;
}

/** How changes are told. */
interface Lines {
  say(text: string): void;
  change(change: HoldChange): void;
  holds(replicas: number, at: number): void;
  wait(watch: HoldDomains, ms: number): void;
  end(): void;
}

const WORDS: Readonly<Record<HoldChange['kind'], string>> = {
  holds: 'HOLDS',
  leaks: 'LEAK',
  closed: 'REFUSES',
  unknown: 'UNKNOWN',
  store: 'STORE',
  'replica-added': 'ADDED',
  'replica-gone': 'GONE',
};

async function openLines(platform: Platform, flags: GlobalFlags): Promise<Lines> {
  const live =
    !flags.json && !flags.quiet && isFancy(platform, flags, platform.stderr) ? new LiveLine(platform) : undefined;
  const palette = await paletteFor(platform, flags, platform.stdout);
  const shades = { holds: palette.good, leaks: palette.bad, closed: palette.doubt, unknown: palette.doubt };
  const write = (
    at: number,
    kind: HoldChange['kind'],
    replicas: readonly string[],
    hazards: readonly string[],
    what: string,
  ) => {
    const time = new Date(at).toISOString();
    live?.clear();
    if (flags.json) {
      const line = {
        schema: 'rotctl.replay-watch.v1',
        at: time,
        kind,
        replicas,
        hazards,
        what: escapeForeign(what, 500),
      };
      platform.stdout.write(`${JSON.stringify(line)}\n`);
      return;
    }
    const shade = kind in shades ? shades[kind as keyof typeof shades] : palette.strong;
    const where = replicas.length === 0 ? '' : `${replicas.join(', ')}  `;
    platform.stdout.write(`${time}  ${shade(WORDS[kind].padEnd(7))}  ${where}${escapeForeign(what, 500)}\n`);
  };
  return {
    say(text) {
      if (!flags.json && !flags.quiet) platform.stderr.write(`${text}\n`);
    },
    change: ({ at, kind, replicas, hazards, what }) => write(at, kind, replicas, hazards, what),
    holds: (replicas, at) => write(at, 'holds', [], [], `all ${replicas} replicas refuse burned nonces`),
    wait(watch, ms) {
      const held = watch.records.reduce((sum, record) => sum + record.held, 0);
      const lost = watch.records.reduce((sum, record) => sum + record.lost, 0);
      live?.show(
        `look ${watch.looks}: ${held} burned nonces refused, ${lost} accepted; next in ${formatDuration(Math.max(0, Math.round(ms)))}`,
      );
    },
    end: () => live?.clear(),
  };
}

/**
 * Makes incidents of what a watch sees: a leak at once; an outage when every replica refuses for its store, or one does at two
 * looks in a row (one that was just restarted may do so for a moment), from the first refusal to the last one's return.
 */
class Outages {
  readonly #book: IncidentBook;
  /** Replicas that refused at the last look, each with the time of its first refusal. */
  #closed = new Map<string, string>();
  #began: string | undefined;

  constructor(book: IncidentBook) {
    this.#book = book;
  }

  async leaked(changes: readonly HoldChange[]): Promise<void> {
    for (const { kind, at, what } of changes)
      if (kind === 'leaks') await this.#book.record(`replay leak: ${what}`, { began: new Date(at).toISOString() });
  }

  async looked(records: readonly HoldRecord[], at: number): Promise<void> {
    const time = new Date(at).toISOString();
    const before = this.#closed;
    const closed = records.filter(({ state }) => state === 'closed');
    this.#closed = new Map(closed.map(({ replica }) => [replica, before.get(replica) ?? time]));
    if (closed.length === 0) return this.close(at);
    const lasting =
      closed.find(({ replica }) => before.has(replica)) ?? (closed.length === records.length ? closed[0] : undefined);
    if (this.#began !== undefined || lasting === undefined) return;
    const began = [...this.#closed.values()].toSorted()[0] ?? time;
    this.#began = began;
    const who = closed.map(({ replica }) => replica).join(', ');
    await this.#book.record(`the replay store is out: ${who} ${lasting.reason}`, { began });
  }

  async close(at: number): Promise<void> {
    const began = this.#began;
    if (began === undefined) return;
    this.#began = undefined;
    const open = this.#closed.size > 0 ? ' (still out as the watch ends)' : '';
    await this.#book.record(`the replay store is back${open}`, { began, ended: new Date(at).toISOString() });
  }
}

interface Watched {
  readonly platform: Platform;
  readonly look: Look;
  readonly watch: HoldDomains;
  readonly story: readonly HoldChange[];
  readonly ms: number;
  readonly braked: RotctlError | undefined;
}

function endOf({ platform, look, watch, story, ms, braked }: Watched): CommandEnd {
  const { fleet } = look;
  const now = platform.clock.monotonic();
  const checks = watch.records.map((record): Finding => {
    const gap = Math.max(record.longestGapMs, record.state === 'holds' ? 0 : now - record.clearAt);
    const doubt =
      gap > fleet.replay.nonceTtlMs
        ? `it gave no clear answer for ${formatDuration(Math.round(gap))}, longer than a nonce lives: what was lost meanwhile cannot be told`
        : undefined;
    return holdFinding(record, Math.round(ms), doubt);
  });
  const held = watch.records.reduce((sum, record) => sum + record.held, 0);
  const lost = watch.records.reduce((sum, record) => sum + record.lost, 0);
  const changes = story.map((change) => ({ ...change, at: new Date(change.at).toISOString() }));
  const base = {
    ...{ command: COMMAND, fleet: fleet.name, checks, jsonLine: true },
    result: { looks: watch.looks, held, lost, changes, ms: Math.round(ms) },
    text: '',
  };
  if (braked !== undefined)
    return { ...base, verdict: 'unknown', exitCode: 12, summary: braked.message, error: braked };
  const verdict = verdictOf(checks);
  const leak = checks.find((finding) => finding.verdict === 'fail')?.reason;
  const doubt = checks.find((finding) => finding.verdict === 'unknown')?.reason;
  const why = leak ?? doubt;
  return {
    ...base,
    verdict,
    exitCode: { pass: 0, fail: 1, unknown: 12 }[verdict],
    summary: `watched ${fleet.name} for ${formatDuration(Math.round(ms))}: ${watch.looks} looks, ${held} burned nonces refused, ${lost} accepted, ${story.length} changes${why === undefined ? '' : `; ${why}`}`,
    ...(verdict === 'pass' ? {} : { next: `rotctl ${COMMAND}` }),
  };
}
