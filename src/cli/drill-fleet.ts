import { join, resolve } from 'node:path';
import { readLimits } from '../drill/game-day/limits.ts';
import { playRehearsal, type Rehearsed } from '../drill/rehearsal/play.ts';
import type { RehearsalTools } from '../drill/rehearsal/tools.ts';
import type { Hygiene } from '../drill/tools.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { pathsOf } from '../ledger/head.ts';
import { formatDuration } from '../report/duration.ts';
import { safetyDocument } from '../report/safety-json.ts';
import { sayProof } from '../report/safety-text.ts';
import { scorecardDocument } from '../report/scorecard-json.ts';
import { renderScorecardText } from '../report/scorecard-text.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { requireCarriedOut } from '../runner/carried-out.ts';
import { type Collecting, collecting } from '../runner/collect.ts';
import { clientIn } from '../runner/configurations.ts';
import { drillOf } from '../runner/drill-mark.ts';
import { isOpen, newestHistory } from '../runner/history.ts';
import { movedBy } from '../runner/left-alone.ts';
import { operate, requireSafe } from '../runner/operate.ts';
import type { Pair } from '../runner/pair.ts';
import { type Safety, UnsafeRunbook } from '../runner/safety.ts';
import { idsNow } from '../runner/second-id.ts';
import { settingsNow } from '../runner/settings-now.ts';
import type { Tools } from '../runner/tools.ts';
import { type Consent, requireConsent } from './confirm-fleet.ts';
import { checksOf, recordedCard } from './drill-end.ts';
import { clientsFor, loadFleet, runbookFor } from './load.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import { openProgress } from './progress.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { rotate } from './rotate.ts';
import { openSession, type Session } from './session.ts';
import { unsafeEnd } from './unsafe-end.ts';

const JOURNAL = 'journal.yaml';

/** What was typed for a drill on a fleet of one's own. */
export interface FleetDrillRequest extends Consent {
  readonly complete: boolean;
}

/** A rehearsal at work. */
interface Stand {
  readonly platform: Platform;
  readonly flags: GlobalFlags;
  readonly session: Session;
  readonly safety: Safety;
  readonly complete: boolean;
}

/** Tries what can be tried of a drill on this fleet, as `overlap --dry-run` does, and says what the drill would do. */
export async function rehearseFleetDrill(
  platform: Platform,
  flags: GlobalFlags,
  { complete }: FleetDrillRequest,
): Promise<CommandEnd> {
  const request = { command: 'overlap', wait: true, reinstate: false, reason: undefined, compromised: false } as const;
  const more = {
    secretFiles: [],
    secretFds: [],
    breakLock: false,
    plan: undefined,
    unsafeOrder: false,
  };
  const end = await rotate(platform, { ...flags, dryRun: true }, { ...request, ...more });
  const then = complete
    ? 'then it would move the clients, retire, wait for the soak, and destroy the old secrets'
    : 'then it would move the clients, take everything back, and compare every configuration with before';
  const text = end.text === undefined ? {} : { text: `${end.text.trimEnd()}\n${then}\n` };
  const next = end.error === undefined && end.verdict === 'rehearsed' ? { next: commandOn(flags, 'drill') } : {};
  return { ...end, command: 'drill', ...text, ...next };
}

/**
 * Rehearses a rotation on an operator's own fleet, with its own ledger and under its own lock, and leaves it as it was;
 * or completes it.
 *
 * @throws RotctlError `PRECONDITION_FAILED` without consent to do it in production, `MOVE_REFUSED` while a rotation is
 *   open, `LOCK_HELD`; as `loadFleet`
 */
export async function drillFleet(
  platform: Platform,
  flags: GlobalFlags,
  request: FleetDrillRequest,
): Promise<CommandEnd> {
  const described = await loadFleet(platform, flags);
  await requireConsent(platform, described, request);
  const runbook = await runbookFor(platform, flags, described);
  const fleet = movedBy(runbook, described);
  requireCarriedOut(runbook);
  readLimits({ environment: platform.env, flags: {} });
  const progress = collecting(await openProgress(platform, flags));
  const session = await openSession(platform, flags, fleet, runbook, { progress });
  const base = { command: 'drill', fleet: fleet.name };
  try {
    const clients = clientsFor(fleet, flags);
    const safety = await requireSafe(session.tools, { clients, compromised: false });
    const lock = await session.tools.lock('drill');
    try {
      // One lock for the whole drill: nobody else may come between its rotation and the way back.
      const held = { ...lock, release: async () => undefined };
      const stand = { platform, flags, session: withLock(session, held), safety, complete: request.complete };
      await requireNothingOpen(stand, runbook);
      return { ...base, ...(await rehearsed(stand, fleet, clients, progress)) };
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof UnsafeRunbook)) throw error;
    return { ...base, verdict: 'fail', summary: error.message, error, ...(await unsafeEnd(platform, flags, error)) };
  } finally {
    await session.close();
  }
}

function withLock(session: Session, held: Awaited<ReturnType<Tools['lock']>>): Session {
  return { ...session, tools: { ...session.tools, lock: async () => held } };
}

/** @throws RotctlError `MOVE_REFUSED` */
async function requireNothingOpen({ session, flags }: Stand, runbook: Runbook): Promise<void> {
  const entries = await session.tools.readLedger();
  const history = newestHistory(entries, runbook, session.tools.fleet.name);
  if (!isOpen(history)) return;
  const drill = drillOf(entries, history.id);
  throw new RotctlError(
    'MOVE_REFUSED',
    `rotation ${history.id} is open, in phase ${history.rotation.phase}${drill === undefined ? '' : ': it is of a drill that did not end'}; a drill begins on a fleet that is at rest`,
    {
      hint: 'finish it, or take it back, first',
      next: commandOn(flags, drill === undefined || drill.complete ? 'status' : 'rollback'),
    },
  );
}

async function rehearsed(
  stand: Stand,
  fleet: Fleet,
  clients: readonly string[],
  progress: Collecting,
): Promise<Omit<CommandEnd, 'command'>> {
  const tools = rehearsalTools(stand, fleet, clients, progress);
  try {
    return await goodEnd(stand, await playRehearsal(tools, stand));
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return badEnd(stand, error, await tools.openPhase());
  }
}

function rehearsalTools(
  { platform, session, flags, complete }: Stand,
  fleet: Fleet,
  clients: readonly string[],
  progress: Collecting,
): RehearsalTools {
  const { tools } = session;
  const id = `drill-${tools.runId}`;
  const head = { rotation: id, fleet: fleet.name, runbook: 'drill' };
  const order = { wait: true, reinstate: false, reason: undefined, compromised: false, clients, brought: new Map() };
  return {
    fleet,
    runId: tools.runId,
    version: tools.version,
    progress,
    operate: (command) => operate(tools, { ...order, command, drill: { id, complete } }),
    async openPhase() {
      const history = newestHistory(await tools.readLedger(), tools.runbook, tools.fleet.name);
      return isOpen(history) ? history.rotation.phase : undefined;
    },
    note: (kind, data, phase) => noteInLedger(tools, head, kind, data, phase),
    async proveReplay(phase) {
      const signed = await tools.readCurrent(clients);
      const pairs = new Map<string, Pair>();
      for (const [client, secret] of signed) {
        const ids = await idsNow(tools.driver, clientIn(fleet, client));
        const own = ids === undefined ? {} : { ids: { current: ids.current, next: ids.current } };
        pairs.set(client, { current: secret, next: secret, ...own });
      }
      return (await tools.prover(pairs)).prove({ proves: 'replay' }, phase, []);
    },
    standing: async () => ({ settings: await settingsNow(tools), texts: await textsNow(session, fleet) }),
    searchSecrets: () => searchOwn(platform, session, flags),
  };
}

/** The whole text of each configuration that is one. */
async function textsNow({ textOf }: Session, { replicas, templates, clients }: Fleet): Promise<Map<string, string>> {
  const parties = [
    ...[...replicas, ...templates].map(({ name, deploy }) => ({ name, deploy })),
    ...clients.map(({ id, deploy }) => ({ name: id, deploy })),
  ];
  const texts = new Map<string, string>();
  for (const { name, deploy } of parties) {
    const text = await textOf(deploy);
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}

/** Looks for secrets in the ledger and in what was written beside it. Elsewhere on a machine in use they may rightly be. */
async function searchOwn(platform: Platform, { redactor, ledger }: Session, { out }: GlobalFlags): Promise<Hygiene> {
  const where: string[] = [];
  let searched = 0;
  const look = (name: string, content: string) => {
    searched += 1;
    if (redactor.finds(content)) where.push(name);
  };
  look(ledger, await platform.readText(ledger));
  const folders = out === undefined ? [] : [resolve(platform.cwd, out)];
  for await (const { name, content } of platform.secretPlaces(folders, []))
    if (!/^\w+ of process \d+$/.test(name)) look(name, content);
  return { searched, where };
}

async function goodEnd(stand: Stand, { rotation, phase, asBefore }: Rehearsed): Promise<Omit<CommandEnd, 'command'>> {
  const { platform, session, flags, complete } = stand;
  const card = await recordedCard(platform, session);
  const good = card.verdict === 'pass';
  const what = complete ? 'the old secrets are destroyed' : `${asBefore.length} configurations are as before`;
  return {
    verdict: card.verdict,
    exitCode: good ? 0 : card.verdict === 'unknown' ? 12 : complete ? 12 : 10,
    summary: `drill on ${session.tools.fleet.name}: ${phase}; ${what}`,
    rotation,
    phase,
    rollback: complete ? 'not-needed' : 'verified',
    checks: [...checksOf(card), ...asBefore],
    ...(await written(stand, card)),
    next: good ? commandOn(flags, complete ? 'status' : 'overlap') : `rotctl scorecard --from-ledger ${session.ledger}`,
  };
}

/** A drill that failed: what was seen until then is scored as it is, and the next command leads out of where it stands. */
async function badEnd(
  stand: Stand,
  error: RotctlError,
  phase: string | undefined,
): Promise<Omit<CommandEnd, 'command'>> {
  const { platform, session, flags, complete } = stand;
  const stopped = error.code === 'STOPPED' || error.code === 'GATE_WAITING';
  const shown = stopped && phase !== undefined ? stoppedIn(phase, error, flags) : error;
  const card = error.code === 'LEDGER_WRITE_FAILED' ? undefined : await recordedCard(platform, session);
  const wayBack = commandOn(flags, 'rollback');
  return {
    verdict: stopped ? 'stopped' : error.exitCode === 12 ? 'unknown' : 'fail',
    summary: shown.message,
    error: shown,
    ...(phase === undefined ? {} : { phase }),
    ...(error.code === 'ROLLED_BACK' ? { rollback: 'verified' } : {}),
    ...(error.code === 'ROLLBACK_UNVERIFIED' ? { rollback: 'unverified' } : {}),
    ...(card === undefined ? {} : { checks: checksOf(card), ...(await written(stand, card)) }),
    next:
      phase === undefined ? (error.next ?? afterwards(error, flags)) : complete ? commandOn(flags, 'resume') : wayBack,
  };
}

function stoppedIn(phase: string, { code, message, cause }: RotctlError, flags: GlobalFlags): RotctlError {
  return new RotctlError(code, `${message}, in phase ${phase}`, {
    hint: `nobody is locked out as it stands; ${commandOn(flags, 'rollback')} takes all back to what it was, ${commandOn(flags, 'resume')} goes on`,
    cause,
  });
}

/** What to type when a drill failed and nothing is left open. */
function afterwards({ code }: RotctlError, flags: GlobalFlags): string {
  if (code === 'STOPPED') return commandOn(flags, 'drill');
  return commandOn(flags, code === 'ROLLBACK_UNVERIFIED' ? 'status' : 'check');
}

type Card = Awaited<ReturnType<typeof recordedCard>>;

/** The score and the journal: for the reader, and in `--out` as files. */
async function written(stand: Stand, card: Card): Promise<Pick<CommandEnd, 'text' | 'result'>> {
  const { platform, session, flags, safety, complete } = stand;
  const { replay, file } = session.tools.fleet;
  if (flags.out !== undefined) {
    const folder = resolve(platform.cwd, flags.out);
    const score = `${JSON.stringify(scorecardDocument(card), undefined, 2)}\n`;
    await platform.writeReport(join(folder, 'scorecard.json'), score);
    await copyJournal(platform, session.ledger, join(folder, JOURNAL));
  }
  const settings = [replay.maxAgeMs, replay.nonceTtlMs, replay.storeTimeoutMs].map(formatDuration);
  return {
    result: {
      fleetFile: file,
      ledger: session.ledger,
      complete,
      safety: safetyDocument(safety),
      scorecard: scorecardDocument(card),
    },
    text: [
      renderScorecardText(card).trimEnd(),
      '',
      sayProof(safety),
      `window ${settings[0]}, nonce life ${settings[1]}, store timeout ${settings[2]}`,
    ].join('\n'),
  };
}

/** A copy of the ledger as it stands at the drill's end, to be kept, verified and scored apart from it. */
async function copyJournal(platform: Platform, ledger: string, copy: string): Promise<void> {
  if (copy === ledger) return;
  await platform.writeReport(copy, await platform.readText(ledger));
  await platform.writeReport(pathsOf(copy).head, await platform.readText(pathsOf(ledger).head));
}

function commandOn({ fleet }: GlobalFlags, command: string): string {
  return `rotctl ${command} --fleet ${fleet}`;
}
