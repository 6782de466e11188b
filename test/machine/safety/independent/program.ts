import { parse } from 'yaml';

/** A generation of a secret or certificate: the model knows two. */
export type Generation = 'current' | 'next';
/** What a target is; `fleet` is the one target of a step over the fleet. */
export type Kind = 'replicas' | 'clients' | 'templates' | 'fleet';
/** How replicas judge messages. */
export type Scheme = 'keyring' | 'gate' | 'mtls';

/** Everything that a replica or template may be set to. */
export interface ReplicaSettings {
  readonly accepts: readonly Generation[];
  readonly presents: Generation;
  readonly strict: boolean;
  readonly revokes: readonly Generation[];
  readonly keyIds: 'default' | 'own';
  readonly defaultId: Generation | 'none';
  readonly namespace: 'declared' | 'other';
}

/** How a fleet stands when a rotation of it begins: gates, templates and clients have the same key ids. */
export interface Beginning {
  readonly strict: boolean;
  readonly keyIds: 'default' | 'own';
}

/** A fleet that was never rotated. */
export const untouched: Beginning = { strict: false, keyIds: 'default' };

/** Everything that a client may be set to. */
export interface ClientSettings {
  readonly signs: Generation;
  readonly dual: boolean;
  readonly keyIds: 'default' | 'own';
  readonly accepts: readonly Generation[];
}

/** Settings that a step gives to a target; what is absent stays as it was. */
export type Change = Partial<ReplicaSettings & ClientSettings>;

/** What a step does to one target. */
export type Effect =
  | { readonly kind: 'set'; readonly where: 'disk' | 'memory'; readonly set: Change }
  | { readonly kind: 'load' }
  | { readonly kind: 'drain' | 'end-sessions' | 'destroy' | 'seal'; readonly generation: Generation };

/** What must be seen before a step counts. */
export interface Proof {
  readonly proves: string;
  readonly generation: Generation;
  readonly on: 'target' | 'every-replica' | 'balancer';
  /** The label that the probe bears: the generation's own unless the runbook says otherwise. */
  readonly keyIds: 'default' | 'own';
}

/** How the targets of a step are cut into batches. */
export interface Order {
  readonly first: number;
  readonly batch: number;
  readonly backward: boolean;
  readonly only: number | null;
  readonly unreachable: string | null;
}

/** One line of a runbook. */
export interface Step {
  readonly name: string;
  readonly action: string;
  readonly over: Kind;
  readonly order: Order;
  readonly effects: readonly Effect[];
  readonly proofs: readonly Proof[];
}

/** One step on one batch; `batchStart` is the place of its batch's first task in the phase. */
export interface Task extends Step {
  readonly targets: readonly string[];
  readonly batchStart: number;
}

/** A runbook: its scheme, and its steps by phase. */
export interface Program {
  readonly scheme: Scheme;
  readonly phases: ReadonlyMap<string, readonly Step[]>;
}

/** The targets of each kind, by name, in inventory order. */
export type Inventory = Readonly<Record<Kind, readonly string[]>>;

interface RawStep {
  step: string;
  action: string;
  over: Kind;
  order?: Partial<Order>;
  effect?: Record<string, unknown>[];
  proof?: RawProof[];
}

type RawProof = Omit<Proof, 'keyIds'> & { 'key-ids'?: 'as-before' };

interface RawRunbook {
  material: string;
  protocol: string;
  rotation: Record<string, RawStep[]>;
  rollback: Record<string, RawStep[]>;
}

/** Reads a runbook's text, which is taken to be well formed; what is `as-before` is what the fleet begins with. */
export function readProgram(text: string, beginning = untouched): Program {
  const raw = parse(text, { prettyErrors: false }) as RawRunbook;
  const phases = Object.entries({ ...raw.rotation, ...raw.rollback });
  return {
    scheme: schemeOf(raw),
    phases: new Map(phases.map(([phase, steps]) => [phase, steps.map((step) => readStep(step, beginning))])),
  };
}

function schemeOf(raw: RawRunbook): Scheme {
  if (raw.material === 'mtls') return 'mtls';
  return raw.protocol.startsWith('gate') ? 'gate' : 'keyring';
}

function readStep(raw: RawStep, beginning: Beginning): Step {
  return {
    name: raw.step,
    action: raw.action,
    over: raw.over,
    order: { first: 1, batch: 1, backward: false, only: null, unreachable: null, ...raw.order },
    effects: (raw.effect ?? []).map((effect) => readEffect(effect, beginning)),
    proofs: (raw.proof ?? []).map((proof) => ({
      ...proof,
      keyIds: proof['key-ids'] === 'as-before' ? beginning.keyIds : 'own',
    })),
  };
}

function readEffect(raw: Record<string, unknown>, beginning: Beginning): Effect {
  if (raw.of === 'flight') return { kind: 'drain', generation: raw.drained as Generation };
  if (raw.of === 'sessions') return { kind: 'end-sessions', generation: raw.ended as Generation };
  if (raw.of === 'material') {
    return { kind: raw.becomes === 'destroyed' ? 'destroy' : 'seal', generation: raw.generation as Generation };
  }
  if (raw.from === 'disk') return { kind: 'load' };
  return { kind: 'set', where: raw.where as 'disk' | 'memory', set: readChange(raw, beginning) };
}

/** `key-ids` is written with a hyphen, and what a client presents is what it signs with. */
function readChange(raw: Record<string, unknown>, beginning: Beginning): Change {
  const { of, where, 'key-ids': keyIds, 'default-id': defaultId, ...rest } = raw;
  const labelled: Record<string, unknown> = keyIds === undefined ? rest : { ...rest, keyIds };
  const named: Record<string, unknown> = defaultId === undefined ? labelled : { ...labelled, defaultId };
  if (named.strict === 'as-before') named.strict = beginning.strict;
  if (named.keyIds === 'as-before') named.keyIds = beginning.keyIds;
  if (of !== 'client' || named.presents === undefined) return named as Change;
  const { presents, ...others } = named;
  return { ...others, signs: presents } as Change;
}

/** The tasks of a phase: rolls of adjacent steps, batch by batch, each batch through all steps of its roll. */
export function tasksOf(program: Program, inventory: Inventory, phase: string): readonly Task[] {
  const tasks: Task[] = [];
  for (const roll of rollsOf(program.phases.get(phase) ?? [])) {
    for (const targets of batchesOf(roll.first, inventory)) {
      const batchStart = tasks.length;
      for (const step of roll.steps) tasks.push({ ...step, targets, batchStart });
    }
  }
  return tasks;
}

interface Roll {
  readonly first: Step;
  readonly steps: Step[];
}

function rollsOf(steps: readonly Step[]): readonly Roll[] {
  const rolls: Roll[] = [];
  for (const step of steps) {
    const last = rolls.at(-1);
    if (last !== undefined && rollsTogether(last.first, step)) last.steps.push(step);
    else rolls.push({ first: step, steps: [step] });
  }
  return rolls;
}

function rollsTogether(one: Step, other: Step): boolean {
  const same = (key: keyof Order): boolean => one.order[key] === other.order[key];
  if (one.over === 'fleet') return false;
  return one.over === other.over && (['first', 'batch', 'backward', 'only', 'unreachable'] as const).every(same);
}

function batchesOf(step: Step, inventory: Inventory): readonly (readonly string[])[] {
  const { first, batch, backward, only } = step.order;
  const chosen = only === null ? [...inventory[step.over]] : inventory[step.over].slice(0, only);
  if (backward) chosen.reverse();
  const batches: string[][] = [];
  while (chosen.length > 0) batches.push(chosen.splice(0, batches.length === 0 ? first : batch));
  return batches;
}
