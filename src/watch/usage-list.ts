import type { LedgerUsage } from '../fleet/fleet.ts';
import { momentOf } from './moment.ts';
import {
  type AcceptedRequest,
  type EntriesReading,
  nameOfActor,
  strangersAmong,
  type UsageScope,
} from './usage-reading.ts';

type Listed = Pick<EntriesReading, 'shows' | 'entries' | 'oldest' | 'stepMs' | 'clockErrorMs' | 'strangers'>;

/**
 * The accepted requests that a gate's list tells of, or what is wrong with it: half of a list proves nothing.
 *
 * @param at when the answer was there, by our clock: no entry can be from later than that, clocks considered
 */
export function readEntries(
  text: string,
  source: LedgerUsage,
  { clients, ownActor, clockErrorMs }: Pick<UsageScope, 'clients' | 'ownActor' | 'clockErrorMs'>,
  at: number,
): Listed | string {
  const list = listIn(text, source);
  if (typeof list === 'string') return list;
  const all: AcceptedRequest[] = [];
  for (const [index, value] of list.entries()) {
    const entry = entryOf(value, source);
    if (typeof entry === 'string') return `entry ${index + 1} of ${source.path} has no ${entry}`;
    all.push(entry);
  }
  const times = all.map((entry) => entry.at);
  const stepMs = times.length > 0 && times.every((time) => time % 1000 === 0) ? 1000 : 0;
  const ahead = times.reduce((most, time) => Math.max(most, time - at), 0);
  if (ahead > clockErrorMs + stepMs) {
    return `${source.path} has an entry ${Math.ceil(ahead)} ms ahead of our clock, more than replay.clockError of ${clockErrorMs} ms`;
  }
  const entries = all
    .filter(({ client }) => client !== ownActor)
    .map((entry) => ({ ...entry, client: nameOfActor(entry.client, clients) }));
  const strangers = strangersAmong(
    entries.map(({ client }) => client),
    clients,
  );
  const oldest = times.reduce<number | undefined>((least, time) => Math.min(least ?? time, time), undefined);
  return { shows: 'entries', entries, oldest, stepMs, clockErrorMs, strangers };
}

/** The list in an answer: at its pointer in a JSON document, or the answer's lines, where it is itself the list. */
function listIn(text: string, { path, entries }: LedgerUsage): readonly unknown[] | string {
  const whole = parse(text);
  const found = whole === undefined ? undefined : valueAt(whole.value, entries);
  if (Array.isArray(found)) return found;
  if (entries !== '') return whole === undefined ? `${path} is not JSON` : `${path} has no list at ${entries}`;
  const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [{ line, number: index + 1 }]));
  const values: unknown[] = [];
  for (const { line, number } of lines) {
    const parsed = parse(line);
    if (parsed === undefined) return `line ${number} of ${path} is not JSON`;
    values.push(parsed.value);
  }
  return values;
}

/** An entry, or what it lacks, in words that follow "has no". The entry's own text is not repeated. */
function entryOf(value: unknown, { at, client, keyId, instance }: LedgerUsage): AcceptedRequest | string {
  const moment = momentOf(valueAt(value, at));
  if (moment === undefined) return `time (Unix seconds or milliseconds, or ISO 8601 with its zone) at ${at}`;
  const actor = valueAt(value, client);
  if (typeof actor !== 'string' || actor === '') return `actor at ${client}`;
  const id = valueAt(value, keyId);
  const which = instance === undefined ? undefined : valueAt(value, instance);
  if (instance !== undefined && (typeof which !== 'string' || which === '')) return `instance at ${instance}`;
  const who = { at: moment, client: actor, ...(typeof which === 'string' ? { instance: which } : {}) };
  // Accepted under no key id, as without a signature: an id of nobody's, which fails whoever sent it.
  if (id === null || id === '') return { ...who, keyId: WITHOUT };
  if (typeof id !== 'string') return `key id at ${keyId}`;
  return { ...who, keyId: id };
}

/** What stands for the key id of a request that was accepted under none. */
const WITHOUT = '(none)';

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The value at a JSON pointer (RFC 6901), `undefined` when nothing is there. */
function valueAt(value: unknown, pointer: string): unknown {
  let found = value;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.getOwnPropertyDescriptor(found, key)?.value;
  }
  return found;
}
