import type { Entry, Keyspace } from './keyspace.ts';
import type { Reply } from './resp.ts';

/** What a connection remembers. */
export interface Session {
  db: number;
  readonly id: number;
  name: string;
  closing: boolean;
}

/** What commands work on. `changed` is told of each write, before the reply goes out. */
export interface StoreContext {
  readonly keys: Keyspace;
  readonly startedAt: number;
  /** Bytes that `CONFIG SET maxmemory` allowed; 0 for no limit. Any limit is taken for reached. */
  limit: number;
  now(): number;
  changed(db: number, key: string, entry: Entry | undefined): void;
}

type Command = (args: readonly string[], session: Session, store: StoreContext) => Reply;

const OK: Reply = { simple: 'OK' };
const SYNTAX = { error: 'ERR syntax error' };
const DATABASES = 16;
const FULL = { error: "OOM command not allowed when used memory > 'maxmemory'." };

/** Runs one command of a connection. */
export function execute([name = '', ...args]: readonly string[], session: Session, store: StoreContext): Reply {
  const found = COMMANDS.get(name.toUpperCase());
  if (found === undefined) return { error: `ERR unknown command '${name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64)}'` };
  if (args.length < found.min || args.length > found.max) {
    return { error: `ERR wrong number of arguments for '${name.toLowerCase()}' command` };
  }
  return found.run(args, session, store);
}

const COMMANDS: ReadonlyMap<string, { min: number; max: number; run: Command }> = new Map([
  ['PING', { min: 0, max: 1, run: ([text]) => (text === undefined ? { simple: 'PONG' } : { bulk: text }) }],
  ['SET', { min: 2, max: 8, run: set }],
  ['GET', { min: 1, max: 1, run: ([key = ''], { db }, { keys }) => ({ bulk: keys.get(db, key)?.value ?? null }) }],
  [
    'EXISTS',
    { min: 1, max: 30, run: (names, { db }, { keys }) => count(names, (key) => keys.get(db, key) !== undefined) },
  ],
  ['DEL', { min: 1, max: 30, run: (names, session, store) => count(names, (key) => remove(key, session, store)) }],
  ['PTTL', { min: 1, max: 1, run: (args, session, store) => timeToLive(args, session, store, 1) }],
  ['TTL', { min: 1, max: 1, run: (args, session, store) => timeToLive(args, session, store, 1000) }],
  ['SELECT', { min: 1, max: 1, run: select }],
  ['CLIENT', { min: 1, max: 4, run: client }],
  ['INFO', { min: 0, max: 8, run: info }],
  ['TIME', { min: 0, max: 0, run: (_args, _session, store) => time(store.now()) }],
  ['FLUSHALL', { min: 0, max: 1, run: flush }],
  ['CONFIG', { min: 3, max: 3, run: configure }],
  ['QUIT', { min: 0, max: 0, run: quit }],
]);

function set([key = '', value = '', ...options]: readonly string[], session: Session, store: StoreContext): Reply {
  const wish = parseSetOptions(options);
  if ('error' in wish) return wish;
  if (store.limit > 0) return FULL;
  const old = store.keys.get(session.db, key);
  const answer: Reply = wish.get ? { bulk: old?.value ?? null } : OK;
  const barred = (wish.only === 'NX' && old !== undefined) || (wish.only === 'XX' && old === undefined);
  if (barred) return wish.get ? answer : { bulk: null };
  const expiresAt = wish.keepTtl ? old?.expiresAt : wish.ttlMs === undefined ? undefined : store.now() + wish.ttlMs;
  const entry = { value, expiresAt };
  store.keys.set(session.db, key, entry);
  store.changed(session.db, key, entry);
  return answer;
}

interface SetWish {
  ttlMs?: number;
  only?: 'NX' | 'XX';
  get: boolean;
  keepTtl: boolean;
}

function parseSetOptions(options: readonly string[]): SetWish | { error: string } {
  const wish: SetWish = { get: false, keepTtl: false };
  for (let index = 0; index < options.length; index += 1) {
    const option = (options[index] ?? '').toUpperCase();
    if ((option === 'NX' || option === 'XX') && wish.only === undefined) wish.only = option;
    else if (option === 'GET') wish.get = true;
    else if (option === 'KEEPTTL' && wish.ttlMs === undefined) wish.keepTtl = true;
    else if ((option === 'PX' || option === 'EX') && wish.ttlMs === undefined && !wish.keepTtl) {
      index += 1;
      const given = options[index];
      if (given === undefined) return SYNTAX;
      if (!/^-?[0-9]{1,15}$/.test(given)) return { error: 'ERR value is not an integer or out of range' };
      if (Number(given) <= 0) return { error: "ERR invalid expire time in 'set' command" };
      wish.ttlMs = Number(given) * (option === 'EX' ? 1000 : 1);
    } else return SYNTAX;
  }
  return wish;
}

function remove(key: string, session: Session, store: StoreContext): boolean {
  const removed = store.keys.remove(session.db, key);
  if (removed) store.changed(session.db, key, undefined);
  return removed;
}

/** -2 without the key, -1 without an end, else the remaining time in units of `unitMs`. */
function timeToLive([key = '']: readonly string[], session: Session, store: StoreContext, unitMs: number): Reply {
  const entry = store.keys.get(session.db, key);
  if (entry === undefined) return { integer: -2 };
  if (entry.expiresAt === undefined) return { integer: -1 };
  return { integer: Math.round((entry.expiresAt - store.now()) / unitMs) };
}

function select([text = '']: readonly string[], session: Session): Reply {
  if (!/^[0-9]{1,3}$/.test(text)) return { error: 'ERR value is not an integer or out of range' };
  if (Number(text) >= DATABASES) return { error: 'ERR DB index is out of range' };
  session.db = Number(text);
  return OK;
}

function client([verb = '', ...args]: readonly string[], session: Session): Reply {
  switch (verb.toUpperCase()) {
    case 'ID':
      return { integer: session.id };
    case 'SETNAME':
      session.name = args[0] ?? '';
      return OK;
    case 'GETNAME':
      return { bulk: session.name === '' ? null : session.name };
    case 'SETINFO':
      return OK;
    default:
      return { error: 'ERR unknown subcommand of client' };
  }
}

function info(_args: readonly string[], _session: Session, store: StoreContext): Reply {
  const lines = [
    '# Server',
    'redis_version:7.0.0',
    'redis_mode:standalone',
    'server_name:rotctl-practice-store',
    `uptime_in_seconds:${Math.floor((store.now() - store.startedAt) / 1000)}`,
    '# Memory',
    `maxmemory:${store.limit}`,
    'maxmemory_policy:noeviction',
    '# Persistence',
    'loading:0',
    'aof_enabled:1',
    '# Stats',
    'evicted_keys:0',
    '# Replication',
    'role:master',
    '',
  ];
  return { bulk: lines.join('\r\n') };
}

function flush(_args: readonly string[], _session: Session, store: StoreContext): Reply {
  for (const [db, key] of [...store.keys.entries()]) {
    store.keys.remove(db, key);
    store.changed(db, key, undefined);
  }
  return OK;
}

function configure(
  [verb = '', name = '', text = '']: readonly string[],
  _session: Session,
  store: StoreContext,
): Reply {
  if (verb.toUpperCase() !== 'SET' || name.toLowerCase() !== 'maxmemory' || !/^[0-9]{1,15}$/.test(text))
    return { error: 'ERR only CONFIG SET maxmemory is known here' };
  store.limit = Number(text);
  return OK;
}

function time(nowMs: number): Reply {
  return { array: [{ bulk: String(Math.floor(nowMs / 1000)) }, { bulk: String((nowMs % 1000) * 1000) }] };
}

function quit(_args: readonly string[], session: Session): Reply {
  session.closing = true;
  return OK;
}

function count(names: readonly string[], test: (name: string) => boolean): Reply {
  return { integer: names.filter(test).length };
}
