import { RotctlError } from '../errors/rotctl-error.ts';
import type { Pin } from '../fleet/fleet.ts';
import type { Entry, EntryKind, LedgerValue } from '../ledger/entry.ts';
import { isFinal, PHASES, type Phase, TRIGGERS, type Trigger } from '../machine/phase.ts';
import { begin, type Rotation, type RotationEvent, type Setting, settingOf, transition } from '../machine/rotation.ts';
import type { Inventory, Program } from '../machine/step.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { certificatesIn, goneIn, pinsIn } from './enumeration.ts';
import { type GateTerms, termsIn } from './gate/terms.ts';
import type { KeyIdsByClient } from './make-pairs.ts';
import { type Owed, parseOwed } from './owed.ts';
import { type GenerationIds, idsIn } from './second-id.ts';

/** What a rotation's ledger entries say, folded. */
export interface History {
  readonly id: string;
  readonly runbook: string;
  readonly runbookDigest: string;
  readonly rotation: Rotation;
  readonly inventory: Inventory;
  /** By which a rotation of gates goes. */
  readonly terms: GateTerms | undefined;
  /** Where the last command wanted to get to. */
  readonly goal: Phase;
  /** Unix milliseconds at which each phase was last entered. */
  readonly enteredAt: Readonly<Partial<Record<Phase, number>>>;
  /** Fingerprints of the material, by client id. */
  readonly fingerprints: Readonly<Record<string, { readonly current: string; readonly next: string }>>;
  /** Of clients with two ids: under which each generation stands. */
  readonly ids: Readonly<Record<string, GenerationIds>>;
  /** Ids of the keys that are held elsewhere, by client id. */
  readonly keyIds: KeyIdsByClient;
  readonly owed: readonly Owed[];
  /** Where each replica was when it began; `undefined` where the header does not say. */
  readonly pins: readonly Pin[] | undefined;
  /** The certificate that each replica was last known by, as its fingerprint. */
  readonly certificates: Readonly<Record<string, string>>;
  /** Replicas that somebody has answered for as gone for good, each with whose word that is. */
  readonly gone: ReadonlyMap<string, string>;
  /** The reason of the last failed outcome, while it has not been followed by a good one. */
  readonly heldBecause: string | undefined;
}

/** The ids of the rotations in a ledger, oldest first. Other headers (a drill's) name no material. */
function rotationIds(entries: readonly Entry[]): string[] {
  return [
    ...new Set(
      entries.filter((entry) => entry.kind === 'header' && 'material' in entry.data).map((entry) => entry.rotation),
    ),
  ];
}

/** Whether there is a rotation that is neither destroyed nor rolled back. */
export function isOpen(history: History | undefined): history is History {
  return history !== undefined && !isFinal(history.rotation.phase);
}

/**
 * Folds the entries of one rotation; by default the newest.
 *
 * @returns `undefined` when the ledger has no rotation
 * @throws RotctlError `LEDGER_BROKEN` when the entries do not follow from one another by the machine's own rules
 */
export function readHistory(
  entries: readonly Entry[],
  program: Program,
  id = rotationIds(entries).at(-1),
): History | undefined {
  const own = entries.filter((entry) => entry.rotation === id);
  const header = own.find((entry) => entry.kind === 'header');
  if (id === undefined || header === undefined) return undefined;
  const identity = identityOf(id, header);
  const setting = settingOf(program, identity.inventory);
  const folded = own.reduce((state, entry) => fold(setting, state, entry), start(header));
  return { ...identity, ...folded, owed: parseOwed(own), gone: goneIn(own), certificates: certificatesIn(own) };
}

/** A fleet whose replicas are compared with those of another has lost all of them, to its ledger. */
function requireOwn({ rotation, fleet: begun }: Entry, fleet: string): void {
  if (begun === fleet) return;
  throw new RotctlError(
    'INPUT_INVALID',
    `rotation ${rotation}, which is open in this ledger, is of the fleet ${begun}; this one is ${fleet}`,
    {
      hint: 'give each fleet a ledger of its own with --ledger; one that was renamed keeps its name until its rotation is over',
      next: 'rotctl status --ledger FILE',
    },
  );
}

/**
 * The newest rotation of a ledger, for a runbook to go on with, or to begin after. One that is over and was carried out by
 * another runbook (or by this one before it was changed) is told by its entries alone: its steps are not known here.
 *
 * @throws RotctlError `INPUT_INVALID` when it is open and is another fleet's, or was begun with another runbook; as `readHistory`
 */
export function newestHistory(
  entries: readonly Entry[],
  { name, digest, program }: Pick<Runbook, 'name' | 'digest' | 'program'>,
  fleet: string,
): History | undefined {
  const id = rotationIds(entries).at(-1);
  const own = entries.filter((entry) => entry.rotation === id);
  const header = own.find((entry) => entry.kind === 'header');
  const phase = own.at(-1)?.phase ?? 'stable';
  if (header !== undefined && !isFinal(phase)) requireOwn(header, fleet);
  if (id === undefined || header === undefined || text(header.data.runbookDigest) === digest) {
    return readHistory(entries, program, id);
  }
  if (!isFinal(phase) && header.runbook !== name) {
    throw new RotctlError(
      'MOVE_REFUSED',
      `rotation ${id} is one of ${header.runbook} and not over (phase ${phase}): a fleet has one at a time, so that ${name} has to wait`,
      {
        hint: `end it first, with rotctl retire or rotctl rollback; where ${header.runbook} is a runbook of your own, name its file with --runbook`,
        next: 'rotctl status',
      },
    );
  }
  if (!isFinal(phase)) {
    throw new RotctlError('INPUT_INVALID', `runbook ${name} is not the one that rotation ${id} began with`, {
      hint: `a rotation ends by the runbook that it began with, here ${header.runbook}: name its file with --runbook, as it was then`,
    });
  }
  const { rotation, ...started } = start(header);
  return {
    ...identityOf(id, header),
    ...started,
    rotation: { ...rotation, phase },
    owed: parseOwed(own),
    gone: goneIn(own),
    certificates: certificatesIn(own),
  };
}

function identityOf(id: string, header: Entry) {
  const { templates, replicas, clients, batch } = header.data;
  const terms = termsIn(header);
  return {
    id,
    runbook: header.runbook,
    runbookDigest: text(header.data.runbookDigest),
    inventory: {
      templates: texts(templates),
      replicas: texts(replicas),
      clients: texts(clients),
      ...(terms === undefined ? {} : { beginning: terms.beginning }),
      ...(typeof batch === 'number' ? { batch } : {}),
    },
    terms,
    fingerprints: fingerprintsOf(header),
    ids: idsIn(header.data.ids),
    pins: pinsIn(header.data.pins),
    keyIds: keyIdsIn(header),
  };
}

type Folded = Pick<History, 'rotation' | 'goal' | 'enteredAt' | 'heldBecause'>;

function start(header: Entry): Folded {
  const rotation = begin(header.data.compromised === true);
  return { rotation, goal: 'switched', enteredAt: {}, heldBecause: undefined };
}

function fold(setting: Setting, state: Folded, entry: Entry): Folded {
  const event = eventOf(entry);
  if (event === undefined) return { ...state, goal: goalIn(entry) ?? state.goal };
  const result = transition(setting, state.rotation, event);
  if (!result.ok) {
    throw new RotctlError(
      'LEDGER_BROKEN',
      `entry ${entry.seq} (${event.kind}) cannot follow phase ${result.from}: ${result.reason}`,
    );
  }
  const { rotation } = result;
  switch (event.kind) {
    case 'trigger': {
      const enteredAt = { ...state.enteredAt, [rotation.phase]: Date.parse(entry.at) };
      return { ...state, rotation, enteredAt, goal: goalIn(entry) ?? state.goal, heldBecause: undefined };
    }
    case 'intent':
      return { ...state, rotation };
    case 'done':
      return { ...state, rotation, heldBecause: undefined };
    case 'failed':
      return { ...state, rotation, heldBecause: text(entry.data.reason) };
  }
}

/** Where an entry says that its command wants to get to: a move, or the lock taken for one. */
function goalIn({ kind, data }: Entry): Phase | undefined {
  if (kind !== 'lock' && !MOVES.includes(kind)) return undefined;
  return PHASES.find((phase) => phase === data.goal);
}

/** The kinds of entry that record a move between phases. */
const MOVES: readonly EntryKind[] = ['checkpoint', 'reinstate', 'destroy'];

/** The machine's event that an entry stands for; entries of evidence, gates and the like stand for none. */
function eventOf(entry: Entry): RotationEvent | undefined {
  const { trigger, result } = entry.data;
  if (MOVES.includes(entry.kind) && isTrigger(trigger)) return { kind: 'trigger', trigger };
  if (entry.kind === 'intent') return { kind: 'intent' };
  if (entry.kind === 'outcome') return { kind: result === 'done' ? 'done' : 'failed' };
  return undefined;
}

function isTrigger(value: LedgerValue | undefined): value is Trigger {
  return (TRIGGERS as readonly unknown[]).includes(value);
}

function fingerprintsOf(header: Entry): History['fingerprints'] {
  const material = header.data.material;
  if (material === null || typeof material !== 'object' || Array.isArray(material)) return {};
  return Object.fromEntries(
    Object.entries(material as Record<string, LedgerValue>).map(([client, pair]) => {
      const { current, next } = pair as { [key: string]: LedgerValue };
      return [client, { current: text(current), next: text(next) }];
    }),
  );
}

/** What `makePairs` has put there. */
function keyIdsIn(header: Entry): KeyIdsByClient {
  return (header.data.keyIds ?? {}) as KeyIdsByClient;
}

function texts(value: LedgerValue | undefined): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function text(value: LedgerValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
