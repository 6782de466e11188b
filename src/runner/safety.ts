import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { type Answer, check } from '../machine/safety/check.ts';
import { ENVIRONMENT, type EnvironmentAction } from '../machine/safety/environment.ts';
import type { Inventory } from '../machine/step.ts';
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

/** What may happen around a rotation on a fleet, by what its file declares. */
function surroundingsOf({ templates, replicas, clients }: Fleet, rotating: readonly string[]): Surrounding[] {
  const processes = [
    ...replicas.map(({ name, deploy }) => ({ name, deploy })),
    ...clients.filter(({ id }) => rotating.includes(id)).map(({ id, deploy }) => ({ name: id, deploy })),
  ];
  const lacking = processes.flatMap(({ name, deploy }) => {
    const missing = (['reload', 'restart'] as const).filter((command) => deploy[command] === undefined);
    return missing.length === 0 ? [] : [`${name} has no ${missing.join(' and no ')} command`];
  });
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
      lacking.length > 0 ? shortened(lacking) : 'every replica and client has a reload and a restart command',
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
  /** Told now and then how many states were seen. */
  readonly tell?: (states: number) => void;
}

/** Proves a runbook on these targets, or finds what breaks it. Asks nobody and changes nothing. */
export function proveRunbook(
  runbook: Runbook,
  inventory: Inventory,
  surroundings: readonly Surrounding[],
  options: ProofOptions = {},
): Safety {
  const environment = new Set(surroundings.filter(({ on }) => on).map(({ action }) => action));
  const { scheme, program } = runbook;
  return { runbook, inventory, surroundings, answer: check({ scheme, program, inventory, environment, ...options }) };
}

/** Proves a runbook on the clients of a fleet that rotate, and everything else of that fleet. */
export function proveOnFleet(fleet: Fleet, runbook: Runbook, inventory: Inventory, compromised: boolean): Safety {
  return proveRunbook(runbook, inventory, surroundingsOf(fleet, inventory.clients), { compromised });
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
