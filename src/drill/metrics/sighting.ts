import type { Entry } from '../../ledger/entry.ts';
import { count, type Data, list, mapping, text } from './values.ts';

/** A cell of the evidence matrix, with the entry that holds it. */
export interface SeenCell {
  readonly entry: Entry;
  readonly proof: string;
  readonly client: string;
  readonly generation: string;
  readonly replica: string;
  readonly expected: string;
  readonly seen: string;
  readonly verdict: string;
  /** Unix milliseconds at which it was seen. */
  readonly at: number;
}

/** A check's result, with the entry that holds it. */
export interface SeenCheck {
  readonly entry: Entry;
  readonly id: string;
  readonly target: string;
  readonly critical: boolean;
  readonly expected: string;
  readonly seen: string;
  readonly verdict: string;
  readonly reason: string;
  readonly samples: number;
  /** Who answers for a defect that is known, and why; empty for any other. */
  readonly accepted: string;
}

/** Every cell in the entries, in order. */
export function cellsIn(entries: readonly Entry[]): SeenCell[] {
  return entries.flatMap((entry) => list(entry.data.cells).map((value) => cellOf(entry, mapping(value))));
}

function cellOf(entry: Entry, cell: Data): SeenCell {
  const at = Date.parse(text(cell.at));
  return {
    entry,
    proof: text(entry.data.proof),
    client: text(cell.client),
    generation: text(cell.generation),
    replica: text(cell.replica),
    expected: text(cell.expected),
    seen: text(cell.seen),
    verdict: text(cell.verdict),
    at: Number.isNaN(at) ? Date.parse(entry.at) : at,
  };
}

/** Every check's result in the entries, in order. */
export function checksIn(entries: readonly Entry[]): SeenCheck[] {
  return entries.flatMap((entry) => list(entry.data.checks).map((value) => checkOf(entry, mapping(value))));
}

function checkOf(entry: Entry, check: Data): SeenCheck {
  return {
    entry,
    id: text(check.id),
    target: text(check.target),
    critical: check.critical !== false,
    expected: text(check.expected),
    seen: text(check.seen),
    verdict: text(check.verdict),
    reason: text(check.reason),
    samples: count(check.samples),
    accepted: acceptedBy(mapping(check.accepted)),
  };
}

function acceptedBy({ owner, reason }: Data): string {
  return text(owner) === '' ? '' : `accepted by ${text(owner)}: ${text(reason)}`;
}

/** Whether the verdict says that something was seen, good or bad. */
export function isMeasured(sighting: { readonly verdict: string }): boolean {
  return sighting.verdict === 'pass' || sighting.verdict === 'fail';
}

/** Whether what was seen is an acceptance. */
export function isAccepted(sighting: { readonly seen: string }): boolean {
  return /\baccepted\b/i.test(sighting.seen);
}

/** Whether what was seen is a refusal for who sent it, or for its nonce. */
export function isRefused(sighting: { readonly seen: string }): boolean {
  return /\b(AUTH_[A-Z_]+|REPLAY_NONCE_USED)\b/.test(sighting.seen);
}

/** Whether an acceptance, and nothing after it, was what was expected. */
export function wantsAccepted(sighting: { readonly expected: string }): boolean {
  return /^accepted$/i.test(sighting.expected);
}

/** How many more requests were accepted than expected: of `ACCEPTED, REPLAY_NONCE_USED`, or of `1 of 8 accepted`. */
export function excessOf(sighting: { readonly expected: string; readonly seen: string }): number {
  return Math.max(0, acceptances(sighting.seen) - acceptances(sighting.expected));
}

function acceptances(said: string): number {
  const [, counted] = /(\d+) of \d+ accepted/i.exec(said) ?? [];
  return counted === undefined ? (said.match(/\bACCEPTED\b/g)?.length ?? 0) : Number(counted);
}
