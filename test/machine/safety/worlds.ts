import type { Task } from '../../../src/machine/roll.ts';
import { begin, type Rotation, settingOf } from '../../../src/machine/rotation.ts';
import { modelOf as modelFor } from '../../../src/machine/safety/check.ts';
import { ENVIRONMENT } from '../../../src/machine/safety/environment.ts';
import { clientOf, type Lingering, type Model, replicaOf, type World } from '../../../src/machine/safety/world.ts';
import type { ClientSettings, Program, ReplicaSettings, Step } from '../../../src/machine/step.ts';
import { type Asked, inventoryOf } from './questions.ts';

/** Settings of a replica as at first, but for these. */
export function replica(settings: Partial<ReplicaSettings> = {}): ReplicaSettings {
  return {
    accepts: ['current'],
    presents: 'current',
    strict: false,
    revokes: [],
    keyIds: 'default',
    defaultId: 'none',
    namespace: 'declared',
    ...settings,
  };
}

/** Settings of a client as at first, but for these. */
export function client(settings: Partial<ClientSettings> = {}): ClientSettings {
  return { signs: 'current', dual: false, keyIds: 'default', accepts: ['current'], ...settings };
}

/** A replica up, with one thing in its memory and another on its disk; `down` for one that is not. */
export interface ReplicaSketch {
  readonly memory?: Partial<ReplicaSettings>;
  readonly disk?: Partial<ReplicaSettings>;
  readonly down?: boolean;
}

/** A client, with what it sent before. */
export interface ClientSketch {
  readonly memory?: Partial<ClientSettings>;
  readonly disk?: Partial<ClientSettings>;
  readonly lingering?: readonly Lingering[];
}

/** What differs in a world from the first one. */
export interface Sketch {
  readonly replicas?: readonly ReplicaSketch[];
  readonly clients?: readonly ClientSketch[];
  readonly templates?: readonly Partial<ReplicaSettings>[];
  readonly withdrawn?: World['withdrawn'];
  readonly served?: World['served'];
}

/** A world, of two replicas and two clients unless it says otherwise. */
export function worldOf({
  replicas = [{}, {}],
  clients = [{}, {}],
  templates = [],
  withdrawn = [],
  served = [],
}: Sketch): World {
  return {
    replicas: replicas.map(({ memory, disk, down }) =>
      replicaOf(down === true ? undefined : replica(memory ?? {}), replica(disk ?? memory ?? {})),
    ),
    clients: clients.map(({ memory, disk, lingering = [] }) =>
      clientOf(client(memory), client(disk ?? memory), lingering),
    ),
    templates: templates.map(replica),
    withdrawn,
    served,
  };
}

/** A step, of which only what is said matters. */
export function step(of: Partial<Step> = {}): Step {
  return {
    id: 'step',
    phase: 'opening',
    does: 'something',
    action: 'prove',
    over: 'fleet',
    order: { first: 1, batch: 1, backward: false, only: undefined, unreachable: 'fail' },
    effects: [],
    proofs: [],
    onFailure: 'hold',
    ...of,
  };
}

/** A task of a step on some targets. */
export function task(targets: readonly string[], of: Partial<Step> = {}): Task {
  return { step: step(of), targets };
}

/** A program with steps in some phases. */
export function programOf(phases: Partial<Program>): Program {
  return {
    opening: [],
    moving: [],
    retiring: [],
    destroying: [],
    widening: [],
    returning: [],
    closing: [],
    ...phases,
  };
}

/** A model of a program on a small fleet, in which everything may happen. */
export function modelOf(program: Partial<Program> = {}, asked: Asked = {}, more: Partial<Model> = {}): Model {
  const setting = settingOf(programOf(program), inventoryOf(asked));
  const model = modelFor({ scheme: 'keyring', environment: new Set(asked.environment ?? ENVIRONMENT) }, setting);
  return { ...model, ...more };
}

/** A rotation in a phase, before its first task. */
export function rotation(of: Partial<Rotation> = {}): Rotation {
  return { ...begin(), ...of };
}
