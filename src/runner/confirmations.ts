import type { Entry, EntryKind, LedgerValue } from '../ledger/entry.ts';
import { isMoving, type Phase } from '../machine/phase.ts';
import type { RotatingGeneration } from '../machine/step.ts';

/** What somebody has answered for by name, in an open rotation. */
export interface Confirmation {
  /** That a client signs with this generation and with no other; that a replica is drained and destroyed; or that a move may be made. */
  readonly of:
    | { readonly client: string; readonly generation: RotatingGeneration }
    | { readonly replica: string }
    | { readonly approve: ApprovedMove };
  readonly by: string;
  readonly note: string | undefined;
  /** UTC time of its entry, and the phase in which it was given. */
  readonly at: string;
  readonly phase: Phase;
}

/** The moves that somebody may have to approve of. */
export const APPROVED_MOVES = ['move-clients', 'retire', 'destroy'] as const;

export type ApprovedMove = (typeof APPROVED_MOVES)[number];

/** The generation that clients are to sign with in the phases in which that may be confirmed. */
export const CONFIRMABLE: Readonly<Partial<Record<Phase, RotatingGeneration>>> = {
  overlap: 'next',
  moving: 'next',
  switched: 'next',
  retiring: 'next',
  returning: 'current',
};

/** Beside these, where certificates rotate: whom a client trusts is asked from the first phase to the last of the way back. */
export const CONFIRMABLE_TRUST: typeof CONFIRMABLE = { opening: 'next', widening: 'current', closing: 'current' };

/** The kinds of entry that record a move between phases. */
const MOVES: readonly EntryKind[] = ['checkpoint', 'reinstate', 'destroy'];

/**
 * The confirmations that count in a rotation as it stands, by its entries: those of its present phase, and of the resting
 * phase from which that was entered. All others are spent, but for a replica that is gone, which nothing brings back, and
 * an approval, which lasts until its move is made.
 */
export function confirmationsIn(entries: readonly Entry[]): readonly Confirmation[] {
  let valid: readonly Confirmation[] = [];
  for (const entry of entries) {
    if (MOVES.includes(entry.kind) && typeof entry.data.trigger === 'string') {
      const { data, phase: entered } = entry;
      const lasts = ({ of, phase }: Confirmation): boolean => {
        if ('approve' in of) return of.approve !== data.trigger;
        return 'replica' in of || (phase === data.from && !isMoving(phase) && isMoving(entered));
      };
      valid = valid.filter(lasts);
    }
    const confirmation = entry.kind === 'confirmation' ? confirmationOf(entry) : undefined;
    if (confirmation !== undefined) valid = [...valid, confirmation];
  }
  return valid;
}

function confirmationOf({ data, at, phase }: Entry): Confirmation | undefined {
  const { client, generation, replica, gone, approve, by, note } = data;
  if (typeof by !== 'string') return undefined;
  const said = { by, note: typeof note === 'string' ? note : undefined, at, phase };
  if (typeof client === 'string' && (generation === 'current' || generation === 'next')) {
    return { of: { client, generation }, ...said };
  }
  const move = APPROVED_MOVES.find((known) => known === approve);
  if (move !== undefined) return { of: { approve: move }, ...said };
  return typeof replica === 'string' && gone === true ? { of: { replica }, ...said } : undefined;
}

/** What the ledger keeps of a confirmation. */
export function confirmationRecord({ of, by, note }: Pick<Confirmation, 'of' | 'by' | 'note'>): {
  readonly [key: string]: LedgerValue;
} {
  const what =
    'client' in of
      ? { client: of.client, generation: of.generation }
      : 'approve' in of
        ? { approve: of.approve }
        : { replica: of.replica, gone: true };
  return { ...what, by, ...(note === undefined ? {} : { note }) };
}

/**
 * A confirmation in words: `client-a signs with next: confirmed by NAME at TIME (NOTE)`.
 *
 * @param does what a client does with a generation
 */
export function confirmationText({ of, by, note, at }: Confirmation, does = 'signs with'): string {
  if ('approve' in of) return `${of.approve}: approved by ${by} at ${at}${note === undefined ? '' : ` (${note})`}`;
  const what = 'client' in of ? `${of.client} ${does} ${of.generation}` : `${of.replica} is gone`;
  return `${what}: confirmed by ${by} at ${at}${note === undefined ? '' : ` (${note})`}`;
}
