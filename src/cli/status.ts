import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { describePhase, isFinal } from '../machine/phase.ts';
import { parseOwedHooks } from '../runner/owed-hooks.ts';
import { problemLine, readLedger, tornLine } from './ledger.ts';
import { fleetPath, loadFleet } from './load.ts';
import { holderOf } from './lock-holder.ts';
import { isForcedAndHeld, withPlaces } from './next-command.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { type Standing, standings } from './standing.ts';
import type { Validity } from './validity.ts';

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
  const hooks = parseOwedHooks(snapshot.entries);
  const stranger = await fleetBeside(platform, flags, newest);
  // An outage that was begun on purpose is ended before anything else.
  const command =
    hooks.length > 0
      ? 'rotctl verify-replay --chaos'
      : stranger === undefined
        ? `rotctl ${newest === undefined ? 'check' : commandAfter(newest)}`
        : 'rotctl status --ledger FILE';
  const next = withPlaces(command, flags);
  const [window, validity] = await besideLedger(platform, flags);
  const problems = snapshot.problems.map((problem) => problemLine(path, problem));
  const notes = [
    ...problems,
    ...hooks.map(
      ({ outage, end, since }) => `owed: chaos.${end}: ${outage} was begun at ${since} and is not known to be over`,
    ),
    ...(snapshot.torn === undefined ? [] : [tornLine(snapshot.torn)]),
    ...(holder === undefined ? [] : [`lock held by ${holder}`]),
    ...(stranger === undefined ? [] : [stranger]),
    ...(window === undefined ? [] : [`policy: ${window}`]),
    ...(validity?.due === true ? [`certificates: ${expiryText(validity)}: rotate them now`] : []),
  ];
  const base = {
    command: 'status',
    ...(newest === undefined ? {} : { rotation: newest.id, fleet: newest.fleet, phase: newest.phase }),
    text: textOf(rotations, { notes, next, now: platform.clock.now(), validity }),
    result: {
      ledger: path,
      exists: snapshot.exists,
      rotations: rotations.map(plain),
      problems: snapshot.problems,
      ...(hooks.length === 0 ? {} : { owedHooks: hooks.map((hook) => ({ ...hook })) }),
      ...(holder === undefined ? {} : { lock: holder }),
      ...(window === undefined ? {} : { policy: window }),
      ...(validity === undefined ? {} : { validity }),
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

/** What to say when the fleet file is not of the fleet whose rotation the ledger has: of two in one folder, or of a new name. */
async function fleetBeside(
  platform: Platform,
  flags: GlobalFlags,
  newest: Standing | undefined,
): Promise<string | undefined> {
  const file = fleetPath(platform, flags);
  if (newest === undefined || !(await platform.exists(file))) return undefined;
  const text = await platform.readText(file).catch(() => '');
  const name = /^name\s*:\s*(['"]?)([\w.-]+)\1\s*(?:#.*)?$/m.exec(text)?.[2];
  return name === undefined || name === newest.fleet
    ? undefined
    : `the fleet file is of ${name}, and this ledger has a rotation of ${newest.fleet}: name the ledger of ${name} with --ledger`;
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

/**
 * What the fleet's policy says of the present time, where it has windows and now is not free, and when the first of its
 * certificates expires, where those are rotated. A fleet file that cannot be read says nothing here: where the rotations
 * stand is in the ledger alone.
 */
async function besideLedger(
  platform: Platform,
  flags: GlobalFlags,
): Promise<readonly [window: string | undefined, validity: Validity | undefined]> {
  const file = fleetPath(platform, flags);
  if (!(await platform.exists(file))) return [undefined, undefined];
  try {
    // Most fleets have neither: then it is not read any further, because status must be quick.
    const text = await platform.readText(file);
    const [hasWindows, hasAuthority] = [/Windows\s*:/.test(text), /^authority\s*:/m.test(text)];
    if (!hasWindows && !hasAuthority) return [undefined, undefined];
    const fleet = await loadFleet(platform, flags);
    const validity = hasAuthority ? await (await import('./validity.ts')).validityOf(platform, fleet) : undefined;
    return [hasWindows ? await windowOf(fleet, platform.clock.now()) : undefined, validity];
  } catch (error) {
    if (error instanceof RotctlError) return [undefined, undefined];
    throw error;
  }
}

async function windowOf(fleet: Fleet, now: number): Promise<string | undefined> {
  const { sayFree, standingOf } = await import('../runner/free-time.ts');
  const standing = await standingOf(fleet, now);
  return standing.free ? undefined : `blocked: ${sayFree(standing)}; a rollback is not`;
}

/** Of a fleet whose certificates are rotated as well: where the newest rotation of each material stands. */
function materialRows(rotations: readonly Standing[], validity: Validity): (readonly [string, string])[] {
  const newest = (['secrets', 'certificates'] as const).map((material) => {
    const last = rotations.findLast((each) => each.material === material);
    return [material, last === undefined ? 'never rotated here' : `${last.phase}, ${last.id}`] as const;
  });
  return [...newest, ['validity', expiryText(validity)]];
}

function expiryText({ whose, until, days }: Validity): string {
  const left = days < 0 ? 'over' : days < 2 ? 'less than two days left' : `${days} days left`;
  return `the first certificate to expire is of ${whose}, on ${until.slice(0, 16)}Z (${left})`;
}

/** The command to type next in each phase. */
function commandAfter(standing: Standing): string {
  const { phase, owed, drill, allowed, heldBecause } = standing;
  if (isFinal(phase)) return 'check';
  if (heldBecause !== undefined && isForcedAndHeld(standing)) return 'rollback';
  if (drill?.complete === false && allowed.includes('rollback')) return 'rollback';
  if (owed.length > 0) return 'resume';
  return phase === 'switched' || phase === 'retired' ? 'retire' : 'resume';
}

function summaryOf(newest: Standing | undefined): string {
  if (newest === undefined) return 'no rotation was begun';
  const held = newest.heldBecause === undefined ? '' : ' (held)';
  return `${newest.id} is ${newest.phase}${held}: ${describePhase(newest.phase)}`;
}

interface Shown {
  readonly notes: readonly string[];
  readonly next: string;
  readonly now: number;
  readonly validity: Validity | undefined;
}

function textOf(rotations: readonly Standing[], { notes, next, now, validity }: Shown): string {
  const newest = rotations.at(-1);
  const older = rotations.slice(0, -1).map(({ id, phase, last }) => `${id}  ${phase}  ${last}`);
  const rows = [
    ...(newest === undefined ? [] : rowsOf(newest, now)),
    ...(validity === undefined ? [] : materialRows(rotations, validity)),
  ];
  const width = Math.max(...rows.map(([name]) => name.length), 'next'.length);
  const lines = [...rows, ['next', next] as const].map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return `${[...older, ...lines, ...notes].join('\n')}\n`;
}

function rowsOf(standing: Standing, now: number): (readonly [name: string, value: string])[] {
  const { id, phase, begun, last, behind, heldBecause, unsettled, told, owed, allowed, compromised, override } =
    standing;
  const { drill, confirmed } = standing;
  const due = owed.map(({ dueAt }) => dueAt);
  const rows: (readonly [string, string | undefined])[] = [
    ['rotation', `${id}${compromised ? ' (compromised)' : ''}`],
    ['phase', `${phase}: ${describePhase(phase)}`],
    ['since', `${begun}, last entry ${last}`],
    ['behind', behind.length === 0 ? undefined : behind.join(', ')],
    [
      'rehearsal',
      drill === undefined ? undefined : `of ${drill.id}${drill.complete ? '' : ', which is to be taken back'}`,
    ],
    ['held', heldBecause],
    ['unsettled', unsettled],
    ['overridden', override],
    ['confirmed', confirmed.length === 0 ? undefined : confirmed.join('; ')],
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
