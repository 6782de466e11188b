import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { loadsIn } from '../fleet/loads.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { beginningsOf } from '../machine/as-before.ts';
import { MOVING_PHASES } from '../machine/phase.ts';
import { type Answer, checking } from '../machine/safety/check.ts';
import { ENVIRONMENT, type EnvironmentAction } from '../machine/safety/environment.ts';
import type { Lack } from '../machine/safety/world.ts';
import type { Inventory } from '../machine/step.ts';
import type { Clock } from '../probe/ports.ts';
import type { Runbook } from '../runbook/runbook.ts';

/** Whether something that may happen around a rotation was among what was explored, and why. */
export interface Surrounding {
  readonly action: EnvironmentAction;
  readonly on: boolean;
  readonly why: string;
}

/** A runbook's proof on a fleet, or what stands against it. */
export interface Safety {
  readonly runbook: Runbook;
  /** The targets that were asked about; what was explored may be a part that stands for them. */
  readonly inventory: Inventory;
  readonly surroundings: readonly Surrounding[];
  readonly answer: Answer;
}

/** A runbook that is not proven safe, with what was found. */
export class UnsafeRunbook extends RotctlError {
  readonly safety: Safety;

  constructor(safety: Safety) {
    const { message, hint } = objectionTo(safety);
    const at = positionOf(safety);
    const next = `rotctl runbook check ${fileOf(safety.runbook)}`;
    super('RUNBOOK_UNSAFE', message, { hint, next, ...(at === undefined ? {} : { at }) });
    this.safety = safety;
  }
}

/** The commands that a runbook asks for, and that replicas, or clients that rotate, do not have. */
function lacksOf(
  { replicas, clients }: Fleet,
  { program, scheme }: Runbook,
  rotating: readonly string[],
): { name: string; lack: Lack }[] {
  const steps = MOVING_PHASES.flatMap((phase) => program[phase]);
  const targets = [
    ...replicas.map((replica) => ({ name: replica.name, process: replica, kind: 'replicas' as const })),
    ...clients
      .filter(({ id, movable }) => rotating.includes(id) && movable === 'us')
      .map((client) => ({ name: client.id, process: client, kind: 'clients' as const })),
  ];
  return targets.flatMap(({ name, process, kind }) =>
    (['reload', 'restart'] as const).flatMap((command) =>
      !loadsIn({ scheme }, process, command) && steps.some(({ over, action }) => over === kind && action === command)
        ? [{ name, lack: `${kind} ${command}` as const }]
        : [],
    ),
  );
}

/** What may happen around a rotation on a fleet, by what its file declares. */
function surroundingsOf(fleet: Fleet, runbook: Runbook, rotating: readonly string[]): Surrounding[] {
  const { templates } = fleet;
  const lacking = lacksOf(fleet, runbook, rotating).map(
    ({ name, lack }) => `${name} has no ${lack.split(' ')[1]} command`,
  );
  const sources = templates.map(({ name }) => name).join(', ');
  const fromTemplates =
    sources === '' ? 'the fleet file declares no template' : `the fleet file declares ${sources} as a template`;
  const judged: Readonly<Record<EnvironmentAction, readonly [on: boolean, why: string]>> = {
    crash: [true, 'nobody can rule it out'],
    'client-restart': [true, 'nobody can rule it out'],
    unheeded: [true, 'nobody can rule it out'],
    'scale-out': [templates.length > 0, fromTemplates],
    reconcile: [templates.length > 0, fromTemplates],
    'left-out': [
      lacking.length > 0,
      lacking.length > 0 ? shortened(lacking) : 'every replica and client has the commands that the steps ask for',
    ],
  };
  return ENVIRONMENT.map((action) => ({ action, on: judged[action][0], why: judged[action][1] }));
}

const MOST_NAMED = 3;

function shortened(list: readonly string[]): string {
  const more = list.length > MOST_NAMED ? `, and ${list.length - MOST_NAMED} more` : '';
  return `${list.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/** How a proof differs from the ordinary. */
export interface ProofOptions {
  /** The rotation answers a compromise, which takes some of the ways back. */
  readonly compromised?: boolean;
  /** Explore the fleet as it is, and not the small ones that stand for it. */
  readonly whole?: boolean;
  /** Commands that some target lacks, where the targets are known. */
  readonly lacking?: ReadonlySet<Lack>;
}

/** Who waits for a proof: a long search gives way now and then, so that a signal is heard and a word can be said. */
export interface Searcher {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly signal: AbortSignal;
  /** Told how many states were found so far. */
  readonly tell?: (states: number) => void;
}

/** Long enough that a signal is heard, and not much beside what a thousand states take. */
const BREATH_MS = 1;

/**
 * Proves a runbook on these targets, or finds what breaks it. Asks nobody and changes nothing.
 *
 * @throws RotctlError `STOPPED` when the signal comes first
 */
async function proveRunbook(
  runbook: Runbook,
  inventory: Inventory,
  surroundings: readonly Surrounding[],
  { clock, signal, tell }: Searcher,
  options: ProofOptions = {},
): Promise<Safety> {
  const environment = new Set(surroundings.filter(({ on }) => on).map(({ action }) => action));
  const { scheme, program } = runbook;
  const search = checking({ scheme, program, inventory, environment, ...options });
  for (;;) {
    const found = search.next();
    if (found.done === true) return { runbook, inventory, surroundings, answer: found.value };
    tell?.(found.value);
    await clock.sleep(BREATH_MS, signal).catch(() => {
      throw new RotctlError('STOPPED', `stopped by ${String(signal.reason)}`);
    });
  }
}

/** Proves a runbook on fleets of these targets, however they may begin; the answer is for all of them. @throws as `proveRunbook` */
export async function proveFromAnyBeginning(
  runbook: Runbook,
  inventory: Inventory,
  ...asked: ProofArguments
): Promise<Safety> {
  const [first = {}, ...others] = beginningsOf(runbook.scheme).map((beginning) => ({ beginning }));
  // A scheme that knows one beginning alone has nothing to say of it.
  let proof = await proveRunbook(runbook, others.length === 0 ? inventory : { ...inventory, ...first }, ...asked);
  for (const begins of others) {
    if (proof.answer.verdict !== 'safe') return proof;
    const next = await proveRunbook(runbook, { ...inventory, ...begins }, ...asked);
    proof = { ...next, answer: both(proof.answer, next.answer) };
  }
  return proof;
}

/** What is answered of two fleets of which the first is safe. */
function both(one: Answer, other: Answer): Answer {
  return {
    ...other,
    states: one.states + other.states,
    moves: one.moves + other.moves,
    explored: [...one.explored, ...other.explored],
  };
}

type ProofArguments = [surroundings: readonly Surrounding[], searcher: Searcher, options?: ProofOptions];

/** Proves a runbook on the clients of a fleet that rotate, and everything else of that fleet. @throws as `proveRunbook` */
export function proveOnFleet(
  { fleet, ...searcher }: { readonly fleet: Fleet } & Searcher,
  runbook: Runbook,
  inventory: Inventory,
  compromised: boolean,
): Promise<Safety> {
  const lacking = new Set(lacksOf(fleet, runbook, inventory.clients).map(({ lack }) => lack));
  return proveRunbook(runbook, inventory, surroundingsOf(fleet, runbook, inventory.clients), searcher, {
    compromised,
    lacking,
  });
}

/** Why a runbook is not taken for safe, and what to do, in words. */
export function objectionTo({ runbook, answer }: Safety): { readonly message: string; readonly hint: string } {
  const { verdict, counterexample, states } = answer;
  if (counterexample === undefined) {
    const much = states === 0 ? 'batches fall on the targets in too many ways' : `more than ${states} states`;
    const what = verdict === 'safe' ? 'is safe' : `is not proven safe: ${much}, too much to look at`;
    return { message: `runbook ${runbook.name} ${what}`, hint: 'let steps go in fewer different batches' };
  }
  const { invariant, request, advice } = counterexample;
  return { message: `runbook ${runbook.name} is unsafe (${invariant}): ${request}`, hint: advice };
}

/** Where the step to change stands in its file. */
export function positionOf({ runbook, answer }: Safety): ReturnType<Runbook['positions']['get']> {
  return runbook.positions.get(answer.counterexample?.step ?? '');
}

function fileOf({ positions, name }: Runbook): string {
  const [first] = positions.values();
  return first?.file ?? name;
}

/** A proof as the ledger keeps it: what was explored, and what might happen meanwhile. */
export function safetyRecord({ surroundings, answer }: Safety): { readonly [key: string]: LedgerValue } {
  const { verdict, states, moves, explored, reduced } = answer;
  return {
    verdict,
    states,
    moves,
    reduced,
    explored: explored.map((fleet) => ({ ...fleet })),
    environment: surroundings.filter(({ on }) => on).map(({ action }) => action),
  };
}
