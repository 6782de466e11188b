import type { Scheme } from '../scheme.ts';
import type { ClientSettings, ReplicaSettings, RotatingGeneration } from '../step.ts';
import { bears } from './proofs.ts';
import { accepts, acceptsSomehow } from './verify.ts';
import { type Message, type Model, messageOf, type World } from './world.ts';

/** How an invariant is broken in one state: who, with what, and what has still to happen before it is felt. */
export interface Breach {
  readonly invariant: InvariantId;
  /** The request that goes wrong; absent where none is needed to see it. */
  readonly message?: Message;
  readonly client?: string;
  /** The replica that refuses or accepts, or the template that one would be made from. */
  readonly server?: string;
  readonly generation?: RotatingGeneration;
  /** What has to happen first, as the environment may: a restart, a new instance. Empty when it is so already. */
  readonly after: readonly ('replica-restart' | 'client-restart' | 'scale-out')[];
}

/** What must hold in every state, by the names that the theory of rotations gives them. */
export const INVARIANTS = {
  I1: 'no lock-out: what a client signs with is accepted by every replica that is up',
  I1b: 'no lock-out in flight: what was sent and not yet delivered is accepted by every replica that is up',
  I1c: 'no latent lock-out: a restart of any replica or client locks nobody out',
  I1d: 'no lock-out by template: an instance made anew locks nobody out',
  I1e: 'no lock-out by default: the client id for which requests are taken that name none is one that is accepted',
  I2: 'no resurrection: what was withdrawn is accepted by no replica',
  I2b: 'no latent resurrection: what was withdrawn is on no disk and in no template',
  I3: 'exactly once: no request is accepted under two namespaces of nonces',
  T1: "no lock-out: the authority of a client's certificate is trusted by every replica",
  T2: "no lock-out: the authority of a replica's certificate is trusted by every client",
  T3: 'no session outlives the authority that it was made under',
  T4: 'no resurrection: an authority that was withdrawn is in no bundle, on no disk and in no template',
} as const;

export type InvariantId = keyof typeof INVARIANTS;

/** The invariants that are checked for a scheme, in the order in which a breach is looked for. */
export function invariantsOf(scheme: Scheme): readonly InvariantId[] {
  return scheme === 'mtls' ? ['T1', 'T2', 'T3', 'T4'] : ['I1', 'I1b', 'I1c', 'I1d', 'I1e', 'I2', 'I2b', 'I3'];
}

/** The first breach of an invariant in a world, or `undefined`. What is felt at once comes before what is latent. */
export function breachIn(model: Model, world: World): Breach | undefined {
  const mtls = model.scheme === 'mtls';
  for (const find of mtls ? [refused, untrusted, session, resurrected] : [refused, misdirected, resurrected, twice]) {
    const breach = find(model, world);
    if (breach !== undefined) return breach;
  }
  return undefined;
}

interface Candidate<T> {
  readonly what: T;
  readonly after: Breach['after'];
  /** The invariant that is broken when this one is at fault: now, or only after something. */
  readonly latent: 'I1' | 'I1b' | 'I1c' | 'I1d';
}

/** What a client may send, now or after its restart. Of certificates nothing is in flight: sessions are looked at for themselves. */
function sendable(model: Model, world: World, index: number): Candidate<Message>[] {
  const client = world.clients[index];
  if (client === undefined) return [];
  const list: Candidate<Message>[] = [{ what: messageOf(client.memory), after: [], latent: 'I1' }];
  if (model.scheme !== 'mtls') {
    for (const { message } of client.lingering) list.push({ what: message, after: [], latent: 'I1b' });
  }
  if (client.disk !== client.memory && model.environment.has('client-restart')) {
    list.push({ what: messageOf(client.disk), after: ['client-restart'], latent: 'I1c' });
  }
  return list;
}

/** What may verify a request: each replica now and after its restart, and what an instance made anew would go by. */
function verifying(model: Model, world: World): (Candidate<ReplicaSettings> & { readonly name: string })[] {
  const { inventory } = model.setting;
  const list: (Candidate<ReplicaSettings> & { name: string })[] = [];
  for (const [index, { memory, disk }] of world.replicas.entries()) {
    const name = inventory.replicas[index] ?? '';
    if (memory !== undefined) list.push({ what: memory, after: [], latent: 'I1', name });
    // Whatever is down will come back; whatever is up may be restarted where the environment does that.
    if (memory === undefined || (disk !== memory && model.environment.has('crash'))) {
      list.push({ what: disk, after: ['replica-restart'], latent: 'I1c', name });
    }
  }
  if (makesInstances(model)) {
    for (const [index, what] of world.templates.entries()) {
      list.push({ what, after: ['scale-out'], latent: 'I1d', name: inventory.templates[index] ?? '' });
    }
  }
  return list;
}

function makesInstances({ environment }: Model): boolean {
  return environment.has('scale-out') || environment.has('reconcile');
}

const ORDER = ['I1', 'I1b', 'I1c', 'I1d'] as const;

/** I1, I1b, I1c, I1d (of certificates: T1): a message that somebody refuses. */
function refused(model: Model, world: World): Breach | undefined {
  const servers = verifying(model, world);
  let worst: Breach | undefined;
  let rank: number = ORDER.length;
  for (const [index, client] of model.setting.inventory.clients.entries()) {
    for (const sent of sendable(model, world, index)) {
      for (const server of servers) {
        if (accepts(model.scheme, server.what, sent.what)) continue;
        const worse = Math.max(ORDER.indexOf(sent.latent), ORDER.indexOf(server.latent));
        if (worse >= rank) continue;
        rank = worse;
        worst = {
          invariant: model.scheme === 'mtls' ? 'T1' : (ORDER[worse] ?? 'I1'),
          message: sent.what,
          client,
          server: server.name,
          after: [...sent.after, ...server.after],
        };
      }
    }
  }
  return worst;
}

/** I1e: a default client id whose generation is not accepted, now, after a restart, or on an instance made anew. */
function misdirected(model: Model, world: World): Breach | undefined {
  const wrong = verifying(model, world).flatMap(({ what: { accepts, defaultId }, name: server, after }) =>
    defaultId === 'none' || accepts.includes(defaultId) ? [] : [{ server, after, generation: defaultId }],
  );
  const worst = wrong.find(({ after }) => after.length === 0) ?? wrong[0];
  return worst === undefined ? undefined : { invariant: 'I1e', ...worst };
}

/** I2, I2b (of certificates: T4): a withdrawn generation that somebody accepts, or would. */
function resurrected(model: Model, world: World): Breach | undefined {
  const { inventory } = model.setting;
  const mtls = model.scheme === 'mtls';
  for (const generation of world.withdrawn) {
    const accepting = verifying(model, world).filter(({ what }) => acceptsSomehow(what, generation));
    const server = accepting.find(({ after }) => after.length === 0) ?? accepting[0];
    if (server !== undefined) {
      const { after, name } = server;
      const invariant = mtls ? 'T4' : after.length === 0 ? 'I2' : 'I2b';
      return { invariant, message: { signs: [generation], keyIds: 'default' }, server: name, generation, after };
    }
    const trusting = ({ accepts }: ClientSettings) => mtls && accepts.includes(generation);
    const at = world.clients.findIndex(({ memory, disk }) => trusting(memory) || trusting(disk));
    const client = inventory.clients[at];
    if (client !== undefined) return { invariant: 'T4', client, generation, after: [] };
  }
  return undefined;
}

/** I3: a request that has been accepted under one namespace may be accepted again under the other. */
function twice(_: Model, { served }: World): Breach | undefined {
  for (const generation of ['current', 'next'] as const) {
    if (served.filter((one) => one.startsWith(generation)).length < 2) continue;
    return { invariant: 'I3', message: { signs: [generation], keyIds: 'default' }, generation, after: [] };
  }
  return undefined;
}

/** T2: a replica's certificate that a client does not trust, now, after a restart, or on an instance made anew. */
function untrusted(model: Model, world: World): Breach | undefined {
  const { inventory } = model.setting;
  const latent = model.environment.has('client-restart');
  for (const { what, after, name } of verifying(model, world)) {
    for (const [index, { memory, disk }] of world.clients.entries()) {
      const now = memory.accepts.includes(what.presents);
      if (now && (!latent || disk.accepts.includes(what.presents))) continue;
      const client = inventory.clients[index] ?? '';
      const then: Breach['after'] = now ? [...after, 'client-restart'] : after;
      return { invariant: 'T2', client, server: name, generation: what.presents, after: then };
    }
  }
  return undefined;
}

/** T3: a session that was made under a withdrawn authority. */
function session(model: Model, world: World): Breach | undefined {
  for (const generation of world.withdrawn) {
    const at = world.clients.findIndex((client) => bears(client, generation));
    const client = model.setting.inventory.clients[at];
    if (client !== undefined) return { invariant: 'T3', client, generation, after: [] };
  }
  return undefined;
}
