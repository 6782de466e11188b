import { RotctlError } from '../errors/rotctl-error.ts';
import type { Cell, Finding } from '../probe/finding.ts';
import { PROTOCOLS, type Protocol } from '../protocol/protocol.ts';
import type { Runbook } from '../runbook/runbook.ts';

/** A fault that a drill can plant, and by what it must be found. */
export interface DrillFault {
  readonly name: string;
  readonly does: string;
  /** Check ids whose failure (or, where nothing can be measured, `unknown`) on the faulty replica finds it. */
  readonly foundBy: readonly string[];
}

/** What shows in the evidence matrix rather than in a check: `accepts.next`, `refuses.current`, … */
const cellId = (cell: Cell): string => `${cell.expected === 'ACCEPTED' ? 'accepts' : 'refuses'}.${cell.generation}`;

/** The faults that a drill of signers knows, in the order of the phases in which they show. */
const SIGNER_FAULTS: readonly DrillFault[] = [
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

/** Silence and death look alike whoever is probed: by these checks they show. */
const NO_ANSWER = ['gate.valid-accepted', 'accepts.current', 'accepts.next'];

/** The faults that a drill of gates knows, in the order of the phases in which they show. */
const GATE_FAULTS: readonly DrillFault[] = [
  {
    name: 'signature-not-required',
    does: 'the gate serves requests whatever their signature, and without one',
    foundBy: ['control.wrong-secret', 'control.unsigned'],
  },
  {
    name: 'empty-secret-accepted',
    does: 'the gate takes an empty text for a secret, so that the empty key opens it',
    foundBy: ['control.empty-key'],
  },
  {
    name: 'idempotency-cache',
    does: 'the gate answers a request that it has seen from a cache, before it looks at the signature',
    foundBy: ['replay.same-replica'],
  },
  { name: 'per-process-nonces', does: 'the gate keeps nonces in its own memory', foundBy: ['replay.cross-replica'] },
  { name: 'other-prefix', does: 'the gate keys nonces under another prefix', foundBy: ['replay.cross-replica'] },
  {
    name: 'non-atomic-store',
    does: 'the gate asks for a nonce and stores it in two steps',
    foundBy: ['replay.concurrent'],
  },
  {
    name: 'short-ttl',
    does: 'the gate forgets nonces while their requests can still be accepted',
    foundBy: ['replay.window-end'],
  },
  {
    name: 'skewed-clock',
    does: "the gate's clock is wrong by more than operations allow",
    foundBy: ['clock.window', 'gate.stale-refused'],
  },
  { name: 'slow', does: 'the gate answers after the deadline', foundBy: NO_ANSWER },
  { name: 'reset', does: 'the gate closes connections without an answer', foundBy: NO_ANSWER },
  {
    name: 'misses-next',
    does: 'the gate goes by a secret of its own, and never takes up the new one',
    foundBy: ['accepts.next'],
  },
  { name: 'crash-mid-roll', does: 'the gate dies when it starts with a new configuration', foundBy: ['ready'] },
  {
    name: '503-on-start',
    does: 'the gate never serves requests after a restart, though its health page is fine',
    foundBy: ['ready'],
  },
  {
    name: 'default-key-id-missing',
    does: 'the gate does not see the key id of the previous secret, and goes by the default',
    foundBy: ['accepts.current'],
  },
  {
    name: 'strict-ignored',
    does: 'the gate does not bind key ids to secrets, though it is told to',
    foundBy: ['gate.key-id-bound'],
  },
  {
    name: 'keeps-old',
    does: 'the gate goes on accepting what was removed',
    // What it had under another key id before shows as soon as key ids are enforced.
    foundBy: ['gate.key-id-bound', 'refuses.current'],
  },
  {
    name: 'revoked-ignored',
    does: 'the gate accepts signatures under revoked key ids',
    foundBy: ['gate.revoked-refused'],
  },
  {
    name: 'fail-open',
    does: 'the gate accepts requests when it cannot ask the replay store',
    foundBy: ['store.fail-closed'],
  },
];

/** What shows only where secrets change, and they stay as they are while certificates are rotated. */
const OF_SECRETS: readonly string[] = ['misses-next', 'keeps-old'];

/** The faults that a drill of certificates knows: those of their own, in the order of their phases, and those of signers. */
const CERTIFICATE_FAULTS: readonly DrillFault[] = [
  {
    name: 'not-reloaded',
    does: 'the replica goes on with the certificates that it had loaded before',
    foundBy: ['accepts.next', 'certificate.presented'],
  },
  {
    name: 'trust-replaced',
    does: 'the replica trusts the last authority of its bundle alone',
    foundBy: ['accepts.current', 'ready'],
  },
  {
    name: 'torn-trust',
    does: 'the replica reads its bundle of authorities up to the first certificate',
    foundBy: ['accepts.next'],
  },
  {
    name: 'wrong-purpose',
    does: 'the replica shows a certificate that is not for servers',
    foundBy: ['accepts.current', 'ready', 'certificate.presented', 'tls.server-certificate'],
  },
  {
    name: 'any-purpose',
    does: 'the replica accepts the certificates of callers whatever they are for',
    foundBy: ['mtls.wrong-purpose'],
  },
  {
    name: 'fixed-ticket-keys',
    does: 'the replica never changes the keys of its session tickets',
    foundBy: ['session.ended'],
  },
  {
    name: 'keeps-connections',
    does: 'the replica goes on with the connections that it has when its sessions are to end',
    foundBy: ['session.ended'],
  },
  {
    name: 'keeps-trust',
    does: 'the replica goes on trusting an authority that was removed',
    foundBy: ['refuses.current', 'mtls.generations'],
  },
  ...SIGNER_FAULTS.filter(({ name }) => !OF_SECRETS.includes(name)),
];

/** What a drill is of: the secrets of a protocol, or the certificates of signers. */
export type DrillKind = Protocol | 'mtls';

/** What a drill by a runbook is of. */
export function drillKindOf({ scheme, protocol }: Pick<Runbook, 'scheme' | 'protocol'>): DrillKind {
  return scheme === 'mtls' ? 'mtls' : protocol;
}

/** The faults that can be planted in each kind of drill. */
export const DRILL_FAULTS: Readonly<Record<DrillKind, readonly DrillFault[]>> = {
  'keyring-v1': SIGNER_FAULTS,
  'gate-v1': GATE_FAULTS,
  mtls: CERTIFICATE_FAULTS,
  // No practice fleet speaks a scheme that a file describes.
  described: [],
};

/** The fault of the cutover that is meant to fail: the replica does not take up what it is to take up. */
export const CUTOVER_FAULT: Readonly<Record<DrillKind, string>> = {
  'keyring-v1': 'misses-next',
  'gate-v1': 'misses-next',
  mtls: 'not-reloaded',
  described: 'misses-next',
};

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

/** Every kind of drill that can be played. */
export const DRILL_KINDS: readonly DrillKind[] = [...PROTOCOLS, 'mtls'];

/** A fault as it was typed. */
export interface TypedFault {
  readonly name: string;
  readonly target: string | undefined;
}

/**
 * A fault as it is typed: `NAME`, or `NAME@REPLICA`.
 *
 * @param kinds of whose drills faults are meant; by default any's
 * @throws RotctlError `USAGE` where there is no such fault
 */
export function parseFault(text: string, kinds: readonly DrillKind[] = DRILL_KINDS): TypedFault {
  const [, name = '', target] = /^([^@]*)(?:@(.*))?$/s.exec(text) ?? [];
  const known = [...new Set(kinds.flatMap((kind) => DRILL_FAULTS[kind].map((fault) => fault.name)))];
  if (known.includes(name)) return { name, target };
  const of = kinds.length === 1 ? ` of ${kinds[0]}` : '';
  throw new RotctlError('USAGE', `no fault${of} is called ${JSON.stringify(name)}; there are ${known.join(', ')}`, {
    next: 'rotctl drill --list-faults',
  });
}
