import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { MetricsUsage, Replica } from '../../src/fleet/fleet.ts';
import { openWire } from '../../src/probe/canary-wire.ts';
import type { Clock, Transport } from '../../src/probe/ports.ts';
import { takeUsage } from '../../src/watch/usage.ts';
import { compareUsage } from '../../src/watch/usage-delta.ts';
import { usageFingerprint } from '../../src/watch/usage-fingerprint.ts';
import { judgeSigns, judgeUnused } from '../../src/watch/usage-judge.ts';
import type { UsageNames } from '../../src/watch/usage-names.ts';
import type { UsageSample, UsageScope } from '../../src/watch/usage-reading.ts';

const METRIC = 'keyring_accepted_requests_total';
const source: MetricsUsage = {
  from: 'metrics',
  path: '/metrics',
  metric: METRIC,
  labels: { client: 'client', fingerprint: 'key', caller: 'caller' },
  ownCaller: 'rotctl',
  fingerprint: 'rotctl',
};
const OLD = '00000000000000aa';
const NEW = '00000000000000bb';

/** Pages by path, served over a real socket. */
const pages = new Map<string, { status: number; text: string }>();
let server: Server;
let now = 1_000_000;
const clock: Clock = { now: () => now, monotonic: () => performance.now(), sleep: () => Promise.resolve() };
const transport: Transport = {
  send: (to, request, options) =>
    openWire(
      { name: '', url: to.url.href, serverName: '' },
      [{ name: '', context: undefined }],
      options,
      clock.monotonic,
    ).send({
      ...request,
      headers: { ...request.headers, connection: 'close', 'x-replica': to.serverName },
    }),
  close: () => Promise.resolve(),
};

beforeAll(async () => {
  server = createServer((request, response) => {
    const page = pages.get(String(request.headers['x-replica']));
    response.writeHead(page?.status ?? 404, { 'content-type': 'text/plain; version=0.0.4' }).end(page?.text ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void server.close());

interface Row {
  readonly client?: string;
  readonly key?: string;
  readonly caller?: string;
  readonly count: number;
}

function page(rows: readonly Row[], start?: number): string {
  const lines = rows.map(({ client = 'client-a', key = OLD, caller = 'client', count }) => {
    return `${METRIC}{client="${client}",key="${key}",caller="${caller}"} ${count}`;
  });
  const process = start === undefined ? [] : [`process_start_time_seconds ${start / 1000}`];
  return [`# TYPE ${METRIC} counter`, ...lines, ...process, ''].join('\n');
}

function replica(name: string): Replica {
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const format = { kind: 'single' } as const;
  const deploy = { driver: 'env-file', path: '', variable: '', format, reload: undefined, restart: undefined } as const;
  return { name, url, serverName: name, deploy: { ...deploy, deadlineMs: 1 } };
}

const SCOPE: Omit<UsageScope, 'replicas'> = {
  source,
  clients: ['client-a', 'client-b'].map((id) => ({ id, actor: id })),
  ...{ ownActor: undefined, clockErrorMs: 0, runId: 'r', deadlineMs: 2000 },
};

/** A fingerprint as the judges take it. */
function print(text: string): UsageNames {
  return { by: 'fingerprint', texts: [text] };
}

async function look(at: number, texts: Readonly<Record<string, string>>): Promise<UsageSample> {
  now = at;
  for (const [name, text] of Object.entries(texts)) pages.set(name, { status: 200, text });
  return takeUsage({ ...SCOPE, replicas: Object.keys(texts).map(replica) }, transport, clock);
}

const client = { id: 'client-a', cadenceMs: 500 };

describe('usage evidence from each replica’s page', () => {
  test('adds up what was accepted in between, on all replicas, without our own', async () => {
    const before = await look(1000, {
      a: page([{ count: 5 }, { caller: 'rotctl', count: 100 }]),
      b: page([{ count: 7 }]),
    });
    const after = await look(2000, {
      a: page([
        { count: 5 },
        { key: NEW, count: 3 },
        { caller: 'rotctl', count: 100 },
        { caller: 'rotctl/a1b2', count: 50 },
      ]),
      b: page([{ count: 7 }, { key: NEW, count: 4 }, { client: 'client-b', count: 2 }]),
    });
    const delta = compareUsage(before, after);
    expect(Object.fromEntries(delta.counts.get('client-a') ?? [])).toEqual({ [NEW]: 7 });
    expect(delta).toMatchObject({ windowMs: 1000, gaps: [], resets: [], strangers: [] });
    expect(judgeSigns(delta, client, print(NEW), [print(OLD)])).toMatchObject({ verdict: 'pass', good: 7, bad: 0 });
  });

  test('two callers of one client and key are added, not overwritten', async () => {
    const [reading] = await look(1000, {
      a: page([
        { caller: 'x', count: 2 },
        { caller: 'y', count: 3 },
      ]),
    });
    expect(reading?.read === true && reading.shows === 'counts' && reading.counts.get('client-a')?.get(OLD)).toBe(5);
  });

  test('an announced metric without series is zero; a page without it is a silence', async () => {
    expect(await look(1, { a: page([]) })).toMatchObject([{ read: true, strangers: [] }]);
    expect(await look(1, { a: 'up 1\n' })).toMatchObject([{ read: false, reason: `the page has no ${METRIC}` }]);
  });

  test.each([
    ['lacks the caller label', `${METRIC}{client="client-a",key="k"} 1`, /without the label caller: rotctl's own/],
    ['has an empty caller label', `${METRIC}{client="client-a",key="k",caller=""} 1`, /without the label caller/],
    ['lacks the key', `${METRIC}{client="client-a",caller="c"} 1`, /without the label key/],
    ['has a negative counter', page([{ count: -1 }]), /the value -1, which no counter can have/],
    ['has a counter that is NaN', page([{ count: Number.NaN }]), /the value NaN/],
    ['is HTML', '<html>', /line 1 of \/metrics: no metric name/],
  ])('a page that %s proves nothing, and says so', async (_, text, reason) => {
    const before = await look(1000, { a: page([{ key: NEW, count: 1 }]), b: text });
    const after = await look(2000, { a: page([{ key: NEW, count: 9 }]), b: text });
    const delta = compareUsage(before, after);
    expect(delta.gaps).toEqual([{ replica: 'b', reason: expect.stringMatching(reason) }]);
    const judged = judgeSigns(delta, client, print(NEW), [print(OLD)]);
    expect(judged.verdict).toBe('unknown');
    expect(judged.reason).toMatch(reason);
    expect(judgeUnused(delta, [client], new Map([['client-a', print(OLD)]])).verdict).toBe('unknown');
  });

  test('a status other than 200 and a replica that is down are silences', async () => {
    pages.set('a', { status: 503, text: '' });
    const down = { ...replica('down'), url: new URL('http://127.0.0.1:1') };
    const sample = await takeUsage({ ...SCOPE, replicas: [replica('a'), down] }, transport, clock);
    expect(sample).toMatchObject([
      { read: false, replica: 'a', reason: '/metrics answered 503' },
      { read: false, replica: 'down', reason: expect.stringMatching(/^ECONNREFUSED/) },
    ]);
  });

  test('a replica that was looked at once is a gap', async () => {
    const before = await look(1000, { a: page([]) });
    const after = await look(2000, { a: page([]), b: page([]) });
    expect(compareUsage(before, after).gaps).toEqual([{ replica: 'b', reason: 'it was looked at only once' }]);
  });

  test('clients outside the inventory are named when they had requests', async () => {
    const before = await look(1000, {
      a: page([
        { client: 'ghost', count: 3 },
        { client: 'gone', count: 3 },
      ]),
    });
    const after = await look(2000, {
      a: page([
        { client: 'ghost', count: 4 },
        { client: 'gone', count: 3 },
      ]),
    });
    const delta = compareUsage(before, after);
    expect(delta.strangers).toEqual(['ghost']);
    const { verdict, clients } = judgeUnused(delta, [], new Map([['client-a', print(OLD)]]));
    expect(verdict).toBe('fail');
    expect(clients).toMatchObject([{ client: 'ghost', bad: 1 }]);
  });
});

describe('a replica whose counters begin again', () => {
  const cases = [
    ['a value fell', page([{ count: 50 }]), page([{ count: 4 }])],
    ['a series vanished', page([{ count: 50 }]), page([{ key: NEW, count: 4 }])],
    [
      'our own count fell',
      page([{ caller: 'rotctl', count: 9 }]),
      page([{ caller: 'rotctl', count: 1 }, { count: 4 }]),
    ],
    ['the process is another', page([{ count: 2 }], 100), page([{ count: 4 }], 1500)],
  ] as const;

  test.each(cases)('%s: everything since counts from zero', async (_, first, second) => {
    const delta = compareUsage(await look(1000, { a: first }), await look(2000, { a: second }));
    expect(delta.resets).toEqual(['a']);
    const total = [...(delta.counts.get('client-a')?.values() ?? [])].reduce((sum, count) => sum + count, 0);
    expect(total).toBe(4);
  });

  test('the window begins with the new process, and is nothing when its start is not told', async () => {
    const known = compareUsage(await look(1000, { a: page([], 100) }), await look(2000, { a: page([], 1700) }));
    expect(known.windowMs).toBe(300);
    const untold = compareUsage(await look(1000, { a: page([{ count: 9 }]) }), await look(2000, { a: page([]) }));
    expect(untold.windowMs).toBe(0);
    const untrue = compareUsage(
      await look(1000, { a: page([{ count: 9 }], 100) }),
      await look(2000, { a: page([{ count: 1 }], 100) }),
    );
    expect(untrue).toMatchObject({ windowMs: 0, resets: ['a'] });
  });

  test('a start time that wobbles by milliseconds is the same process', async () => {
    const delta = compareUsage(
      await look(1000, { a: page([{ count: 9 }], 100) }),
      await look(2000, { a: page([{ count: 10 }], 110) }),
    );
    expect(delta).toMatchObject({ windowMs: 1000, resets: [] });
    expect(delta.counts.get('client-a')?.get(OLD)).toBe(1);
  });

  test('what was lost with the old process is not taken for unused', async () => {
    const before = await look(1000, { a: page([{ count: 9 }], 100) });
    const delta = compareUsage(before, await look(2000, { a: page([{ key: NEW, count: 3 }], 1700) }));
    const judged = judgeSigns(delta, client, print(NEW), [print(OLD)]);
    expect(judged).toMatchObject({ verdict: 'unknown' });
    expect(judged.reason).toMatch(/300 ms were watched, less than the cadence of 500 ms, since a began again/);
  });
});

describe('judging', () => {
  async function between(rows: readonly Row[], ms = 1000): Promise<ReturnType<typeof compareUsage>> {
    return compareUsage(await look(1000, { a: page([]) }), await look(1000 + ms, { a: page(rows) }));
  }
  const withdrawn = new Map([['client-a', print(OLD)]]);

  test.each([
    ['only the new secret', [{ key: NEW, count: 2 }], 'pass', 'pass'],
    [
      'both secrets',
      [
        { key: NEW, count: 9 },
        { key: OLD, count: 1 },
      ],
      'fail',
      'fail',
    ],
    ['only the old secret', [{ key: OLD, count: 1 }], 'fail', 'fail'],
    [
      'a secret of no generation',
      [
        { key: NEW, count: 1 },
        { key: 'ffff', count: 1 },
      ],
      'fail',
      'pass',
    ],
    ['nothing at all', [], 'unknown', 'unknown'],
    ['only our own requests', [{ key: NEW, caller: 'rotctl', count: 9 }], 'unknown', 'unknown'],
    ['only another client', [{ client: 'client-b', key: NEW, count: 9 }], 'unknown', 'unknown'],
  ] as const)('%s', async (_, rows, signs, unused) => {
    const delta = await between(rows);
    expect(judgeSigns(delta, client, print(NEW), [print(OLD)]).verdict).toBe(signs);
    expect(judgeUnused(delta, [client], withdrawn).verdict).toBe(unused);
  });

  test.each([
    [499, 'unknown'],
    [500, 'pass'],
    [501, 'pass'],
  ] as const)('a window of %i ms against a cadence of 500 ms: %s', async (ms, verdict) => {
    const delta = await between([{ key: NEW, count: 2 }], ms);
    expect(judgeSigns(delta, client, print(NEW), [print(OLD)]).verdict).toBe(verdict);
    expect(judgeUnused(delta, [client], withdrawn).verdict).toBe(verdict);
  });

  test('a straggler fails even in a short window and beside a gap', async () => {
    const delta = { ...(await between([{ count: 1 }], 10)), gaps: [{ replica: 'b', reason: 'ECONNREFUSED' }] };
    expect(judgeSigns(delta, client, print(NEW), [print(OLD)])).toMatchObject({ verdict: 'fail', bad: 1 });
    expect(judgeUnused(delta, [client], withdrawn).clients).toMatchObject([{ client: 'client-a', verdict: 'fail' }]);
  });

  test('one silent client makes the whole unknown, and no client at all is unknown', async () => {
    const delta = await between([{ key: NEW, count: 2 }]);
    const both = [client, { id: 'client-b', cadenceMs: 500 }];
    const judged = judgeUnused(delta, both, new Map([...withdrawn, ['client-b', print('cc')]]));
    expect(judged.clients.map(({ verdict }) => verdict)).toEqual(['pass', 'unknown']);
    expect(judged.verdict).toBe('unknown');
    expect(judgeUnused(delta, [], new Map()).verdict).toBe('unknown');
    expect(judgeUnused(delta, [client], new Map()).verdict).toBe('unknown');
  });

  test('what a page says is escaped before it is repeated', async () => {
    const delta = await between([{ key: 'a\u001b[31m', count: 1 }]);
    expect(judgeSigns(delta, client, print(NEW), [print(OLD)]).reason).not.toContain('\u001b');
  });
});

describe('fingerprints that are SHA-256 digests', () => {
  const [old, next] = ['k8sJ2vQx0Zr7LmN4pT6wYb1cDf3gHh5j', 'r3Wq9TzB5nV1xK7mP2sD8fG4hJ6cL0aY'].map((text) =>
    Secret.fromText(text),
  );
  if (old === undefined || next === undefined) throw new Error('two secrets');
  const [oldDigest, nextDigest] = [usageFingerprint(old, 'sha256'), usageFingerprint(next, 'sha256')];

  async function seen(key: string): Promise<ReturnType<typeof compareUsage>> {
    const scope = { ...SCOPE, source: { ...source, fingerprint: 'sha256' as const } };
    const at = async (time: number, text: string) => {
      now = time;
      pages.set('a', { status: 200, text });
      return takeUsage({ ...scope, replicas: [replica('a')] }, transport, clock);
    };
    return compareUsage(await at(1000, page([])), await at(2000, page([{ key, count: 3 }])));
  }

  test('are what sha256sum prints, and rotctl ones are the secret\u2019s own', () => {
    expect(oldDigest).toBe('a801be0ab0da4399a6fb79adce80eef1e01fba3a6dd2780b35edaa02ee6b45de');
    expect(usageFingerprint(old, 'rotctl')).toBe(old.fingerprint);
  });

  test.each([
    ['of 8 digits', nextDigest.slice(0, 8), 'pass', 'pass'],
    ['of 12 digits', nextDigest.slice(0, 12), 'pass', 'pass'],
    ['whole', nextDigest, 'pass', 'pass'],
    ['of 8 digits, of the old secret', oldDigest.slice(0, 8), 'fail', 'fail'],
    ['whole, of the old secret', oldDigest, 'fail', 'fail'],
    ['longer than a digest', `${nextDigest}0`, 'unknown', 'unknown'],
    ['of 7 digits', nextDigest.slice(0, 7), 'unknown', 'unknown'],
    ['of 7 digits, of the old secret', oldDigest.slice(0, 7), 'unknown', 'unknown'],
    ['in upper case', oldDigest.toUpperCase(), 'unknown', 'unknown'],
    ['from its middle', nextDigest.slice(8, 24), 'fail', 'pass'],
    ['that is another\u2019s', '0123456789abcdef', 'fail', 'pass'],
    ['that is made as rotctl\u2019s', next.fingerprint, 'fail', 'pass'],
    ['that is no digest', 'none', 'fail', 'pass'],
  ])('%s', async (_, key, signs, unused) => {
    const delta = await seen(key);
    expect(judgeSigns(delta, client, print(nextDigest), [print(oldDigest)]).verdict).toBe(signs);
    expect(judgeUnused(delta, [client], new Map([['client-a', print(oldDigest)]])).verdict).toBe(unused);
  });

  test('say why when the page shows too few digits to tell secrets apart', async () => {
    expect(judgeSigns(await seen('0123abc'), client, print(nextDigest), []).reason).toContain(
      'a label key of 7 hex digits where 8 to 64 in lower case are needed',
    );
  });

  test('that fit both generations are not taken for the expected one', async () => {
    const twin = `${nextDigest.slice(0, 20)}${'0'.repeat(44)}`;
    const delta = await seen(nextDigest.slice(0, 16));
    expect(judgeSigns(delta, client, print(nextDigest), [print(twin)]).verdict).toBe('fail');
    expect(judgeUnused(delta, [client], new Map([['client-a', print(twin)]])).verdict).toBe('fail');
  });

  test('are found at a client outside the inventory too', async () => {
    const delta = { ...(await seen(oldDigest.slice(0, 10))), strangers: ['client-a'] };
    expect(judgeUnused(delta, [], new Map([['client-b', print(oldDigest)]]))).toMatchObject({
      verdict: 'fail',
      clients: [{ client: 'client-a', bad: 3 }],
    });
  });

  test('are shown by their first 16 digits', async () => {
    const { reason } = judgeSigns(await seen(nextDigest), client, print(nextDigest), [print(oldDigest)]);
    expect(reason).toContain(nextDigest.slice(0, 16));
    expect(reason).not.toContain(nextDigest.slice(0, 17));
  });

  test('of rotctl\u2019s kind are compared whole', async () => {
    const before = await look(1000, { a: page([]) });
    const delta = compareUsage(before, await look(2000, { a: page([{ key: NEW.slice(0, 8), count: 1 }]) }));
    expect(judgeSigns(delta, client, print(NEW), [print(OLD)]).verdict).toBe('fail');
  });

  test('are refused for a secret that can be guessed', () => {
    const weak = 'CANARY-0123456789abcdef01234567'.slice(0, 31);
    expect(() => usageFingerprint(Secret.fromText(weak), 'sha256')).toThrow(
      expect.objectContaining({
        code: 'SECRET_REFUSED',
        message: expect.stringMatching(/^a secret has 31 bytes, fewer than 32/),
      }),
    );
    expect(usageFingerprint(Secret.fromText(`${weak}x`), 'sha256')).toHaveLength(64);
    expect(usageFingerprint(Secret.fromText(weak), 'rotctl')).toHaveLength(16);
  });
});
