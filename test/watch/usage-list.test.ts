import { afterAll, describe, expect, test } from 'vitest';
import type { LedgerUsage } from '../../src/fleet/fleet.ts';
import type { Clock } from '../../src/probe/ports.ts';
import { createTransport } from '../../src/system/transport.ts';
import { momentOf } from '../../src/watch/moment.ts';
import { takeUsage } from '../../src/watch/usage.ts';
import { blindMs, compareUsage } from '../../src/watch/usage-delta.ts';
import { judgeKeyIds, judgeSigns, judgeUnused } from '../../src/watch/usage-judge.ts';
import type { UsageNames } from '../../src/watch/usage-names.ts';
import type { UsageSample, UsageScope } from '../../src/watch/usage-reading.ts';
import { openPages, type Pages, replicaAt } from './pages.ts';

const source: LedgerUsage = {
  ...{ from: 'ledger', path: '/ledger?last=500', entries: '/entries' },
  ...{ at: '/at', client: '/actor_did', keyId: '/key_id' },
};
const E = 200;
const scope: Omit<UsageScope, 'replicas'> = {
  source,
  clients: [
    { id: 'langgraph', actor: 'did:langgraph' },
    { id: 'runner', actor: 'did:runner' },
  ],
  ...{ ownActor: 'did:rotctl', clockErrorMs: E, runId: 'run-7', deadlineMs: 2000 },
};
/** The first look is at T, as a rule the second at T + 2000. */
const T = 1_700_000_000_000;
let now = T;
const clock: Clock = { now: () => now, monotonic: () => performance.now(), sleep: () => Promise.resolve() };
const transport = createTransport(undefined);
afterAll(() => transport.close());

type Row = readonly [at: number, actor: string, keyId: string];
const OLD: Row = [T - 5000.5, 'did:rotctl', 'k-old'];

/** What a gate shows; times in seconds with their fraction. */
function list(...rows: readonly Row[]): string {
  const entries = rows.map(([at, actor_did, key_id]) => ({ at: at / 1000, actor_did, key_id, tool: 'x' }));
  return JSON.stringify({ entries, total: entries.length });
}

async function look(at: number, given: Partial<UsageScope>, ...texts: readonly (readonly [Pages, string])[]) {
  now = at;
  for (const [pages, text] of texts) pages.text = () => text;
  return takeUsage({ ...scope, ...given, replicas: texts.map(([{ replica }]) => replica) }, transport, clock);
}

/** Both looks at one gate, 2000 ms apart: nothing but an old entry at the first. */
async function seen(second: string, given: Partial<UsageScope> = {}, ms = 2000) {
  const gate = await openPages('gate-a');
  const before = await look(T, given, [gate, list(OLD)]);
  return compareUsage(before, await look(T + ms, given, [gate, second]));
}

/** The reading of one text, or the reason for its silence. */
async function reading(text: string, given: Partial<UsageScope> = {}): Promise<UsageSample[number]> {
  const [one] = await look(T, given, [await openPages('gate-a'), text]);
  if (one === undefined) throw new Error('one gate was looked at');
  return one;
}

describe('usage evidence from each gate’s list of accepted requests', () => {
  test('adds up what was accepted in between, on all gates, by client and key id, without our own', async () => {
    const [a, b] = [await openPages('gate-a'), await openPages('gate-b')];
    const before = await look(T, {}, [a, list(OLD)], [b, list(OLD)]);
    const after = await look(
      T + 2000,
      {},
      [a, list(OLD, [T + 1000, 'did:langgraph', 'k-new'], [T + 1200, 'did:rotctl', 'k-old'])],
      [b, list(OLD, [T + 1100, 'did:langgraph', 'k-new'], [T + 1300, 'did:langgraph', 'v1'], [T + 1, 'ghost', 'v1'])],
    );
    const delta = compareUsage(before, after);
    expect(Object.fromEntries(delta.counts.get('langgraph') ?? [])).toEqual({ 'k-new': 2, v1: 1 });
    expect(delta).toMatchObject({ gaps: [], resets: [], cut: [], strangers: [] });
    expect([...delta.counts.keys()]).toEqual(['langgraph']);
    expect(a.asked?.path).toBe('/ledger?last=500');
    expect(a.asked?.headers).toMatchObject({ 'user-agent': 'rotctl/run-7', accept: expect.stringMatching(/json/) });
  });

  test('callers outside the inventory are strangers, also one with the id of a client for its actor', async () => {
    const delta = await seen(list(OLD, [T + 900, 'did:new', 'v1'], [T + 900, 'langgraph', 'v1']));
    expect(delta.strangers).toEqual(['did:new', 'actor langgraph']);
    expect(delta.counts.has('langgraph')).toBe(false);
  });

  test('a gate that is down, or answers with an error, is a silence', async () => {
    const gate = await openPages('gate-a');
    gate.status = 401;
    const down = replicaAt('gate-b', new URL('http://127.0.0.1:1'));
    const sample = await takeUsage({ ...scope, replicas: [gate.replica, down] }, transport, clock);
    expect(sample).toMatchObject([
      { read: false, replica: 'gate-a', reason: '/ledger?last=500 answered 401' },
      { read: false, replica: 'gate-b', reason: expect.stringMatching(/^ECONNREFUSED/) },
    ]);
  });

  test.each([
    ['of 4 MiB', 4 * 1024 * 1024, true],
    ['a byte longer', 4 * 1024 * 1024 + 1, false],
  ])('a list %s', async (_, bytes, read) => {
    const text = list(OLD);
    expect(await reading(text + ' '.repeat(bytes - text.length))).toMatchObject(
      read ? { read } : { read, reason: expect.stringMatching(/^TOO_LARGE/) },
    );
  });

  test('without an actor of our own every request is somebody’s', async () => {
    expect(await reading(list(OLD), { ownActor: undefined })).toMatchObject({ read: true, strangers: ['did:rotctl'] });
  });
});

describe('where the list is', () => {
  const entry = (id: string) => JSON.stringify({ at: T / 1000 - 7.5, actor_did: 'did:runner', key_id: id });
  test.each([
    ['an array as the whole answer', '', `[${entry('k1')},${entry('k2')}]`, ['k1', 'k2']],
    ['lines of JSON', '', `${entry('k1')}\n${entry('k2')}\n`, ['k1', 'k2']],
    ['lines of JSON as on Windows, with an empty one', '', `${entry('k1')}\r\n\r\n${entry('k2')}`, ['k1', 'k2']],
    ['one line of JSON', '', entry('k1'), ['k1']],
    ['an empty answer, of lines', '', '', []],
    ['an empty array', '', '[]', []],
    ['at a pointer', '/a/0/b~1c', `{"a":[{"b/c":[${entry('k1')}]}]}`, ['k1']],
    ['at a key that is empty', '/', `{"":[${entry('k1')}]}`, ['k1']],
  ])('%s', async (_, entries, text, ids) => {
    const one = await reading(text, { source: { ...source, entries } });
    expect(one.read && one.shows === 'entries' && one.entries.map(({ keyId }) => keyId)).toEqual(ids);
  });

  test.each([
    ['HTML', '/entries', '<html>', '/ledger?last=500 is not JSON'],
    ['lines of JSON at a pointer', '/entries', `${entry('k1')}\n${entry('k2')}`, '/ledger?last=500 is not JSON'],
    ['no list at the pointer', '/entries', '{"entries":{}}', '/ledger?last=500 has no list at /entries'],
    ['nothing at the pointer', '/entries', '[]', '/ledger?last=500 has no list at /entries'],
    ['an inherited name', '/constructor', '{}', '/ledger?last=500 has no list at /constructor'],
    ['HTML for lines', '', '<html>', 'line 1 of /ledger?last=500 is not JSON'],
    ['a torn last line', '', `${entry('k1')}\n{"at":`, 'line 2 of /ledger?last=500 is not JSON'],
    ['another document', '', '{"detail":"no"}', /^entry 1 of \/ledger\?last=500 has no time/],
  ])('%s proves nothing', async (_, entries, text, reason) => {
    expect(await reading(text, { source: { ...source, entries } })).toMatchObject({
      read: false,
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });

  test.each([
    ['no time', { at: undefined }, /no time .* at \/at$/],
    ['a time without a zone', { at: '2026-01-01T00:00:00' }, /no time/],
    ['no actor', { actor_did: undefined }, /no actor at \/actor_did$/],
    ['an empty actor', { actor_did: '' }, /no actor/],
    ['an actor that is a number', { actor_did: 7 }, /no actor/],
    ['no field for a key id', { key_id: undefined }, /no key id at \/key_id$/],
    ['a key id in an object', { key_id: { v: 1 } }, /no key id/],
  ])('an entry with %s makes the whole list prove nothing', async (_, change, reason) => {
    const good = { at: T / 1000 - 3.5, actor_did: 'did:runner', key_id: 'k1' };
    const delta = await seen(JSON.stringify({ entries: [good, { ...good, ...change }] }));
    expect(delta.gaps).toEqual([{ replica: 'gate-a', reason: expect.stringMatching(reason) }]);
    expect(delta.gaps[0]?.reason).toMatch(/^entry 2 of /);
  });
});

describe('a request that was accepted under no key id', () => {
  test.each([null, ''])('%j counts as one under the id of nobody', async (key_id) => {
    const at = T / 1000 + 1;
    const delta = await seen(JSON.stringify({ entries: [{ at, actor_did: 'did:runner', key_id }] }));
    expect(delta.gaps).toEqual([]);
    expect(delta.counts.get('runner')).toEqual(new Map([['(none)', 1]]));
  });
});

describe('moments', () => {
  test.each([
    [1_700_000_000, 1_700_000_000_000],
    [1_700_000_000.25, 1_700_000_000_250],
    [1e11, 1e14],
    [1e11 + 1, 1e11 + 1],
    [1_700_000_000_123, 1_700_000_000_123],
    ['2023-11-14T22:13:20Z', 1_700_000_000_000],
    ['2023-11-14T22:13:20.250Z', 1_700_000_000_250],
    ['2023-11-14T22:13:20.250999+00:00', 1_700_000_000_250],
    ['2023-11-14 23:13:20+01:00', 1_700_000_000_000],
    ['2023-11-14t20:13:20-0200', 1_700_000_000_000],
    ['2023-11-14T22:13Z', 1_699_999_980_000],
    ['2023-11-14T22:13:20', undefined],
    ['2023-11-14', undefined],
    ['2023-13-14T22:13:20Z', undefined],
    ['1700000000', undefined],
    ['yesterday', undefined],
    [0, undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [null, undefined],
    [undefined, undefined],
    [true, undefined],
  ])('%s is %s', (value, moment) => {
    expect(momentOf(value)).toBe(moment);
  });

  test.each([
    [T + E, true],
    [T + E + 0.5, false],
  ])('an entry ahead of our clock, at %s, is taken for the clocks’ difference: %s', async (at, read) => {
    const one = await reading(list([at, 'did:runner', 'k1']));
    expect(one.read).toBe(read);
    if (!one.read)
      expect(one.reason).toMatch(/an entry 201 ms ahead of our clock, more than replay.clockError of 200 ms/);
  });
});

describe('what lies between the looks', () => {
  test.each([
    ['long before the first look', T - 1000, 0],
    ['before it, within the error of the clocks', T - E, 0],
    ['at it', T, 0],
    ['after it, within the error of the clocks', T + E - 0.5, 0],
    ['after it by exactly that error', T + E, 0],
    ['just beyond that error', T + E + 0.5, 1],
    ['at the second look', T + 2000, 1],
  ])('an entry %s counts neither for nor against: %s, %s', async (_, at, count) => {
    const good = await seen(list(OLD, [at, 'did:langgraph', 'k-new']));
    expect(good.counts.get('langgraph')?.get('k-new') ?? 0).toBe(count);
    const bad = await seen(list(OLD, [at, 'did:langgraph', 'k-old']));
    expect(judgeSigns(bad, LANGGRAPH, NEXT, [CURRENT]).verdict).toBe(count === 1 ? 'fail' : 'unknown');
  });

  test.each([
    ['an older entry', OLD[0], 1600, []],
    ['an entry at the first look', T, 1600, []],
    ['an entry at the edge of what counts', T + E, 1600, []],
    ['none but one just beyond', T + E + 0.5, 1599, ['gate-a']],
    ['none but a later one', T + 1000, 800, ['gate-a']],
    ['none but one at the end', T + 1900, 0, ['gate-a']],
  ])('with %s in the list, the window is honest', async (_, at, windowMs, cut) => {
    expect(await seen(list([at, 'did:rotctl', 'k-old'], [T + 1900, 'did:runner', 'k-new']))).toMatchObject({
      windowMs,
      cut,
    });
  });

  test('an empty list covers nothing', async () => {
    expect(await seen(list())).toMatchObject({ windowMs: 0, cut: ['gate-a'], gaps: [] });
  });

  test('the window ends when the second list was asked for, not when it came', async () => {
    const gate = await openPages('gate-a');
    const before = await look(T, {}, [gate, list(OLD)]);
    now = T + 2000;
    gate.text = () => {
      now += 700;
      return list(OLD);
    };
    const after = await takeUsage({ ...scope, replicas: [gate.replica] }, transport, clock);
    expect(compareUsage(before, after)).toMatchObject({ windowMs: 1600 });
  });

  test('the shortest window of all gates counts, and a gate looked at once is a gap', async () => {
    const [a, b] = [await openPages('gate-a'), await openPages('gate-b')];
    const before = await look(T, {}, [a, list(OLD)], [b, list(OLD)]);
    const after = await look(T + 2000, {}, [a, list(OLD)], [b, list([T + 1500, 'did:runner', 'k'])]);
    expect(compareUsage(before, after)).toMatchObject({ windowMs: 300, cut: ['gate-b'] });
    expect(compareUsage(before.slice(0, 1), after).gaps).toMatchObject([{ replica: 'gate-b' }]);
  });

  test('times in whole seconds, cut down, take a second of the window', async () => {
    const [old, early, late]: Row[] = [
      [T - 5000, 'did:rotctl', 'k-old'],
      [T, 'did:langgraph', 'k-old'],
      [T + 1000, 'did:langgraph', 'k-new'],
    ];
    if (old === undefined || early === undefined || late === undefined) throw new Error('three rows');
    const gate = await openPages('gate-a');
    const before = await look(T, {}, [gate, list(old)]);
    expect(blindMs(before)).toBe(2 * E + 1000);
    const delta = compareUsage(before, await look(T + 2000, {}, [gate, list(old, early, late)]));
    expect(delta).toMatchObject({ windowMs: 600 });
    expect(Object.fromEntries(delta.counts.get('langgraph') ?? [])).toEqual({ 'k-new': 1 });
  });

  test('a window is short by what cannot be judged, and by no more', async () => {
    const gate = await openPages('gate-a');
    const before = await look(T, {}, [gate, list(OLD)]);
    expect(blindMs(before)).toBe(2 * E);
    expect(blindMs([{ read: false, replica: 'a', at: T, reason: '' }])).toBe(0);
    expect(await seen(list(OLD), {}, 500 + 2 * E)).toMatchObject({ windowMs: 500 });
  });
});

const LANGGRAPH = { id: 'langgraph', cadenceMs: 500 };
const CURRENT: UsageNames = { by: 'key-id', texts: ['k-old', 'v1'] };
const NEXT: UsageNames = { by: 'key-id', texts: ['k-new'] };
const OWN: UsageNames = { by: 'key-id', texts: ['k-old', 'k-new'] };

describe('judging by key ids', () => {
  const of = (names: UsageNames) => new Map([['langgraph', names]]);

  async function under(...ids: readonly string[]) {
    return seen(list(OLD, ...ids.map((id, index): Row => [T + 500 + index, 'did:langgraph', id])));
  }

  test.each([
    ['the id of next', ['k-new', 'k-new'], 'pass', 'pass', 'pass'],
    ['both own ids', ['k-new', 'k-old'], 'fail', 'fail', 'pass'],
    ['next, and the label that current had', ['k-new', 'v1'], 'fail', 'fail', 'fail'],
    ['the label that current had', ['v1'], 'fail', 'fail', 'fail'],
    ['next, and an id that nobody knows', ['k-new', 'v0'], 'fail', 'unknown', 'fail'],
    ['the beginning of an id', ['k-ne'], 'fail', 'unknown', 'fail'],
    ['no id, in silence', [], 'unknown', 'unknown', 'unknown'],
  ] as const)('%s', async (_, ids, signs, unused, keyIds) => {
    const delta = await under(...ids);
    expect(judgeSigns(delta, LANGGRAPH, NEXT, [CURRENT]).verdict).toBe(signs);
    expect(judgeUnused(delta, [LANGGRAPH], of(CURRENT), of(NEXT)).verdict).toBe(unused);
    expect(judgeKeyIds(delta, [LANGGRAPH], OWN).map(({ verdict }) => verdict)).toEqual([keyIds]);
  });

  test('says which ids, and whose they are', async () => {
    const signs = judgeSigns(await under('k-new', 'v9', 'v9', 'v1'), LANGGRAPH, NEXT, [CURRENT]);
    expect(signs).toMatchObject({ good: 1, bad: 3 });
    expect(signs.reason).toBe(
      'langgraph signs under the foreign id v9 (2 requests accepted), under the id v1 of another generation (1 requests accepted)',
    );
    const unused = judgeUnused(await under('v1'), [LANGGRAPH], of(CURRENT), of(NEXT));
    expect(unused.clients[0]?.reason).toBe('langgraph still signs under the id k-old or v1: 1 requests accepted');
    const doubt = judgeUnused(await under('k-new', 'v9'), [LANGGRAPH], of(CURRENT), of(NEXT));
    expect(doubt.clients[0]?.reason).toBe(
      'langgraph had 1 requests accepted under v9, of which nobody knows the secret',
    );
  });

  test('an id of both generations stands for neither', async () => {
    const delta = await under('v1');
    expect(judgeSigns(delta, LANGGRAPH, { by: 'key-id', texts: ['k-new', 'v1'] }, [CURRENT]).verdict).toBe('fail');
    expect(judgeUnused(delta, [LANGGRAPH], of(CURRENT), of({ by: 'key-id', texts: ['v1'] })).verdict).toBe('fail');
  });

  test('an id of hex digits is compared whole, and never as a digest', async () => {
    const id = 'ab'.repeat(32);
    const delta = await under(id.slice(0, 12));
    expect(judgeSigns(delta, LANGGRAPH, { by: 'key-id', texts: [id] }, []).verdict).toBe('fail');
  });

  test.each([
    ['the withdrawn id', 'v1', 'fail', 'fail'],
    ['an unknown id', 'v9', 'unknown', 'fail'],
    ['the id of next', 'k-new', undefined, undefined],
  ])('a stranger under %s', async (_, id, unused, keyIds) => {
    const delta = await seen(list(OLD, [T + 900, 'did:ghost', id], [T + 900, 'did:langgraph', 'k-new']));
    const ofGhost = (judged: readonly { client: string; verdict: string }[]) =>
      judged.find(({ client }) => client === 'did:ghost')?.verdict;
    expect(ofGhost(judgeUnused(delta, [LANGGRAPH], of(CURRENT), of(NEXT)).clients)).toBe(unused);
    expect(ofGhost(judgeKeyIds(delta, [LANGGRAPH], OWN))).toBe(keyIds);
  });

  test.each([
    [499, 'unknown'],
    [500, 'pass'],
    [501, 'pass'],
  ])('a window of %i ms against a cadence of 500 ms: %s', async (ms, verdict) => {
    const row: Row = [T + E + 1, 'did:langgraph', 'k-new'];
    const delta = await seen(list(OLD, row), {}, ms + 2 * E);
    expect(delta.windowMs).toBe(ms);
    expect(judgeSigns(delta, LANGGRAPH, NEXT, [CURRENT]).verdict).toBe(verdict);
    expect(judgeUnused(delta, [LANGGRAPH], of(CURRENT), of(NEXT)).verdict).toBe(verdict);
    expect(judgeKeyIds(delta, [LANGGRAPH], OWN)).toMatchObject([{ verdict }]);
  });

  test('a list that reaches no further back is named', async () => {
    const delta = await seen(list([T + 1500, 'did:langgraph', 'k-new']));
    expect(judgeSigns(delta, LANGGRAPH, NEXT, [CURRENT]).reason).toBe(
      '300 ms were watched, less than the cadence of 500 ms, since the list of gate-a reaches no further back',
    );
  });
});

describe('a page of counters that names secrets by key id', () => {
  test('is read by the label’s value, whatever it looks like', async () => {
    const metrics: UsageScope['source'] = {
      ...{ from: 'metrics', path: '/metrics', metric: 'm', ownCaller: 'rotctl', fingerprint: 'key-id' },
      labels: { client: 'actor', fingerprint: 'id', caller: 'by' },
    };
    const page = (...rows: readonly string[]) => ['# TYPE m counter', ...rows, ''].join('\n');
    const row = (id: string, count: number) => `m{actor="did:langgraph",id="${id}",by="other"} ${count}`;
    const gate = await openPages('gate-a');
    const before = await look(T, { source: metrics }, [gate, page(row('1234', 5))]);
    const after = await look(T + 600, { source: metrics }, [gate, page(row('1234', 5), row('k-new', 2))]);
    const delta = compareUsage(before, after);
    expect(blindMs(before)).toBe(0);
    expect(delta).toMatchObject({ windowMs: 600, gaps: [], strangers: [] });
    expect(judgeSigns(delta, LANGGRAPH, NEXT, [CURRENT])).toMatchObject({ verdict: 'pass', good: 2 });
    expect(gate.asked?.headers.accept).toBe('text/plain;version=0.0.4');
  });
});
