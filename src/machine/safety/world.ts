import { beginningOf } from '../as-before.ts';
import { PHASES } from '../phase.ts';
import { begin, type Rotation, type Setting } from '../rotation.ts';
import type { Scheme } from '../scheme.ts';
import type { ClientSettings, Inventory, ReplicaSettings, RotatingGeneration } from '../step.ts';
import type { EnvironmentAction } from './environment.ts';

/** The question: which steps, on which targets, by which rules, among which surroundings. */
export interface Model {
  readonly scheme: Scheme;
  readonly setting: Setting;
  readonly environment: ReadonlySet<EnvironmentAction>;
  /** Whether the rotation answers a compromise, so that there is no way back to what is withdrawn. */
  readonly compromised: boolean;
  /** Which loads may be left out, where the environment has that. */
  readonly lacking: ReadonlySet<Lack>;
  /**
   * Whether a replica may stay down for a while; otherwise its crash and its start are one move. Where every step insists
   * on an answer, time spent down adds nothing: it only forbids moves (see spec/checker.md).
   */
  readonly downtime: boolean;
  /** Whether any step changes the namespace of nonces; where none does, replays need no memory. */
  readonly namespaces: boolean;
  /** Targets that every roll takes in one batch and that nothing else tells apart: lists of places in the inventory. */
  readonly alike: Readonly<Record<'replicas' | 'clients', readonly (readonly number[])[]>>;
}

/** A command that some target of a kind does not have. */
export type Lack = `${'replicas' | 'clients'} ${'reload' | 'restart'}`;

/** One replica: what it goes by, and what it would after a restart. While it is down it goes by nothing. */
export interface Replica {
  readonly memory: ReplicaSettings | undefined;
  readonly disk: ReplicaSettings;
  /** A text that two replicas share exactly when they are in the same state. */
  readonly code: string;
}

/** What a request bears: the generations that signed it (or whose certificate was shown), and how they are named. */
export interface Message {
  readonly signs: readonly RotatingGeneration[];
  readonly keyIds: ClientSettings['keyIds'];
}

/**
 * A message that a client sent before it changed, and that may still arrive (or, of certificates, a session made then).
 * What a client sends now may arrive later too; it is not listed. `draining`: sent before a wait that has begun.
 */
export interface Lingering {
  readonly message: Message;
  readonly draining: boolean;
}

/** One client: what it goes by, what it would after a restart, and what is left of earlier times. */
export interface Client {
  readonly memory: ClientSettings;
  readonly disk: ClientSettings;
  readonly lingering: readonly Lingering[];
  /** A text that two clients share exactly when they are in the same state. */
  readonly code: string;
}

/** Everything that can be so or otherwise outside of `rotctl`. Lists are in inventory order. */
export interface World {
  readonly replicas: readonly Replica[];
  readonly templates: readonly ReplicaSettings[];
  readonly clients: readonly Client[];
  /** Generations that were declared retired, or destroyed: never to be accepted again. */
  readonly withdrawn: readonly RotatingGeneration[];
  /** Under which namespaces a request of each generation may have been accepted, as `generation@namespace`. */
  readonly served: readonly string[];
}

/** A state of the model: where the rotation stands, as its ledger has it, and how the world is. */
export interface State {
  readonly rotation: Rotation;
  readonly world: World;
}

const REPLICA_AT_FIRST: ReplicaSettings = {
  accepts: ['current'],
  presents: 'current',
  strict: false,
  revokes: [],
  keyIds: 'default',
  defaultId: 'none',
  namespace: 'declared',
};

const CLIENT_AT_FIRST: ClientSettings = { signs: 'current', dual: false, keyIds: 'default', accepts: ['current'] };

/**
 * The state in which a rotation begins: everybody goes by `current` alone, with key ids and strictness as the inventory has
 * them, and nothing was ever withdrawn.
 */
export function initialState({ setting, compromised, namespaces }: Model): State {
  const { replicas, templates, clients }: Inventory = setting.inventory;
  const { strict, keyIds } = beginningOf(setting.inventory);
  const defaultId = movesDefault(setting) ? 'current' : 'none';
  const gate: ReplicaSettings = { ...REPLICA_AT_FIRST, strict, keyIds, defaultId };
  const client: ClientSettings = { ...CLIENT_AT_FIRST, keyIds };
  return {
    rotation: begin(compromised),
    world: {
      replicas: replicas.map(() => replicaOf(gate, gate)),
      templates: templates.map(() => gate),
      clients: clients.map(() => clientOf(client, client, [])),
      withdrawn: [],
      served: namespaces ? ['current@declared'] : [],
    },
  };
}

/** Whether some step says what the default client id is: without one, replicas are taken to have none. */
function movesDefault({ tasks }: Setting): boolean {
  const steps = Object.values(tasks).flatMap((list) => list.map(({ step }) => step));
  return steps.some(({ effects }) => effects.some((effect) => 'set' in effect && 'defaultId' in effect.set));
}

/** What a client sends by its settings. */
export function messageOf({ signs, dual, keyIds }: ClientSettings): Message {
  return { signs: dual ? [signs, signs === 'current' ? 'next' : 'current'] : [signs], keyIds };
}

/** Whether two messages bear the same. */
export function sameMessage(a: Message, b: Message): boolean {
  return codeOfMessage(a) === codeOfMessage(b);
}

/** Every message of a client that may arrive from now on. */
export function messagesOf({ memory, lingering }: Client): readonly Message[] {
  return lingering.length === 0 ? [messageOf(memory)] : [messageOf(memory), ...lingering.map(({ message }) => message)];
}

/** A replica in a state; without memory it is down. */
export function replicaOf(memory: ReplicaSettings | undefined, disk: ReplicaSettings): Replica {
  return { memory, disk, code: (memory === undefined ? '-' : codeOf(memory)) + codeOf(disk) };
}

/** A client in a state. */
export function clientOf(memory: ClientSettings, disk: ClientSettings, lingering: readonly Lingering[]): Client {
  const left = lingering.map(({ message, draining }) => codeOfMessage(message) + flag(draining)).sort();
  return { memory, disk, lingering, code: codeOf(memory) + codeOf(disk) + left.join('') };
}

/** A text that two worlds share exactly when they are the same. */
export function codeOfWorld({ replicas, clients, templates, withdrawn, served }: World): string {
  return [
    replicas.map(({ code }) => code).join(),
    clients.map(({ code }) => code).join(),
    templates.map(codeOf).join(),
    withdrawn.join(),
    served.join(),
  ].join('|');
}

/**
 * A text that two rotations share exactly when no move tells them apart: whether the last outcome was a failure is left
 * out, and so is the order in which targets were told or touched.
 */
export function codeOfRotation(model: Model, rotation: Rotation): string {
  const { at, templates, replicas, clients } = marksOf(model, rotation);
  return [at, templates, replicas.join(''), clients.join('')].join('|');
}

/**
 * A text that two states share when they differ only in the names of targets that are alike: what each such target holds,
 * and what the rotation says of it, is put in order.
 */
export function codeUpToNames(model: Model, { rotation, world }: State): string {
  const marks = marksOf(model, rotation);
  const sorted = { ...world, replicas: [], clients: [] };
  return [
    marks.at,
    marks.templates,
    ordered(
      world.replicas.map(({ code }, index) => code + marks.replicas[index]),
      model.alike.replicas,
    ),
    ordered(
      world.clients.map(({ code }, index) => code + marks.clients[index]),
      model.alike.clients,
    ),
    codeOfWorld(sorted),
  ].join('|');
}

/** What a rotation says of each target, in inventory order, and where it stands itself. */
interface Marks {
  readonly at: string;
  readonly templates: string;
  readonly replicas: readonly string[];
  readonly clients: readonly string[];
}

function marksOf({ setting }: Model, { phase, done, intended, told, touched }: Rotation): Marks {
  const { inventory } = setting;
  return {
    at: `${PHASES.indexOf(phase)}.${done}${flag(intended)}`,
    templates: inventory.templates.map((name) => flag(touched.includes(name))).join(''),
    replicas: inventory.replicas.map((name) => flag(touched.includes(name))),
    clients: inventory.clients.map((name) => flag(told.includes(name))),
  };
}

function flag(value: boolean): string {
  return value ? '+' : '-';
}

function ordered(codes: string[], groups: readonly (readonly number[])[]): string {
  for (const group of groups) {
    const sorted = group.map((index) => codes[index] ?? '').sort();
    group.forEach((index, rank) => {
      codes[index] = sorted[rank] ?? '';
    });
  }
  return codes.join();
}

const known = new WeakMap<object, string>();
const characters = new Map<string, string>();

/** One character for each way in which settings can be: states are told apart some hundred thousand times. */
function codeOf(settings: ReplicaSettings | ClientSettings): string {
  const before = known.get(settings);
  if (before !== undefined) return before;
  const { accepts, keyIds } = settings;
  const own =
    'signs' in settings
      ? `${settings.signs[0]}${flag(settings.dual)}`
      : `${settings.presents[0]}${flag(settings.strict)}${initials(settings.revokes)}${settings.namespace[0]}${settings.defaultId[0]}`;
  const words = initials(accepts) + keyIds[0] + own;
  const character = characters.get(words) ?? String.fromCharCode(FIRST_CODE + characters.size);
  characters.set(words, character);
  known.set(settings, character);
  return character;
}

/** The first character for settings; those before it have a meaning in keys. */
const FIRST_CODE = 256;

function codeOfMessage({ signs, keyIds }: Message): string {
  return initials(signs) + keyIds[0];
}

function initials(generations: readonly RotatingGeneration[]): string {
  return `(${generations.map((generation) => generation[0]).join('')})`;
}
