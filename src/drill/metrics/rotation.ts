import type { Entry } from '../../ledger/entry.ts';
import { PHASES, type Phase, TRIGGERS, type Trigger } from '../../machine/phase.ts';
import { count, mapping, number, text, texts } from './values.ts';

/** A trigger that was pulled, and where it led. */
export interface Move {
  readonly entry: Entry;
  /** Unix milliseconds. */
  readonly at: number;
  readonly trigger: Trigger;
  readonly from: Phase;
  readonly to: Phase;
}

/** What the ledger tells of one rotation. */
export interface RotationStory {
  readonly id: string;
  readonly header: Entry;
  readonly entries: readonly Entry[];
  readonly moves: readonly Move[];
  /** The phase it is in at the end. */
  readonly phase: Phase;
  readonly replicas: readonly string[];
  /** The clients in whose name replicas were probed: one stands for all where they share a secret. */
  readonly probed: readonly string[];
  readonly compromised: boolean;
  readonly minSamples: number;
  /** Absent where the header does not declare them. Milliseconds. */
  readonly minOverlapMs: number | undefined;
  readonly overlapLimitMs: number | undefined;
  readonly undoLimitMs: number | undefined;
  readonly failureBudget: number;
}

/** The rotations that begin in these entries; a drill's own header begins none. */
export function rotationsIn(entries: readonly Entry[]): RotationStory[] {
  const headers = entries.filter((entry) => entry.kind === 'header' && !isDrillHeader(entry));
  return headers.map((header) =>
    rotationOf(
      header,
      entries.filter(({ rotation, seq }) => rotation === header.rotation && seq >= header.seq),
    ),
  );
}

/** Whether the entry begins a drill rather than a rotation. */
export function isDrillHeader(entry: Entry): boolean {
  return entry.kind === 'header' && entry.runbook === 'drill';
}

function rotationOf(header: Entry, entries: readonly Entry[]): RotationStory {
  const policy = mapping(header.data.policy);
  const limits = mapping(header.data.limits);
  const moves = entries.flatMap(moveOf);
  return {
    id: header.rotation,
    header,
    entries,
    moves,
    phase: moves.at(-1)?.to ?? 'stable',
    replicas: texts(header.data.replicas),
    probed: texts(header.data.probed ?? header.data.clients),
    compromised: header.data.compromised === true,
    minSamples: count(header.data.minSamples),
    minOverlapMs: number(policy.minOverlapMs),
    overlapLimitMs: number(limits.overlapMs),
    undoLimitMs: number(limits.undoMs),
    failureBudget: count(policy.failureBudget),
  };
}

function moveOf(entry: Entry): Move[] {
  if (entry.kind !== 'checkpoint' && entry.kind !== 'reinstate' && entry.kind !== 'destroy') return [];
  const trigger = TRIGGERS.find((known) => known === entry.data.trigger);
  const from = PHASES.find((known) => known === entry.data.from);
  if (trigger === undefined || from === undefined) return [];
  return [{ entry, at: timeOf(entry), trigger, from, to: entry.phase }];
}

/** The entry's time in Unix milliseconds. */
export function timeOf(entry: Entry): number {
  return Date.parse(entry.at);
}

/** The first intent in a phase after an entry, optionally of an action that changes replicas. */
export function firstIntent(
  rotation: RotationStory,
  phase: Phase,
  after = 0,
  actions?: readonly string[],
): Entry | undefined {
  return rotation.entries.find(
    (entry) =>
      entry.kind === 'intent' &&
      entry.phase === phase &&
      entry.seq > after &&
      (actions === undefined || actions.includes(text(entry.data.action))),
  );
}

/** The proofs of a name and generation in a phase, between two entries. */
export function proofsIn(
  rotation: RotationStory,
  proof: string,
  phase: Phase,
  generation?: string,
  between: { readonly after?: number; readonly before?: number } = {},
): Entry[] {
  const { after = 0, before = Infinity } = between;
  return rotation.entries.filter(
    ({ kind, data, phase: at, seq }) =>
      kind === 'evidence' &&
      data.proof === proof &&
      at === phase &&
      seq > after &&
      seq < before &&
      (generation === undefined || data.generation === generation),
  );
}

/** Whether a rotation is of certificates; then its material names authorities. */
export function isOfCertificates({ header }: Pick<RotationStory, 'header'>): boolean {
  return mapping(header.data.material).authority !== undefined;
}
