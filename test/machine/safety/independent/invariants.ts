import { acceptsMessage, acceptsUnderSomeLabel } from './acceptance.ts';
import type { ReplicaSettings } from './program.ts';
import { type Client, isBorne, type Message, messageOf, type Question, type Replica, type State } from './state.ts';

/** What a state is judged by: the settings and messages that count, sorted by how they may come about. */
interface Judged {
  readonly up: readonly ReplicaSettings[];
  /** Disks of replicas that count, because a restart may come. */
  readonly disks: readonly ReplicaSettings[];
  /** Templates, where replicas may be made from them. */
  readonly templates: readonly ReplicaSettings[];
  readonly sent: readonly Message[];
  readonly lingering: readonly Message[];
  /** What clients would send after a restart, where one may come. */
  readonly sentAfterRestart: readonly Message[];
}

/** The first invariant, in the order of the page, that is broken in the state; null when all hold. */
export function brokenIn(question: Question, state: State): string | null {
  const judged = judgedOf(question, state);
  const table = question.program.scheme === 'mtls' ? certificates : secrets;
  return table.find(([, isBroken]) => isBroken(judged, question, state))?.[0] ?? null;
}

function judgedOf({ environment }: Question, state: State): Judged {
  const diskCounts = (replica: Replica): boolean => replica.memory === null || environment.has('crash');
  const fromTemplates = environment.has('scale-out') || environment.has('reconcile');
  const byDisk = state.clients.map((client) => messageOf(client.disk));
  return {
    up: state.replicas.flatMap(({ memory }) => (memory === null ? [] : [memory])),
    disks: state.replicas.filter(diskCounts).map((replica) => replica.disk),
    templates: fromTemplates ? state.templates.map((template) => template.settings) : [],
    sent: state.clients.map((client) => messageOf(client.memory)),
    lingering: state.clients.flatMap((client) => client.lingering),
    sentAfterRestart: environment.has('client-restart') ? byDisk : [],
  };
}

type Invariant = readonly [id: string, isBroken: (judged: Judged, question: Question, state: State) => boolean];

const secrets: readonly Invariant[] = [
  ['I1', (judged, question) => refusesOne(question, judged.up, judged.sent)],
  ['I1b', (judged, question) => refusesOne(question, judged.up, judged.lingering)],
  ['I1c', (judged, question) => refusesAfterRestart(question, judged, judged.lingering)],
  ['I1d', (judged, question) => refusesFromTemplate(question, judged, judged.lingering)],
  ['I1e', (judged) => [...judged.up, ...judged.disks, ...judged.templates].some(isMisdirected)],
  ['I2', (judged, _, state) => acceptsWithdrawn(state, judged.up)],
  ['I2b', (judged, _, state) => acceptsWithdrawn(state, [...judged.disks, ...judged.templates])],
  ['I3', (_judged, _, state) => isServedTwice(state)],
];

const certificates: readonly Invariant[] = [
  ['T1', isLockedOut],
  ['T2', isDistrusted],
  ['T3', (_judged, _, state) => state.withdrawn.some((generation) => isBorne(state, generation))],
  ['T4', isWithdrawnTrusted],
];

function refusesOne({ program }: Question, replicas: readonly ReplicaSettings[], messages: readonly Message[]) {
  return replicas.some((replica) => messages.some((message) => !acceptsMessage(program.scheme, replica, message)));
}

function refusesAfterRestart(question: Question, judged: Judged, lingering: readonly Message[]): boolean {
  const { up, disks, sent, sentAfterRestart } = judged;
  return (
    refusesOne(question, disks, [...sent, ...lingering]) || refusesOne(question, [...up, ...disks], sentAfterRestart)
  );
}

function refusesFromTemplate(question: Question, judged: Judged, lingering: readonly Message[]): boolean {
  return refusesOne(question, judged.templates, [...judged.sent, ...judged.sentAfterRestart, ...lingering]);
}

/** Requests that name no client are taken for one whose generation it does not accept. */
function isMisdirected({ accepts, defaultId }: ReplicaSettings): boolean {
  return defaultId !== 'none' && !accepts.includes(defaultId);
}

function acceptsWithdrawn({ withdrawn }: State, replicas: readonly ReplicaSettings[]): boolean {
  return replicas.some((replica) => withdrawn.some((generation) => acceptsUnderSomeLabel(replica, generation)));
}

function isServedTwice({ served }: State): boolean {
  const generations = (served ?? []).map((pair) => pair.split('@')[0]);
  return new Set(generations).size < generations.length;
}

/** With certificates nothing is in flight: what lingers is a session, and is not judged here. */
function isLockedOut(judged: Judged, question: Question): boolean {
  return (
    refusesOne(question, judged.up, judged.sent) ||
    refusesAfterRestart(question, judged, []) ||
    refusesFromTemplate(question, judged, [])
  );
}

function isDistrusted(judged: Judged, { environment }: Question, state: State): boolean {
  const presented = [...judged.up, ...judged.disks, ...judged.templates].map((replica) => replica.presents);
  const trusting = ({ memory, disk }: Client) => (environment.has('client-restart') ? [memory, disk] : [memory]);
  const stores = state.clients.flatMap(trusting);
  return stores.some((store) => presented.some((generation) => !store.accepts.includes(generation)));
}

function isWithdrawnTrusted(judged: Judged, _: Question, state: State): boolean {
  const stores = state.clients.flatMap(({ memory, disk }) => [memory, disk]);
  return (
    acceptsWithdrawn(state, [...judged.up, ...judged.disks, ...judged.templates]) ||
    stores.some((store) => state.withdrawn.some((generation) => store.accepts.includes(generation)))
  );
}
