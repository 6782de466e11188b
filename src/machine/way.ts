import { isMoving, type Phase, TRANSITIONS, type Trigger } from './phase.ts';
import type { Task } from './roll.ts';
import { nextTask, type Rotation, type RotationEvent, type Setting, transition } from './rotation.ts';

/** The phases in which a command may end well. */
export type Goal = Extract<Phase, 'overlap' | 'switched' | 'retired' | 'destroyed' | 'rolled-back'>;

/** The trigger that leads from a resting phase towards a goal; what is not here has no way there. */
const WAY: Readonly<Record<Goal, Readonly<Partial<Record<Phase, Trigger>>>>> = {
  overlap: { stable: 'overlap' },
  switched: { stable: 'overlap', overlap: 'move-clients', retired: 'reinstate' },
  retired: { switched: 'retire' },
  destroyed: { switched: 'retire', retired: 'destroy' },
  'rolled-back': { overlap: 'rollback', switched: 'rollback' },
};

/** What comes next on the way to a goal: a task of a moving phase, or a trigger. `undefined`: there is no way. */
export type Move = { readonly task: Task } | { readonly trigger: Trigger } | undefined;

/** The next move towards a goal. A moving phase is brought to its end first. */
export function nextMove(setting: Setting, rotation: Rotation, goal: Goal): Move {
  const task = nextTask(setting, rotation);
  if (task !== undefined) return { task };
  if (isMoving(rotation.phase)) return { trigger: 'complete' };
  const trigger = WAY[goal][rotation.phase];
  return trigger === undefined ? undefined : { trigger };
}

/** The trigger by which a rollback leaves a moving phase at once, where there is one. */
export function turningBack(phase: Phase): Trigger | undefined {
  return isMoving(phase) && TRANSITIONS[phase].rollback !== undefined ? 'rollback' : undefined;
}

/** A move as it would be made, and the phase in which it is. */
export interface Planned {
  readonly phase: Phase;
  readonly move: Exclude<Move, undefined>;
}

/** Every move from where a rotation stands to a goal, if all goes well: what a dry run shows. */
export function pathTo(setting: Setting, from: Rotation, goal: Goal, back: boolean): Planned[] {
  const path: Planned[] = [];
  let rotation = from;
  const turn = back ? turningBack(from.phase) : undefined;
  let move: Move = turn === undefined ? nextMove(setting, rotation, goal) : { trigger: turn };
  while (rotation.phase !== goal && move !== undefined) {
    path.push({ phase: rotation.phase, move });
    rotation = eventsOf(move).reduce((state, event) => {
      const result = transition(setting, state, event);
      return result.ok ? result.rotation : state;
    }, rotation);
    move = nextMove(setting, rotation, goal);
  }
  return path;
}

function eventsOf(move: Exclude<Move, undefined>): RotationEvent[] {
  return 'task' in move ? [{ kind: 'intent' }, { kind: 'done' }] : [{ kind: 'trigger', trigger: move.trigger }];
}
