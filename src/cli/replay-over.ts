import { resolve } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Finding } from '../probe/finding.ts';
import type { HoldEvent } from '../probe/hold/explain-loss.ts';
import type { HoldDomains } from '../probe/hold/hold-domains.ts';
import type { HoldChange } from '../probe/hold/hold-watch.ts';
import { formatDuration } from '../report/duration.ts';
import { firstStopping, verdictOf } from '../runner/finding-verdict.ts';
import { type Look, openLook } from './look.ts';
import type { Platform } from './platform.ts';
import { burnedText, readBurned } from './replay-file.ts';
import { holdFinding, openHold, periodOf } from './replay-hold.ts';
import { IncidentBook } from './replay-incidents.ts';
import { untilStopped } from './replay-watch.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `verify-replay --over`. */
export interface OverRequest {
  readonly event: HoldEvent;
  /** The command that makes the event; empty: the operator makes it, and says when it is over. */
  readonly command: readonly string[];
  /** Longest time that the command may take, in milliseconds. */
  readonly deadlineMs: number;
}

const COMMAND = 'verify-replay';
/** Between two looks while an event goes on. */
const EVERY_MS = 2000;
/** Between two tries to get clear answers after it. */
const AGAIN_MS = 500;

/** An event's nonces, as they stand. */
interface Stand {
  readonly platform: Platform;
  readonly look: Look;
  readonly watch: HoldDomains;
  readonly changes: HoldChange[];
}

/**
 * Burns nonces, has the event happen, and tries them again: all are to be refused within their life. While it goes on more
 * are burned, because a roll may take longer than a nonce lives. Nothing is written to disk.
 *
 * @throws RotctlError `USAGE` where there is neither a command nor a terminal to be told at; as `openLook` and `openHold`
 */
export async function replayOver(platform: Platform, flags: GlobalFlags, request: OverRequest): Promise<CommandEnd> {
  const { event, command } = request;
  const look = await openLook(platform, flags);
  const book = new IncidentBook(platform, flags, { ...look, command: COMMAND });
  try {
    const stand: Stand = {
      ...{ platform, look, changes: [] },
      watch: openHold(platform, flags, look, { during: event }),
    };
    const early = await holdFirst(stand);
    if (early !== undefined) return early;
    say(platform, flags, `${stand.watch.alive(0).length} nonces are burned; the event is ${event}`);
    const happened = await during(stand, flags, request);
    const ended = platform.clock.now();
    await settle(stand);
    const findings = findingsOf(stand, ended, happened.doubt);
    await recordLeaks(book, stand, event);
    const how = command.length === 0 ? event : `${event} (${command[0]}: ${happened.how})`;
    return endOf(stand, findings, `over ${how}`);
  } finally {
    await book.close();
    await look.close();
  }
}

/** Burns nonces and writes them to a file, for `afterEvent`. The file holds no signed request. */
export async function beforeEvent(platform: Platform, flags: GlobalFlags, path: string): Promise<CommandEnd> {
  const look = await openLook(platform, flags);
  try {
    const stand = { platform, look, watch: openHold(platform, flags, look), changes: [] };
    const early = await holdFirst(stand);
    if (early !== undefined) return early;
    const { name, replay } = look.fleet;
    const held = stand.watch.alive(0);
    await platform.writeReport(resolve(platform.cwd, path), burnedText({ fleet: name, held, mark: stand.watch.mark }));
    const end = endOf(
      stand,
      stand.watch.records.map((record) => holdFinding(record, 0)),
      'before the event',
    );
    const until = Math.max(...held.map(({ since }) => since)) + replay.nonceTtlMs;
    return {
      ...end,
      summary: `${held.length} nonces of ${name} are burned; the last lives until ${new Date(until).toISOString()}`,
      next: `rotctl ${COMMAND} --after ${path}`,
    };
  } finally {
    await look.close();
  }
}

/** Tries the nonces of a file again. @throws RotctlError as `readBurned`, and `INPUT_UNREADABLE` */
export async function afterEvent(
  platform: Platform,
  flags: GlobalFlags,
  path: string,
  event: HoldEvent,
): Promise<CommandEnd> {
  const absolute = resolve(platform.cwd, path);
  const content = await platform.readText(absolute);
  const look = await openLook(platform, flags);
  const book = new IncidentBook(platform, flags, { ...look, command: COMMAND });
  try {
    const before = readBurned(content, absolute, look.fleet.name);
    const stand: Stand = {
      ...{ platform, look, changes: [] },
      watch: openHold(platform, flags, look, { during: event, before }),
    };
    const began = platform.clock.now();
    if (stand.watch.alive(0).length > 0) await settle(stand);
    else stand.changes.push(...(await stand.watch.look()));
    await recordLeaks(book, stand, event);
    return endOf(stand, findingsOf(stand, began, undefined), `after ${event}`);
  } finally {
    await book.close();
    await look.close();
  }
}

async function recordLeaks(book: IncidentBook, { changes }: Stand, event: HoldEvent): Promise<void> {
  for (const { at, what } of changes.filter(({ kind }) => kind === 'leaks'))
    await book.record(`replay leak over ${event}: ${what}`, { began: new Date(at).toISOString() });
}

/** Burns at every replica, and sees that each holds: what leaks already, no event has lost. */
async function holdFirst(stand: Stand): Promise<CommandEnd | undefined> {
  const { watch, look, platform, changes } = stand;
  for (let n = 0; n < Math.max(2, look.fleet.replicas.length); n += 1) {
    const seen = await untilStopped(platform, watch.look());
    if (seen === undefined) throw new RotctlError('STOPPED', 'stopped before the event began');
    changes.push(...seen);
  }
  const findings = watch.records.map((record) => holdFinding(record, 0));
  if (verdictOf(findings) === 'pass') return undefined;
  return endOf(stand, findings, 'before the event, which was not begun');
}

/** What became of an event. */
interface Happened {
  readonly how: string;
  /** Why it may not have happened. */
  readonly doubt: string | undefined;
}

/** Has the event happen, and burns and tries nonces while it goes on. */
async function during(stand: Stand, flags: GlobalFlags, request: OverRequest): Promise<Happened> {
  const { platform, watch, changes, look } = stand;
  const { ms } = periodOf(look.fleet, EVERY_MS);
  const over = new AbortController();
  const event = happen(platform, flags, look, request).finally(() => over.abort());
  // What it rejects with is thrown when the looks are over.
  event.catch(() => undefined);
  while (!over.signal.aborted) {
    await platform.clock.sleep(ms, over.signal).catch(() => undefined);
    if (!over.signal.aborted) changes.push(...(await watch.look()));
  }
  return event;
}

async function happen(
  platform: Platform,
  flags: GlobalFlags,
  { fleet }: Look,
  { event, command, deadlineMs }: OverRequest,
): Promise<Happened> {
  if (command.length === 0) {
    const typed = await platform.ask(`Make the event now (${event}); press Enter when it is over: `);
    if (typed !== undefined) return { how: 'said to be over', doubt: undefined };
    if (platform.interrupted.aborted) return { how: 'stopped', doubt: 'it was stopped before the event was over' };
    throw new RotctlError(
      'USAGE',
      `--over ${event} needs the command that makes the event, or a terminal to be told at`,
      {
        hint: `rotctl ${COMMAND} --over ${event} -- systemctl restart redis; or --before FILE, the event, and --after FILE`,
      },
    );
  }
  const commands = await platform.commands((text) => text);
  say(platform, flags, `running ${command[0]}; Ctrl-C waits for its end`);
  // The operator's own command has the operator's own environment, but for what holds a secret of the fleet.
  const secret = fleet.clients.flatMap(({ secret: from }) => (from?.from === 'env' ? [from.variable] : []));
  const pass = Object.keys(platform.env).filter((name) => !secret.includes(name));
  const { ok, how, output } = await commands.run(command, { cwd: platform.cwd, deadlineMs, pass });
  say(platform, flags, `${command[0]}: ${how}${output === '' ? '' : `: ${output}`}`);
  return { how, doubt: ok ? undefined : `the event's command ended with ${how}, so that it may not have happened` };
}

/** Looks until every replica gives a clear answer for nonces of before, or its time to be ready is over. */
async function settle({ platform, look, watch, changes }: Stand): Promise<void> {
  const { clock } = platform;
  const until = clock.monotonic() + look.fleet.readiness.deadlineMs;
  for (;;) {
    changes.push(...(await watch.look(true)));
    if (watch.records.every(({ state, last }) => state === 'leaks' || (state === 'holds' && last.length > 0))) return;
    if (clock.monotonic() > until || platform.interrupted.aborted) return;
    await clock.sleep(AGAIN_MS, platform.interrupted).catch(() => undefined);
  }
}

/** @param ended Unix milliseconds: only nonces that were burned before it prove anything about the event */
function findingsOf({ watch, look }: Stand, ended: number, doubt: string | undefined): Finding[] {
  const { nonceTtlMs } = look.fleet.replay;
  return watch.records.map((record) => {
    const before = record.last.filter(({ said, held }) => said === 'held' && held.burnedAt <= ended);
    const none = `no nonce of before the event is left to try: each lives ${formatDuration(nonceTtlMs)}`;
    return holdFinding(record, 0, doubt ?? (before.length === 0 ? none : undefined));
  });
}

function endOf({ look, changes }: Stand, findings: readonly Finding[], what: string): CommandEnd {
  const verdict = verdictOf(findings);
  const first = firstStopping(findings);
  const held = findings.filter((one) => one.verdict === 'pass').length;
  return {
    ...{ command: COMMAND, fleet: look.fleet.name, checks: findings, verdict },
    exitCode: { pass: 0, fail: 1, unknown: 12 }[verdict],
    summary: `${what}: burned nonces are refused by ${held}/${findings.length} replicas${first === undefined ? '' : `; ${first.text}`}`,
    ...(first === undefined ? {} : { next: `rotctl explain ${first.id}` }),
    result: { changes: changes.map((change) => ({ ...change, at: new Date(change.at).toISOString() })) },
  };
}

function say({ stderr }: Platform, { json, quiet }: GlobalFlags, text: string): void {
  if (!json && !quiet) stderr.write(`${text}\n`);
}
