import { unreachable } from '../errors/unreachable.ts';

/**
 * The phases of one rotation. `current` and `next` are generations of the material that rotates; "accepts" is said of
 * replicas, "signs" of clients.
 *
 * A **resting** phase is a place where a rotation may stay for as long as policy allows; what is true in it was proven
 * on every replica when it was entered. A **moving** phase is on its way: some targets have the new state and some the
 * old, and which ones is in the ledger.
 *
 * - `stable` (resting). Every replica accepts exactly `current`, every client signs with it. No rotation is open.
 *   Exit: `overlap`.
 * - `opening` (moving). Replicas are being widened to {current, next}. Clients sign with `current`, and none was told of
 *   `next`, so that going back needs no client's help. Exits: `complete`, `rollback`.
 * - `overlap` (resting). Every replica accepts both. No client was told to move. Exits: `move-clients`, `rollback`.
 * - `moving` (moving). Clients are being moved to `next`, one by one. From its first intent on, a client counts as moved
 *   until it is proven otherwise. Exits: `complete`, `rollback`.
 * - `switched` (resting). Every client is proven to sign with `next`; every replica accepts both, so nothing is lost yet.
 *   It must last for the declared minimum overlap. Exits: `retire`, `rollback`.
 * - `retiring` (moving). Replicas are being narrowed to {next}. Exits: `complete`, `rollback` (which widens first).
 * - `retired` (resting). `current` is refused on every replica for the exact reason; its material is sealed, for the soak.
 *   Exits: `destroy`, `reinstate`.
 * - `destroying` (moving). The sealed material is being destroyed: the point of no return. Exit: `complete`.
 * - `destroyed` (resting, final). Only a new rotation goes on from here.
 * - `widening` (moving). Replicas that were narrowed are being widened to {current, next} again; clients stay on `next`.
 *   Exit: `complete` (to `switched`).
 * - `returning` (moving). Clients are being moved back to `current`, and requests signed with `next` are drained.
 *   Withdrawing `next` needs the same evidence as withdrawing `current`. Exit: `complete` (to `closing`).
 * - `closing` (moving). No client signs with `next`; replicas are being narrowed to {current}. Exit: `complete`.
 * - `rolled-back` (resting, final). As `stable`, with the rotation given up. Only a new rotation goes on from here.
 */
export const PHASES = [
  'stable',
  'opening',
  'overlap',
  'moving',
  'switched',
  'retiring',
  'retired',
  'destroying',
  'destroyed',
  'widening',
  'returning',
  'closing',
  'rolled-back',
] as const;

export type Phase = (typeof PHASES)[number];

/** What can be asked of a rotation: the operator's moves, and `complete`, said by the runner when a moving phase is proven. */
export const TRIGGERS = ['overlap', 'move-clients', 'retire', 'rollback', 'reinstate', 'destroy', 'complete'] as const;

export type Trigger = (typeof TRIGGERS)[number];

/** The transition table: every move that is legal, and where it leads. What is not in it is refused. */
export const TRANSITIONS: Readonly<Record<Phase, Readonly<Partial<Record<Trigger, Phase>>>>> = {
  stable: { overlap: 'opening' },
  opening: { complete: 'overlap', rollback: 'closing' },
  overlap: { 'move-clients': 'moving', rollback: 'closing' },
  moving: { complete: 'switched', rollback: 'returning' },
  switched: { retire: 'retiring', rollback: 'returning' },
  retiring: { complete: 'retired', rollback: 'widening' },
  retired: { destroy: 'destroying', reinstate: 'widening' },
  destroying: { complete: 'destroyed' },
  destroyed: {},
  widening: { complete: 'switched' },
  returning: { complete: 'closing' },
  closing: { complete: 'rolled-back' },
  'rolled-back': {},
};

/** The phases that have steps to carry out: a runbook lists steps for these and no others. */
export const MOVING_PHASES = [
  'opening',
  'moving',
  'retiring',
  'destroying',
  'widening',
  'returning',
  'closing',
] as const satisfies readonly Phase[];

export type MovingPhase = (typeof MOVING_PHASES)[number];

/** Whether a phase is on its way, so that a runbook has steps for it. */
export function isMoving(phase: Phase): phase is MovingPhase {
  return (MOVING_PHASES as readonly Phase[]).includes(phase);
}

/**
 * Whether a moving phase leads on, of the tool's own will: there it must stop while valid requests are hurt. On the way
 * back it must go on, because that is the remedy.
 */
export function isForward(phase: Phase): boolean {
  return phase === 'opening' || phase === 'moving' || phase === 'retiring' || phase === 'destroying';
}

/** Whether a phase only takes back what other phases did on replicas: it touches nothing that was untouched before. */
export function isWayBack(phase: Phase): boolean {
  return phase === 'closing' || phase === 'widening';
}

/** Whether a rotation in this phase is over, so that a new one may begin. */
export function isFinal(phase: Phase): boolean {
  return phase === 'destroyed' || phase === 'rolled-back';
}

/** What each phase means to the operator, in one line. */
export function describePhase(phase: Phase): string {
  switch (phase) {
    case 'stable':
      return 'no rotation is open';
    case 'opening':
      return 'replicas are being widened to accept current and next';
    case 'overlap':
      return 'every replica accepts current and next; no client has moved';
    case 'moving':
      return 'clients are being moved to next';
    case 'switched':
      return 'every client signs with next; current is still accepted';
    case 'retiring':
      return 'replicas are being narrowed to next';
    case 'retired':
      return 'current is refused everywhere; its material is sealed for the soak';
    case 'destroying':
      return 'the old material is being destroyed';
    case 'destroyed':
      return 'done: the old material is destroyed';
    case 'widening':
      return 'replicas are being widened again to accept current and next';
    case 'returning':
      return 'clients are being moved back to current';
    case 'closing':
      return 'replicas are being narrowed to current';
    case 'rolled-back':
      return 'given up: every replica accepts current alone';
    default:
      return unreachable(phase);
  }
}
