import type { Entry, LedgerValue } from '../ledger/entry.ts';
import { isFinal, isMoving, type Phase, TRANSITIONS } from '../machine/phase.ts';
import { confirmationsIn, confirmationText } from '../runner/confirmations.ts';
import { type DrillMark, drillMark } from '../runner/drill-mark.ts';
import { overrideIn } from '../runner/override.ts';
import { type Owed, parseOwed } from '../runner/owed.ts';

/** Where one rotation stands, as its ledger entries say; no fleet and no runbook is needed to read it. */
export interface Standing {
  readonly id: string;
  readonly fleet: string;
  readonly runbook: string;
  /** What it is of. */
  readonly material: 'secrets' | 'certificates';
  readonly phase: Phase;
  /** UTC times of the first and the last entry. */
  readonly begun: string;
  readonly last: string;
  readonly compromised: boolean;
  /** In a moving phase: the targets that have no good outcome in it yet. */
  readonly behind: readonly string[];
  /** Why the last step was not proven, while no good one followed. */
  readonly heldBecause: string | undefined;
  /** The step whose intent has no outcome: a crash came between the two, or it is being carried out now. */
  readonly unsettled: string | undefined;
  /** Clients that were told to use `next` and are not proven to be back on `current`. */
  readonly told: readonly string[];
  /** Replay checks that wait for a nonce's life to end. */
  readonly owed: readonly Owed[];
  /** What was overridden, with the reason given: nothing in the rotation counts as proven. */
  readonly override: string | undefined;
  /** The drill that it is a rehearsal of, and whether that goes on to the end. */
  readonly drill: DrillMark | undefined;
  /** What somebody has answered for by name, and counts now. */
  readonly confirmed: readonly string[];
  /** Commands that the present phase allows. */
  readonly allowed: readonly string[];
}

/** The rotations of a ledger, oldest first. A drill's own entries are no rotation. */
export function standings(entries: readonly Entry[]): Standing[] {
  const rotations = new Map<string, Entry[]>();
  for (const entry of entries) rotations.set(entry.rotation, [...(rotations.get(entry.rotation) ?? []), entry]);
  return [...rotations.values()].flatMap((own) => {
    const header = own.find(({ kind, data }) => kind === 'header' && data.material !== undefined);
    const last = own.at(-1);
    return header === undefined || last === undefined ? [] : [standing(own, header, last)];
  });
}

function standing(own: readonly Entry[], header: Entry, last: Entry): Standing {
  const { phase } = last;
  const entered = own.findLastIndex(({ data }) => typeof data.trigger === 'string' && data.gate === undefined);
  const present = own.slice(entered + 1);
  const compromised = header.data.compromised === true;
  const lastStep = own.findLast(({ kind }) => kind === 'intent' || kind === 'outcome');
  const failed = present.findLast(({ kind }) => kind === 'outcome');
  return {
    id: header.rotation,
    fleet: header.fleet,
    runbook: header.runbook,
    material: isOfCertificates(header) ? 'certificates' : 'secrets',
    phase,
    begun: header.at,
    last: last.at,
    compromised,
    behind: isMoving(phase) ? behindIn(phase, header, present) : [],
    heldBecause: failed?.data.result === 'failed' ? text(failed.data.reason) : undefined,
    unsettled:
      lastStep?.kind === 'intent' ? `${lastStep.step} on ${texts(lastStep.data.targets).join(', ')}` : undefined,
    told: toldIn(own, texts(header.data.clients)),
    owed: parseOwed(own),
    override: overrideIn(own, header.rotation),
    drill: drillMark(header),
    confirmed: confirmationsIn(own).map((one) => confirmationText(one, goesBy(header))),
    allowed: allowedIn(phase, compromised),
  };
}

/** What a client does with a generation, in words. */
function goesBy(header: Entry): string {
  return isOfCertificates(header) ? 'goes by certificates of' : 'signs with';
}

function isOfCertificates({ data: { material } }: Entry): boolean {
  return typeof material === 'object' && material !== null && 'authority' in material;
}

/** Targets that no good outcome of the phase names. Phases over clients have their names, the others replicas'. */
function behindIn(phase: Phase, header: Entry, present: readonly Entry[]): string[] {
  const clients = phase === 'moving' || phase === 'returning';
  const done = new Set(present.filter(isDone).flatMap(({ data }) => texts(data.targets)));
  const failed = new Set(
    present.filter((entry) => entry.kind === 'outcome' && !isDone(entry)).flatMap(({ data }) => texts(data.targets)),
  );
  const all = texts(clients ? header.data.clients : header.data.replicas);
  return phase === 'destroying'
    ? []
    : all.filter((name) => !done.has(name) || (failed.has(name) && !doneSince(present, name)));
}

function doneSince(present: readonly Entry[], name: string): boolean {
  const last = present.findLast(({ kind, data }) => kind === 'outcome' && texts(data.targets).includes(name));
  return last !== undefined && isDone(last);
}

/** Clients whose `next` was written, less those that a step then proved to sign with `current`. */
function toldIn(own: readonly Entry[], clients: readonly string[]): string[] {
  const told = new Set<string>();
  for (const [index, entry] of own.entries()) {
    const names = texts(entry.data.targets).filter((name) => clients.includes(name));
    if (entry.kind === 'intent' && entry.phase === 'moving' && entry.data.action === 'write')
      for (const name of names) told.add(name);
    if (entry.phase === 'returning' && isDone(entry) && provesReturn(own, index))
      for (const name of names) told.delete(name);
  }
  return [...told];
}

/** Whether the outcome at `index` follows a proof that its targets sign with `current`. */
function provesReturn(own: readonly Entry[], index: number): boolean {
  const { step } = own[index] ?? {};
  const intent = own.slice(0, index).findLastIndex(({ kind }) => kind === 'intent');
  return own.slice(intent, index).some(({ kind, data, step: of }) => {
    return kind === 'evidence' && of === step && isReturn(data);
  });
}

/** Proofs that a client is back on `current`: by what it signs with, or by the certificate that it shows. */
function isReturn({ proof, generation }: Entry['data']): boolean {
  return (proof === 'signs' || proof === 'presents') && generation === 'current';
}

/** The commands that the transition table has for a phase. */
function allowedIn(phase: Phase, compromised: boolean): string[] {
  const words = Object.keys(TRANSITIONS[phase]).flatMap((trigger) => {
    switch (trigger) {
      case 'overlap':
      case 'move-clients':
        return ['overlap'];
      case 'retire':
      case 'destroy':
        return ['retire'];
      case 'rollback':
        return compromised && phase === 'retiring' ? [] : ['rollback'];
      case 'reinstate':
        return compromised ? [] : ['rollback --reinstate --reason TEXT'];
      default:
        return ['resume'];
    }
  });
  return isFinal(phase) ? ['overlap'] : [...new Set([...words, 'resume'])];
}

function isDone({ kind, data }: Entry): boolean {
  return kind === 'outcome' && data.result === 'done';
}

function texts(value: LedgerValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function text(value: LedgerValue | undefined): string {
  return typeof value === 'string' ? value : 'no reason given';
}
