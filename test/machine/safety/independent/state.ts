import {
  type Beginning,
  type ClientSettings,
  type Generation,
  type Inventory,
  type Kind,
  type Program,
  type ReplicaSettings,
  untouched,
} from './program.ts';

/** What a client sends: who signed it, in order, and under which labels. */
export interface Message {
  readonly generations: readonly Generation[];
  readonly keyIds: 'default' | 'own';
}

/** A message that a client sent before it changed. */
export interface Lingering extends Message {
  readonly mark: 'fresh' | 'draining';
}

/** A replica; `memory` is null while it is down. */
export interface Replica {
  readonly name: string;
  readonly memory: ReplicaSettings | null;
  readonly disk: ReplicaSettings;
}

/** A client, and what of its messages may still be on its way besides what it sends now. */
export interface Client {
  readonly name: string;
  readonly memory: ClientSettings;
  readonly disk: ClientSettings;
  readonly lingering: readonly Lingering[];
}

/** A source that replicas are made from anew. */
export interface Template {
  readonly name: string;
  readonly settings: ReplicaSettings;
}

/** A rotation and a world. Names in `told`, `touched` and `served` are sorted, so that equal states have equal text. */
export interface State {
  readonly phase: string;
  readonly done: number;
  readonly intended: boolean;
  readonly told: readonly string[];
  readonly touched: readonly string[];
  readonly replicas: readonly Replica[];
  readonly clients: readonly Client[];
  readonly templates: readonly Template[];
  readonly withdrawn: readonly Generation[];
  /** `generation@namespace`; null where no step of the runbook changes a namespace. */
  readonly served: readonly string[] | null;
}

/** What the surroundings may do. */
export type Action = 'crash' | 'client-restart' | 'scale-out' | 'reconcile' | 'unheeded' | 'left-out';

/** What is asked: a runbook, a fleet, and what the surroundings may do. */
export interface Question {
  readonly program: Program;
  readonly inventory: Inventory;
  readonly environment: ReadonlySet<Action>;
  /** Whether the rotation answers a compromise, which takes some of the ways back. */
  readonly compromised?: boolean;
  readonly beginning?: Beginning;
}

/** What is on when these are: what is left out is done by hand at any time, so that restarts come with it. */
export function inFull(actions: readonly Action[]): ReadonlySet<Action> {
  return new Set(actions.includes('left-out') ? [...actions, 'crash', 'client-restart'] : actions);
}

/** The inventory of so many replicas, clients and templates. */
export function inventoryOf(replicas: number, clients: number, templates: number): Inventory {
  const names = (letter: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${letter}${at}`);
  const inventory: Record<Kind, string[]> = {
    replicas: names('replica-', replicas),
    clients: names('client-', clients),
    templates: names('template-', templates),
    fleet: ['fleet'],
  };
  return inventory;
}

const replicaAtFirst: ReplicaSettings = {
  accepts: ['current'],
  presents: 'current',
  strict: false,
  revokes: [],
  keyIds: 'default',
  defaultId: 'none',
  namespace: 'declared',
};

const clientAtFirst: ClientSettings = { signs: 'current', dual: false, keyIds: 'default', accepts: ['current'] };

/** The state in which nothing has happened yet. */
export function firstState({ program, inventory, beginning = untouched }: Question): State {
  const { strict, keyIds } = beginning;
  const defaultId: ReplicaSettings['defaultId'] = movesDefault(program) ? 'current' : 'none';
  const gate = { ...replicaAtFirst, strict, keyIds, defaultId };
  const client = { ...clientAtFirst, keyIds };
  return {
    phase: 'stable',
    done: 0,
    intended: false,
    told: [],
    touched: [],
    replicas: inventory.replicas.map((name) => ({ name, memory: gate, disk: gate })),
    clients: inventory.clients.map((name) => ({ name, memory: client, disk: client, lingering: [] })),
    templates: inventory.templates.map((name) => ({ name, settings: gate })),
    withdrawn: [],
    served: changesNamespace(program) ? ['current@declared'] : null,
  };
}

function movesDefault(program: Program): boolean {
  const effects = [...program.phases.values()].flat().flatMap((step) => step.effects);
  return effects.some((effect) => effect.kind === 'set' && effect.set.defaultId !== undefined);
}

function changesNamespace(program: Program): boolean {
  const effects = [...program.phases.values()].flat().flatMap((step) => step.effects);
  return effects.some((effect) => effect.kind === 'set' && effect.set.namespace !== undefined);
}

/** The other one of two generations. */
export function otherThan(generation: Generation): Generation {
  return generation === 'current' ? 'next' : 'current';
}

/** What a client with these settings sends. */
export function messageOf({ signs, dual, keyIds }: ClientSettings): Message {
  return { generations: dual ? [signs, otherThan(signs)] : [signs], keyIds };
}

/** Whether two values of the model are the same: all are made with their keys in one order. */
export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether two messages are one, whatever their marks. */
export function sameMessage(one: Message, other: Message): boolean {
  return one.keyIds === other.keyIds && same(one.generations, other.generations);
}

/** What a client sends by its memory, and what lingers of what it sent. */
export function inFlight(client: Client): readonly Message[] {
  return [messageOf(client.memory), ...client.lingering];
}

/** Whether some client sends or has lingering a message that bears the generation. */
export function isBorne(state: State, generation: Generation): boolean {
  return state.clients.some((client) => inFlight(client).some((message) => message.generations.includes(generation)));
}

/** A set of texts, in one order. */
export function asSet(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

/** The client with this memory: what it sent until now lingers, unless it sends it still. */
export function withMemory(client: Client, memory: ClientSettings): Client {
  const before = messageOf(client.memory);
  const now = messageOf(memory);
  if (sameMessage(before, now)) return { ...client, memory };
  const kept = client.lingering.filter((message) => !sameMessage(message, now) && !sameMessage(message, before));
  return { ...client, memory, lingering: sorted([...kept, { ...before, mark: 'fresh' }]) };
}

function sorted(lingering: readonly Lingering[]): readonly Lingering[] {
  const text = (message: Lingering): string => JSON.stringify(message);
  return [...lingering].sort((one, other) => (text(one) < text(other) ? -1 : 1));
}

/** The state with every client's lingering messages changed, or left out where the change gives null. */
export function withLingering(state: State, change: (message: Lingering) => Lingering | null): State {
  const clients = state.clients.map((client) => ({
    ...client,
    lingering: sorted(client.lingering.map(change).filter((message) => message !== null)),
  }));
  return { ...state, clients };
}

/** The state with one replica changed. */
export function withReplica(state: State, name: string, change: (replica: Replica) => Replica): State {
  return { ...state, replicas: state.replicas.map((replica) => (replica.name === name ? change(replica) : replica)) };
}

/** The state with one client changed. */
export function withClient(state: State, name: string, change: (client: Client) => Client): State {
  return { ...state, clients: state.clients.map((client) => (client.name === name ? change(client) : client)) };
}

/** The state with one template changed. */
export function withTemplate(state: State, name: string, change: (template: Template) => Template): State {
  return { ...state, templates: state.templates.map((one) => (one.name === name ? change(one) : one)) };
}
