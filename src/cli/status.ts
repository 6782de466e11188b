import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { readHolder } from '../ledger/holder.ts';
import { describePhase, isFinal } from '../machine/phase.ts';
import { problemLine, readLedger, tornLine } from './ledger.ts';
import { fleetPath } from './load.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { type Standing, standings } from './standing.ts';

/** Who holds the fleet's lock, in words. */
type Holder = string | undefined;

/**
 * Says where each rotation stands and what to type next, from the ledger alone. Of a broken ledger, what verifies is
 * told, and the exit code is 2.
 *
 * @throws RotctlError `INPUT_UNREADABLE` when neither the ledger nor the fleet file exists
 */
export async function status(platform: Platform, flags: GlobalFlags): Promise<CommandEnd> {
  const { path, snapshot } = await readLedger(platform, flags);
  if (!snapshot.exists && snapshot.problems.length === 0) await requireFleet(platform, flags);
  const rotations = standings(snapshot.entries);
  const newest = rotations.at(-1);
  const holder = await holderOf(platform, `${path}.lock`);
  const next = nextAfter(newest, flags);
  const problems = snapshot.problems.map((problem) => problemLine(path, problem));
  const notes = [
    ...problems,
    ...(snapshot.torn === undefined ? [] : [tornLine(snapshot.torn)]),
    ...(holder === undefined ? [] : [`lock held by ${holder}`]),
  ];
  const base = {
    command: 'status',
    ...(newest === undefined ? {} : { rotation: newest.id, fleet: newest.fleet, phase: newest.phase }),
    text: textOf(rotations, notes, next, platform.clock.now()),
    result: {
      ledger: path,
      exists: snapshot.exists,
      rotations: rotations.map(plain),
      problems: snapshot.problems,
      ...(holder === undefined ? {} : { lock: holder }),
    },
  };
  if (problems.length > 0) {
    const summary = 'the ledger is broken; what is shown is what came before the break';
    return { ...base, verdict: 'fail', exitCode: 2, summary, next: 'rotctl ledger verify' };
  }
  return { ...base, verdict: 'pass', summary: summaryOf(newest), next };
}

/** A standing as plain data: of owed checks, all but the nonces. */
function plain({ owed, ...standing }: Standing): object {
  return {
    ...standing,
    owed: owed.map(({ client, replica, dueAt }) => ({ client, replica, dueAt: new Date(dueAt).toISOString() })),
  };
}

async function requireFleet(platform: Platform, flags: GlobalFlags): Promise<void> {
  const file = fleetPath(platform, flags);
  if (flags.ledger === undefined && (await platform.exists(file))) return;
  const at = { file: flags.ledger ?? file };
  throw new RotctlError('INPUT_UNREADABLE', `there is no ${flags.ledger === undefined ? 'fleet file' : 'ledger'}`, {
    at,
    hint: 'name the fleet with --fleet FILE or ROTCTL_FLEET, or the ledger with --ledger FILE',
  });
}

async function holderOf(platform: Pick<Platform, 'ledgerDisk'>, lock: string): Promise<Holder> {
  const bytes = await (await platform.ledgerDisk()).readSmall(lock);
  if (bytes === undefined) return undefined;
  const holder = readHolder(Buffer.from(bytes).toString('utf8'));
  if (holder === undefined) return 'somebody: the lock file cannot be read';
  const { command, pid, host, runId, since } = holder;
  return escapeForeign(`${command}, run ${runId}, process ${pid} on ${host}, since ${since}`, 400);
}

/** The command to type next in each phase. */
function nextAfter(newest: Standing | undefined, { fleet, fleetGiven }: GlobalFlags): string {
  const option = fleetGiven ? ` --fleet ${fleet}` : '';
  const command = newest === undefined ? 'check' : commandAfter(newest);
  return `rotctl ${command}${option}`;
}

function commandAfter({ phase, owed }: Standing): string {
  if (isFinal(phase)) return 'check';
  if (owed.length > 0) return 'resume';
  return phase === 'switched' || phase === 'retired' ? 'retire' : 'resume';
}

function summaryOf(newest: Standing | undefined): string {
  if (newest === undefined) return 'no rotation was begun';
  const held = newest.heldBecause === undefined ? '' : ' (held)';
  return `${newest.id} is ${newest.phase}${held}: ${describePhase(newest.phase)}`;
}

function textOf(rotations: readonly Standing[], notes: readonly string[], next: string, now: number): string {
  const newest = rotations.at(-1);
  const older = rotations.slice(0, -1).map(({ id, phase, last }) => `${id}  ${phase}  ${last}`);
  const rows = newest === undefined ? [] : rowsOf(newest, now);
  const width = Math.max(...rows.map(([name]) => name.length), 'next'.length);
  const lines = [...rows, ['next', next] as const].map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return `${[...older, ...lines, ...notes].join('\n')}\n`;
}

function rowsOf(standing: Standing, now: number): (readonly [name: string, value: string])[] {
  const { id, phase, begun, last, behind, heldBecause, unsettled, told, owed, allowed, compromised, override } =
    standing;
  const due = owed.map(({ dueAt }) => dueAt);
  const rows: (readonly [string, string | undefined])[] = [
    ['rotation', `${id}${compromised ? ' (compromised)' : ''}`],
    ['phase', `${phase}: ${describePhase(phase)}`],
    ['since', `${begun}, last entry ${last}`],
    ['behind', behind.length === 0 ? undefined : behind.join(', ')],
    ['held', heldBecause],
    ['unsettled', unsettled],
    ['overridden', override],
    ['told of next', told.length === 0 || isFinal(phase) ? undefined : told.join(', ')],
    [
      'owed',
      owed.length === 0
        ? undefined
        : `${owed.length} replay checks, due ${new Date(Math.max(...due)).toISOString()}${Math.max(...due) <= now ? ' (now)' : ''}`,
    ],
    ['allowed', allowed.join(', ')],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, escapeForeign(value, 400)] as const]));
}
