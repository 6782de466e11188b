import { isFinal, type Phase } from '../../../src/machine/phase.ts';
import { nextTask } from '../../../src/machine/rotation.ts';
import { carriedOut } from '../../../src/machine/safety/effects.ts';
import { events, type Move, ownMoves, type Successor } from '../../../src/machine/safety/moves.ts';
import { initialState, type Model, replicaOf, type State } from '../../../src/machine/safety/world.ts';
import { oneOf, type Random, seeded, weighted } from './random.ts';

/** What can happen next in a state. */
export type Moves = (model: Model, state: State) => readonly Successor[];

/** What the checker's own model says. */
export const modelMoves: Moves = (model, state) => [
  ...ownMoves(model, state),
  ...Array.from(events(model, state.world), ({ move, world }) => ({
    move,
    state: { rotation: state.rotation, world },
  })),
];

/** One step of a walk, and the state that the model says is reached. */
export interface Step {
  readonly move: Move;
  readonly state: State;
  /** Whether the model says that it changes nothing: it is done in earnest all the same, to see that. */
  readonly vain: boolean;
}

/** Where a walk likes to turn back; `stable` is nowhere. */
const TURNS: readonly Phase[] = ['retired', 'moving', 'stable', 'retiring', 'opening', 'switched', 'overlap'];
const MAX_STEPS = 400;
const ENVIRONMENT_SHARE = 0.25;
/** A template that was changed allows a scale-out of every replica: new processes are dear. */
const OUTSIDE: Readonly<Partial<Record<Move['kind'], number>>> = {
  'scale-out': 0.3,
  reconcile: 1.5,
  crash: 0.5,
  start: 1.5,
};
const VAIN_SHARE = 0.02;
const VAIN_LOADS = 0.15;
/** How likely a walk is to go on where the rotation has ended, and only the environment moves. */
const AFTERMATH = 0.5;

/** Each so many walks leave replicas down for a while. */
const DOWNTIME_EVERY = 4;

/** The model as the walk of this seed takes it. */
export function modelOfWalk(model: Model, seed: number): Model {
  return { ...model, downtime: seed % DOWNTIME_EVERY === 0 };
}

/** A random way through the model from its first state on: the same for the same seed. */
export function* walk(model: Model, seed: number, moves: Moves = modelMoves): Generator<Step> {
  const random = seeded(seed);
  const turnAt = TURNS[seed % TURNS.length] ?? 'stable';
  let state = initialState(model);
  for (let count = 0; count < MAX_STEPS; count += 1) {
    const idle = random() < VAIN_SHARE ? vainEvent(random, model, state) : undefined;
    if (idle !== undefined) yield { move: idle, state, vain: true };
    const chosen = choose(random, moves(model, state), state, turnAt);
    if (chosen === undefined || (isFinal(state.rotation.phase) && random() > AFTERMATH)) return;
    state = chosen.state;
    yield { ...chosen, vain: false };
    const load = chosen.move.kind === 'intent' && random() < VAIN_LOADS ? vainLoad(model, state) : undefined;
    if (load !== undefined) yield { move: load, state, vain: true };
  }
}

function choose(random: Random, all: readonly Successor[], { rotation }: State, turnAt: Phase): Successor | undefined {
  const own = all.filter(({ move }) => weightOf(move, rotation.phase, turnAt) > 0);
  const others = all.filter(({ move }) => !own.some((one) => one.move === move));
  const wanted = others.reduce((sum, { move }) => sum + outsideWeight(move), 0);
  const outside = others.length > 0 && (own.length === 0 || random() < ENVIRONMENT_SHARE * Math.min(1, wanted));
  return outside
    ? weighted(random, others, ({ move }) => outsideWeight(move))
    : weighted(random, own, ({ move }) => weightOf(move, rotation.phase, turnAt));
}

function outsideWeight({ kind }: Move): number {
  return OUTSIDE[kind] ?? 1;
}

/** How much a move of the runner or the operator is wanted; 0 for the environment's. */
function weightOf(move: Move, phase: Phase, turnAt: Phase): number {
  switch (move.kind) {
    case 'intent':
    case 'effect':
      return 30;
    case 'done':
      return 40;
    case 'left-out':
      return 1.5;
    case 'failed':
      return 0.5;
    case 'trigger':
      return wantOf(move.trigger, phase, turnAt);
    default:
      return 0;
  }
}

function wantOf(trigger: Extract<Move, { kind: 'trigger' }>['trigger'], phase: Phase, turnAt: Phase): number {
  const resting = phase === 'overlap' || phase === 'switched';
  if (trigger === 'rollback') return phase === turnAt ? (resting ? 60 : 3) : 0.1;
  if (trigger === 'reinstate') return phase === turnAt ? 25 : 0.5;
  return 20;
}

/** An event of the environment that would change nothing, if there is one for the replica that is drawn. */
function vainEvent(random: Random, { setting, environment }: Model, { world }: State): Move | undefined {
  const target = oneOf(random, setting.inventory.replicas) ?? '';
  const template = setting.inventory.templates[0] ?? '';
  const replica = world.replicas[setting.inventory.replicas.indexOf(target)];
  const source = world.templates[0];
  if (replica?.memory === undefined || source === undefined) return undefined;
  const { memory, disk, code } = replica;
  const same = [
    ...(replicaOf(disk, disk).code === code ? [{ kind: 'restart', target } as const] : []),
    ...(replicaOf(memory, source).code === code ? [{ kind: 'reconcile', target, template } as const] : []),
    ...(replicaOf(source, source).code === code ? [{ kind: 'scale-out', target, template } as const] : []),
  ];
  return oneOf(
    random,
    same.filter(({ kind }) => environment.has(kind === 'restart' ? 'crash' : kind)),
  );
}

/** The reload or restart that is intended, on a target where the model says that it changes nothing. */
function vainLoad(model: Model, { rotation, world }: State): Move | undefined {
  const task = nextTask(model.setting, rotation);
  const [effect] = task?.step.effects ?? [];
  const [target] = task?.targets ?? [];
  if (task === undefined || target === undefined || effect === undefined || !('from' in effect)) return undefined;
  const down = world.replicas[model.setting.inventory.replicas.indexOf(target)]?.memory === undefined;
  if (effect.of === 'replica' && down) return undefined;
  return carriedOut(model, world, task, target) === undefined ? { kind: 'effect', task, target } : undefined;
}

/** Whether a move is one that processes or files can tell. */
export function touchesWorld({ kind }: Move): boolean {
  switch (kind) {
    case 'intent':
    case 'done':
    case 'left-out':
    case 'failed':
    case 'trigger':
      return false;
    default:
      return true;
  }
}

/** A step in words. */
export function sayStep({ move, vain }: Step): string {
  const words = sayMove(move);
  return vain ? `${words}, which should change nothing` : words;
}

function sayMove(move: Move): string {
  switch (move.kind) {
    case 'trigger':
      return `trigger ${move.trigger}`;
    case 'effect':
      return `${move.task.step.id} (${move.task.step.action}) on ${move.target}`;
    case 'crash':
    case 'start':
    case 'client-restart':
      return `${move.kind} of ${move.target}`;
    case 'restart':
      return `crash and start of ${move.target}`;
    case 'scale-out':
    case 'reconcile':
      return `${move.kind} of ${move.target} from ${move.template}`;
    default:
      return `${move.kind} of ${move.task.step.id} on ${move.task.targets.join(', ')}`;
  }
}
