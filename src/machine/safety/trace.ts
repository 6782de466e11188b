import type { Phase } from '../phase.ts';
import type { Task } from '../roll.ts';
import { carriedOut } from './effects.ts';
import type { Stage } from './graph.ts';
import type { Move } from './moves.ts';
import { type Holding, holdingsIn } from './words.ts';
import { initialState, type Model, type State } from './world.ts';

/** One line of a counterexample: something that changes what somebody holds, or what is known of it. */
export interface TraceLine {
  readonly number: number;
  readonly by: 'runbook' | 'operator' | 'environment';
  /** The ids of the runbook's steps that it is made of; empty for what others do. */
  readonly steps: readonly string[];
  readonly targets: readonly string[];
  readonly phase: Phase;
  readonly text: string;
  /** What every party holds after it. */
  readonly holds: readonly Holding[];
}

/** A line while it is being put together. */
type Draft = Omit<TraceLine, 'number' | 'holds'> & {
  readonly state: State;
  readonly batch: readonly string[] | undefined;
  /** What became of it, said after steps and targets, where it was not carried out. */
  readonly how?: string;
};

/** The moves of a way that somebody can see, one line each; what is done to one batch in a row is one line. */
export function linesOf(model: Model, way: readonly Stage[]): TraceLine[] {
  const drafts: Draft[] = [];
  let before = initialState(model);
  for (const { move, state } of way) {
    const draft = draftOf(model, before, move, state);
    const open = drafts.at(-1);
    if (draft !== undefined && open?.batch !== undefined && open.batch === draft.batch && open.how === draft.how) {
      const steps = [...new Set([...open.steps, ...draft.steps])];
      const targets = [...new Set([...open.targets, ...draft.targets])];
      const text = `${steps.join(', ')} on ${targets.join(', ')}${draft.how ?? ''}`;
      drafts[drafts.length - 1] = { ...draft, steps, targets, text };
    } else if (draft !== undefined) drafts.push(draft);
    before = state;
  }
  return drafts.map(({ state, batch: _, how: __, ...line }, index) => ({
    ...line,
    number: index + 1,
    holds: holdingsIn(model, state.world),
  }));
}

function draftOf(model: Model, before: State, move: Move, state: State): Draft | undefined {
  const { phase } = before.rotation;
  switch (move.kind) {
    case 'intent':
    case 'failed':
      return undefined;
    case 'effect':
      return ofStep(move.task, [move.target], `${move.task.step.id} on ${move.target}`, state, move.task.targets);
    case 'done': {
      const silent = move.task.targets.filter((target) => wasSkipped(model, before, move.task, target));
      if (silent.length > 0) return ofSkipped(move.task, silent, state);
      const idle = move.task.targets.filter((target) => fellFlat(model, before, move.task, target));
      const text = `${move.task.step.id} on ${idle.join(', ')} reports success and changes nothing`;
      if (idle.length > 0) return ofStep(move.task, idle, text, state);
      return state.world === before.world ? undefined : ofStep(move.task, [], move.task.step.id, state);
    }
    case 'left-out': {
      const { task } = move;
      const why = `there is no ${task.step.action} command`;
      return ofStep(task, task.targets, `${task.step.id} on ${task.targets.join(', ')} is left out: ${why}`, state);
    }
    case 'trigger':
      return ofTrigger(move.trigger, state);
    default:
      return {
        by: 'environment',
        steps: [],
        targets: [move.target],
        phase,
        text: sayEvent(move),
        state,
        batch: undefined,
      };
  }
}

function ofStep(
  { step }: Task,
  targets: readonly string[],
  text: string,
  state: State,
  batch?: readonly string[],
): Draft {
  return { by: 'runbook', steps: [step.id], targets, phase: step.phase, text, state, batch };
}

/** Whether a target was left out because it did not answer, so that it lacks what the step would have changed. */
function wasSkipped(model: Model, { world }: State, task: Task, target: string): boolean {
  const replica = world.replicas[model.setting.inventory.replicas.indexOf(target)];
  const { action, order } = task.step;
  if (order.unreachable !== 'skip' || replica === undefined || replica.memory !== undefined) return false;
  return action === 'reload' || action === 'push' || carriedOut(model, world, task, target) !== undefined;
}

function ofSkipped(task: Task, silent: readonly string[], state: State): Draft {
  const how = ': left out, no answer';
  return { ...ofStep(task, silent, `${task.step.id} on ${silent.join(', ')}${how}`, state, task.targets), how };
}

/** Whether a load was recorded as done on a target that it would have changed and did not. */
function fellFlat(model: Model, { world }: State, task: Task, target: string): boolean {
  const [effect] = task.step.effects;
  return effect !== undefined && 'from' in effect && carriedOut(model, world, task, target) !== undefined;
}

function ofTrigger(trigger: string, state: State): Draft | undefined {
  const { phase } = state.rotation;
  const line = (by: 'runbook' | 'operator', text: string): Draft => {
    return { by, steps: [], targets: [], phase, text, state, batch: undefined };
  };
  if (trigger === 'complete') return phase === 'retired' ? line('runbook', 'current is declared retired') : undefined;
  if (trigger === 'rollback') return line('operator', `the operator rolls back: phase ${phase}`);
  return trigger === 'reinstate' ? line('operator', 'the operator reinstates current, on the record') : undefined;
}

function sayEvent(move: Exclude<Move, { task: Task } | { kind: 'trigger' }>): string {
  switch (move.kind) {
    case 'crash':
      return `${move.target} goes down`;
    case 'start':
      return `${move.target} starts again, from its disk`;
    case 'restart':
      return `${move.target} ends and starts again, from its disk`;
    case 'client-restart':
      return `${move.target} takes up its configuration by itself`;
    case 'scale-out':
      return `${move.target} is made anew from template ${move.template}`;
    case 'reconcile':
      return `a reconciler puts template ${move.template} back on the disk of ${move.target}`;
  }
}
