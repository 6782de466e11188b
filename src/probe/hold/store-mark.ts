import type { Hazard } from '../hazards.ts';
import type { Clock } from '../ports.ts';
import { infoFields, type StoreView } from '../store-view.ts';
import { slotsMoved, slotsText } from './cluster-slots.ts';

/** What tells one life of a Redis from the next, as far as the login may see it. */
export interface NodeMark {
  readonly runId: string | undefined;
  readonly replId: string | undefined;
  readonly role: string | undefined;
  readonly upSeconds: number | undefined;
  /** Whether it keeps an append-only file. */
  readonly aof: boolean | undefined;
  /** Calls of FLUSHALL, FLUSHDB and SWAPDB since it began. */
  readonly flushes: number | undefined;
  readonly evicted: number | undefined;
  /** Its clock less ours, in milliseconds. */
  readonly offsetMs: number | undefined;
  /** Of a cluster. */
  readonly epoch: number | undefined;
  /** Of a cluster: which node has which slots, as this one sees it (`slotsText`). */
  readonly slots: string | undefined;
}

/** The store at one moment: a mark for each node that holds nonces, or why it could not be looked at. */
export type StoreMark = ReadonlyMap<string, NodeMark> | { readonly reason: string };

/** Something that happened to the store between two marks. */
export interface StoreEvent {
  /** Absent where nonces are not lost by it. */
  readonly hazard?: Hazard;
  readonly what: string;
}

/** A clock that moved by less than this, in milliseconds, may only have been asked slowly. */
const CLOCK_STEP_MS = 1000;

/** Takes the mark of a store, with commands that only read. Never rejects for what the store does. */
export async function readStoreMark(view: StoreView, clock: Clock): Promise<StoreMark> {
  const names = await view.nodes();
  if ('reason' in names) return names;
  const marks = new Map<string, NodeMark>();
  for (const name of names) {
    const mark = await readNode(view, clock, name);
    // One node of a cluster that is down says nothing of the others.
    if ('reason' in mark && names.length === 1) return mark;
    if (!('reason' in mark)) marks.set(name, mark);
  }
  return marks.size === 0 ? { reason: `none of ${names.join(', ')} answers` } : marks;
}

async function readNode(view: StoreView, clock: Clock, node: string): Promise<NodeMark | { readonly reason: string }> {
  const before = clock.now();
  const time = await view.ask(node, 'TIME');
  const after = clock.now();
  if (time.kind === 'fault') return { reason: `${node}: ${time.reason}` };
  const fields = new Map<string, string>();
  for (const section of ['server', 'replication', 'persistence', 'stats', 'commandstats']) {
    const answer = await view.ask(node, 'INFO', section);
    if (answer.kind === 'fault') return { reason: `${node}: ${answer.reason}` };
    if (answer.kind === 'value') for (const [name, value] of infoFields(String(answer.value))) fields.set(name, value);
    else if (/^(?:LOADING|MASTERDOWN)$/.test(answer.code)) return { reason: `${node}: ${answer.reason}` };
  }
  const ofCluster = async (what: string) =>
    fields.get('redis_mode') === 'cluster' ? view.ask(node, 'CLUSTER', what) : undefined;
  const [cluster, slots] = [await ofCluster('INFO'), await ofCluster('SLOTS')];
  const epoch = cluster?.kind === 'value' ? infoFields(String(cluster.value)).get('cluster_current_epoch') : undefined;
  const aof = fields.get('aof_enabled');
  return {
    runId: fields.get('run_id'),
    replId: fields.get('master_replid'),
    role: fields.get('role'),
    upSeconds: number(fields.get('uptime_in_seconds')),
    aof: aof === undefined ? undefined : aof === '1',
    flushes: flushesIn(fields),
    evicted: number(fields.get('evicted_keys')),
    offsetMs: time.kind === 'value' ? offsetOf(time.value, (before + after) / 2) : undefined,
    epoch: number(epoch),
    slots: slots?.kind === 'value' ? slotsText(slots.value) : undefined,
  };
}

function number(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || Number.isNaN(value) ? undefined : value;
}

function offsetOf(time: unknown, ours: number): number | undefined {
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : [];
  return seconds === undefined || micros === undefined ? undefined : Math.round(seconds * 1000 + micros / 1000 - ours);
}

/** `cmdstat_flushall:calls=1,usec=…`; a command that was never called has no line. */
function flushesIn(fields: ReadonlyMap<string, string>): number | undefined {
  if (![...fields.keys()].some((name) => name.startsWith('cmdstat_'))) return undefined;
  return ['flushall', 'flushdb', 'swapdb']
    .map((name) => Number(/calls=(\d+)/.exec(fields.get(`cmdstat_${name}`) ?? '')?.[1] ?? 0))
    .reduce((sum, calls) => sum + calls, 0);
}

/** What happened to a store from one mark to a later one, each with the hazard that it is. */
export function storeEvents(before: StoreMark, after: StoreMark): StoreEvent[] {
  if ('reason' in before) return 'reason' in after ? [] : [{ what: 'the store can be looked at again' }];
  if ('reason' in after) return [{ what: `the store cannot be looked at: ${after.reason}` }];
  const gone = [...before.keys()].filter((name) => !after.has(name));
  const come = [...after.keys()].filter((name) => !before.has(name));
  if (gone.length === 1 && come.length === 1 && after.size === 1)
    return [{ hazard: 'H4', what: `fail-over: the primary is ${come[0]}, it was ${gone[0]}` }];
  const both = [...after].flatMap(([name, now]) => {
    const then = before.get(name);
    return then === undefined ? [] : [{ name, then, now }];
  });
  const events = both.flatMap(({ name, then, now }) => nodeEvents(name, then, now));
  // Each node tells of all slots.
  const moved = both.map(({ then, now }) => slotsMoved(then.slots, now.slots)).find((text) => text !== undefined);
  if (moved === undefined) return events;
  // A primary that has lost its last slot follows the node that has it: that is no fail-over.
  const others = events.filter(({ hazard }) => hazard !== 'H4' && hazard !== 'H15');
  return [{ hazard: 'H15', what: `slots of the cluster moved: ${moved}` }, ...others];
}

function nodeEvents(node: string, then: NodeMark, now: NodeMark): StoreEvent[] {
  const events: StoreEvent[] = [];
  const anew = differs(then.runId, now.runId);
  if (anew) {
    const kept =
      now.aof === undefined ? '' : now.aof ? ', it keeps an append-only file' : ', it keeps no append-only file';
    events.push({
      hazard: 'H5',
      what: `${node} was restarted (another run_id, up for ${now.upSeconds ?? 'an unknown number of'} s${kept})`,
    });
  }
  if (differs(then.role, now.role))
    events.push({ hazard: 'H4', what: `fail-over: ${node} was ${then.role}, it is ${now.role}` });
  else if (!anew && differs(then.replId, now.replId))
    events.push({ hazard: 'H4', what: `fail-over: ${node} has another master_replid` });
  if (rose(anew ? 0 : then.flushes, now.flushes))
    events.push({ hazard: 'H19', what: `${node} was flushed (FLUSHALL, FLUSHDB or SWAPDB was called)` });
  if (!anew && rose(then.evicted, now.evicted))
    events.push({ hazard: 'H2', what: `${node} evicted keys (evicted_keys ${then.evicted} to ${now.evicted})` });
  if (rose(then.epoch, now.epoch))
    events.push({ hazard: 'H15', what: `${node}: the cluster changed (epoch ${then.epoch} to ${now.epoch})` });
  const step = (now.offsetMs ?? 0) - (then.offsetMs ?? now.offsetMs ?? 0);
  if (Math.abs(step) > CLOCK_STEP_MS) events.push({ hazard: 'H8', what: `the clock of ${node} moved by ${step} ms` });
  return events;
}

function differs(then: string | undefined, now: string | undefined): boolean {
  return then !== undefined && now !== undefined && then !== now;
}

function rose(then: number | undefined, now: number | undefined): boolean {
  return then !== undefined && now !== undefined && now > then;
}
