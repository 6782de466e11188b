import { RotctlError } from '../errors/rotctl-error.ts';
import type { Cell, Finding } from '../probe/finding.ts';

/** A fault that a drill can plant, and by what it must be found. */
export interface DrillFault {
  readonly name: string;
  readonly does: string;
  /** Check ids whose failure (or, where nothing can be measured, `unknown`) on the faulty replica finds it. */
  readonly foundBy: readonly string[];
}

/** What shows in the evidence matrix rather than in a check: `accepts.next`, `refuses.current`, … */
const cellId = (cell: Cell): string => `${cell.expected === 'ACCEPTED' ? 'accepts' : 'refuses'}.${cell.generation}`;

/** The faults that a drill knows, in the order of the phases in which they show. */
export const DRILL_FAULTS: readonly DrillFault[] = [
  { name: 'memory-store', does: 'the replica keeps nonces in its own memory', foundBy: ['replay.cross-replica'] },
  { name: 'other-prefix', does: 'the replica keys nonces under another prefix', foundBy: ['replay.cross-replica'] },
  {
    name: 'non-atomic-store',
    does: 'the replica asks for a nonce and stores it in two steps',
    foundBy: ['replay.concurrent'],
  },
  {
    name: 'short-ttl',
    does: 'the replica forgets nonces while their requests can still be accepted',
    foundBy: ['replay.window-end'],
  },
  {
    name: 'no-mtls',
    does: 'the replica serves callers without a client certificate',
    foundBy: ['mtls_required_rejected'],
  },
  {
    name: 'skewed-clock',
    does: "the replica's clock is wrong by more than operations allow",
    foundBy: ['clock.window', 'timestamp_skew_rejected'],
  },
  {
    name: 'unsigned-accepted',
    does: 'the replica serves requests that bear no signature',
    foundBy: ['control.unsigned'],
  },
  {
    name: 'slow',
    does: 'the replica answers after the deadline',
    foundBy: ['valid_hmac_mtls_single_use', 'accepts.current', 'accepts.next'],
  },
  {
    name: 'reset',
    does: 'the replica closes connections without an answer',
    foundBy: ['valid_hmac_mtls_single_use', 'accepts.current', 'accepts.next'],
  },
  { name: 'misses-next', does: 'the replica loads only the first of its allowed secrets', foundBy: ['accepts.next'] },
  { name: 'crash-mid-roll', does: 'the replica dies when it loads its new configuration', foundBy: ['ready'] },
  {
    name: '503-on-start',
    does: 'the replica never serves signed requests after a restart, though its health page is fine',
    foundBy: ['ready'],
  },
  { name: 'keeps-old', does: 'the replica goes on accepting what was removed', foundBy: ['refuses.current'] },
  {
    name: 'fail-open',
    does: 'the replica accepts requests when it cannot ask the replay store',
    foundBy: ['store.fail-closed'],
  },
];

/** What an attempt has seen, for finding faults in it. */
export interface Seen {
  readonly findings: readonly Finding[];
  readonly cells: readonly Cell[];
}

/** By which check the fault shows on that replica, or `undefined`. */
export function findFault(fault: DrillFault, target: string, seen: Seen): string | undefined {
  const bad = (verdict: string) => verdict === 'fail' || verdict === 'unknown';
  const finding = seen.findings.find(
    ({ id, verdict, target: at }) => fault.foundBy.includes(id) && bad(verdict) && at === target,
  );
  if (finding !== undefined) return finding.id;
  const cell = seen.cells.find(
    (candidate) => fault.foundBy.includes(cellId(candidate)) && bad(candidate.verdict) && candidate.replica === target,
  );
  return cell === undefined ? undefined : cellId(cell);
}

/** A fault as it is typed: `NAME`, or `NAME@REPLICA`. @throws RotctlError `USAGE` where there is no such fault */
export function parseFault(text: string): { readonly name: string; readonly target: string | undefined } {
  const [name = '', target] = text.split('@');
  if (!DRILL_FAULTS.some((fault) => fault.name === name)) {
    throw new RotctlError(
      'USAGE',
      `no fault is called ${JSON.stringify(name)}; there are ${DRILL_FAULTS.map((fault) => fault.name).join(', ')}`,
      {
        next: 'rotctl drill --list-faults',
      },
    );
  }
  return { name, target };
}
