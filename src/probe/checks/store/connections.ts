import type { Check, CheckContext, Observation } from '../check.ts';
import { observe, type Sight } from '../on-replicas.ts';
import { storeOf, unseen } from './on-nodes.ts';

/** A connection to the store, of neither rotctl nor the store itself. */
export interface Connection {
  readonly addr: string;
  readonly name: string;
  readonly db: number;
  /** The command that it sent last. */
  readonly cmd: string;
}

/**
 * The connections in a `CLIENT LIST`, without replicas, primaries, Sentinels and the one that asked.
 *
 * @param own the id of the connection that asked
 */
export function connectionsIn(text: string, own: string | undefined): readonly Connection[] {
  return text.split('\n').flatMap((line) => {
    const fields = new Map(
      line
        .trim()
        .split(' ')
        .map((part) => [part.split('=')[0] ?? '', part.slice(part.indexOf('=') + 1)]),
    );
    const [addr = '', name = '', flags = '', cmd = ''] = ['addr', 'name', 'flags', 'cmd'].map((key) => fields.get(key));
    const foreign = addr !== '' && fields.get('id') !== own && !/[SMO]/.test(flags) && !/^sentinel-/.test(name);
    return foreign ? [{ addr, name, db: Number(fields.get('db')), cmd }] : [];
  });
}

/** The connections to every node that says them; none where the login may not see them. */
export async function readConnections(context: CheckContext): Promise<readonly Connection[]> {
  const store = storeOf(context);
  const nodes = await store.nodes();
  if ('reason' in nodes) return [];
  const lists = await Promise.all(nodes.map((node) => listOf(context, node)));
  return lists.flatMap((list) => ('connections' in list ? list.connections : []));
}

async function listOf(
  context: CheckContext,
  node: string,
): Promise<{ readonly connections: readonly Connection[] } | Parameters<typeof unseen>[1]> {
  const store = storeOf(context);
  const own = await store.ask(node, 'CLIENT', 'ID');
  const answer = await store.ask(node, 'CLIENT', 'LIST');
  if (answer.kind !== 'value') return answer;
  const id = own.kind === 'value' ? String(own.value) : undefined;
  // Ours by its name, too: other logins of rotctl look at the same time.
  return { connections: connectionsIn(String(answer.value), id).filter(({ cmd }) => !/^client\b/.test(cmd)) };
}

/** A connection that bears a replica's name, in another database. */
export function elsewhere(connections: readonly Connection[], replica: string, db: number): Connection | undefined {
  const own = connections.filter(({ name }) => name.split(/[^A-Za-z0-9_-]/).includes(replica));
  return own.find((each) => each.db !== db);
}

/** Whether a name or address is like one of the declared ones, in which `*` is any text. */
export function isDeclared({ name, addr }: Connection, patterns: readonly string[]): boolean {
  const host = addr.replace(/:\d+$/, '');
  return patterns.some((pattern) => {
    const like = new RegExp(
      `^${pattern
        .split('*')
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    );
    return like.test(name) || like.test(host) || like.test(addr);
  });
}

const EXPECTED = 'only declared connections, all in the one database';

/** Judges who is connected: to which database (H10), whether expected (H24), and whether all through one (H17). */
export function judgeConnections(
  connections: readonly Connection[],
  {
    db,
    clients,
    replicas,
  }: { readonly db: number; readonly clients: readonly string[]; readonly replicas: readonly string[] },
): Sight {
  const seen = `${connections.length} connections: ${summary(connections)}`;
  const base = { expected: EXPECTED, seen, samples: 1 };
  const drifted = replicas.flatMap((replica) => elsewhere(connections, replica, db) ?? []);
  if (drifted.length > 0) {
    const who = drifted.map(({ name, db: other }) => `${name} uses database ${other}`).join(', ');
    return { ...base, verdict: 'fail', hazards: ['H10'], reason: `${who}, not ${db}` };
  }
  if (clients.length === 0)
    return { ...base, verdict: 'not-applicable', reason: 'rotctl.yaml does not say whom to expect (store.clients)' };
  const strangers = connections.filter((each) => !isDeclared(each, clients));
  if (strangers.length > 0) {
    const reason = `not in store.clients: ${summary(strangers)}; another environment may burn the nonces of this one`;
    return { ...base, verdict: 'fail', hazards: ['H24'], reason };
  }
  const other = connections.filter((each) => each.db !== db);
  if (other.length > 0)
    return { ...base, verdict: 'fail', hazards: ['H10'], reason: `not in database ${db}: ${summary(other)}` };
  if (connections.length > 0 && connections.length < replicas.length) {
    const reason = `${connections.length} for ${replicas.length} replicas: through a proxy, or some keep their nonces elsewhere`;
    return { ...base, verdict: 'unknown', hazards: ['H17', 'H11'], reason };
  }
  return { ...base, verdict: 'pass' };
}

function summary(connections: readonly Connection[]): string {
  const kinds = new Map<string, number>();
  for (const { name, addr, db } of connections) {
    const kind = `${name === '' ? addr.replace(/:\d+$/, '') : name} (db ${db})`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const told = [...kinds].slice(0, 12).map(([kind, count]) => (count === 1 ? kind : `${count} × ${kind}`));
  return `${told.join(', ') || 'none'}${kinds.size > 12 ? `, and ${kinds.size - 12} others` : ''}`;
}

const connected: Check = {
  id: 'store.connections',
  group: 'store',
  critical: false,
  title: 'those who are connected to the store are those who share it',
  why: 'a signer in another database shares no nonces, and a fleet of another environment burns those of this one',
  remedy:
    'give every signer the same database, each environment a store of its own, and name connections (CLIENT SETNAME)',
  hazards: ['H10', 'H24', 'H17', 'H11'],
  needs: ['store'],
  look: async (context): Promise<Observation[]> => {
    const { store, replicas } = context.fleet;
    const nodes = await storeOf(context).nodes();
    if ('reason' in nodes)
      return [await observe(context, 'store', async () => unseen(EXPECTED, { kind: 'fault', ...nodes }))];
    const names = replicas.map(({ name }) => name);
    const judged = nodes.map((node) =>
      observe(context, node, async () => {
        const list = await listOf(context, node);
        if (!('connections' in list)) return unseen(EXPECTED, list);
        // Clients of a cluster connect to a node when they first need it.
        const several = store?.form === 'cluster' ? [] : names;
        const expected = { db: store?.db ?? 0, clients: store?.clients ?? [], replicas: several };
        return judgeConnections(list.connections, expected);
      }),
    );
    return Promise.all(judged);
  },
};

/** Of those who use the store. */
export const CONNECTION_CHECKS: readonly Check[] = [connected];
