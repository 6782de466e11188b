import { appendFile, copyFile, rename, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CommandUsage, LogUsage, PrometheusServer, PrometheusUsage } from '../../src/fleet/evidence.ts';
import { createLineCommands } from '../../src/system/line-commands.ts';
import { logFiles } from '../../src/system/log-files.ts';
import { createTransport } from '../../src/system/transport.ts';
import type { UsageDelta } from '../../src/watch/usage-delta.ts';
import { judgeSigns, judgeStrangers } from '../../src/watch/usage-judge.ts';
import { openUsage } from '../../src/watch/usage-open.ts';
import type { UsageWindow, WatchPorts, WatchScope } from '../../src/watch/usage-window.ts';
import { ownFolder } from '../credential/real-files.ts';
import { replicaAt } from './pages.ts';

const OLD = '00000000000000aa';
const NEW = '00000000000000bb';
const LINE = /accepted client=(?<client>\S+) key=(?<key>\S+)(?: from=(?<instance>\S+))? agent=(?<caller>\S+)/;
const CLIENTS = ['client-a', 'client-b'].map((id) => ({ id, actor: id }));

let now = Date.UTC(2026, 0, 1);
const transport = createTransport(undefined);
const clock = { now: () => now, monotonic: () => performance.now(), sleep: async () => undefined };

/** A window on a source of two replicas, each with a log of its own in a new folder. */
async function windowOn(
  source: (folder: string) => WatchScope['source'],
  { expectOwn = false, servers }: { expectOwn?: boolean; servers?: WatchPorts['servers'] } = {},
) {
  const folder = await ownFolder();
  const log = (name: string) => join(folder, `${name}.log`);
  const replicas = ['s-1', 's-2'].map((name, index) => ({
    ...replicaAt(name, new URL(`https://10.0.0.${index + 1}:8443`)),
    log: log(name),
  }));
  for (const name of ['s-1', 's-2']) await writeFile(log(name), line('client-a', OLD).repeat(3));
  const ports: WatchPorts = {
    ...{ transport, clock, files: logFiles, commands: createLineCommands(folder) },
    servers: servers ?? { get: () => Promise.reject(new Error('there is no server')) },
  };
  const common = { replicas, clients: CLIENTS, ownActor: undefined, clockErrorMs: 0, runId: 'r', deadlineMs: 1000 };
  const window = await openUsage({ ...common, expectOwn, source: source(folder) }, ports);
  const write = (name: string, text: string) => appendFile(log(name), text);
  return { window, log, write, folder };
}

function line(client: string, key: string, more = ''): string {
  return `accepted client=${client} key=${key}${more} agent=app/1\n`;
}
const OURS = 'accepted client=client-a key=00000000000000aa agent=rotctl/run-7\n';

const SHAPE = { pattern: LINE, own: undefined, fingerprint: 'rotctl', ownCaller: 'rotctl', lagMs: 0 } as const;
const LOGS: LogUsage = { from: 'log', ...SHAPE, file: undefined };

/** What was counted 1000 ms later. */
async function later(window: UsageWindow): Promise<UsageDelta> {
  now += 1000;
  return window.soFar();
}

function counts({ counts: all }: UsageDelta): object {
  return Object.fromEntries([...all].map(([client, names]) => [client, Object.fromEntries(names)]));
}

describe('log files as usage evidence', () => {
  test('count what is written from the opening on, without our own', async () => {
    const { window, write } = await windowOn(() => LOGS);
    await write('s-1', line('client-a', NEW) + OURS);
    await write('s-2', `GET /health\n${line('client-b', NEW).repeat(2)}${line('client-x', OLD)}`);
    const delta = await later(window);
    expect(counts(delta)).toEqual({ 'client-a': { [NEW]: 1 }, 'client-b': { [NEW]: 2 }, 'client-x': { [OLD]: 1 } });
    expect(delta).toMatchObject({ windowMs: 1000, gaps: [], resets: [], strangers: ['client-x'] });
    expect(judgeStrangers(delta)).toMatchObject([{ client: 'client-x', verdict: 'fail', stranger: true }]);
  });

  test('are read to their end when they are renamed, whatever the new name is', async () => {
    const { window, write, log } = await windowOn(() => LOGS);
    await write('s-1', line('client-a', NEW));
    await rename(log('s-1'), `${log('s-1')}-20260101`);
    await writeFile(log('s-1'), line('client-b', NEW));
    expect(counts(await later(window))).toEqual({ 'client-a': { [NEW]: 1 }, 'client-b': { [NEW]: 1 } });
    expect(await later(window)).toMatchObject({ windowMs: 2000, gaps: [], resets: [] });
  });

  test.each([
    ['copied and emptied', (log: string) => copyFile(log, `${log}.1`).then(() => truncate(log)), 1],
    ['emptied', (log: string) => truncate(log), 0],
    ['replaced, and the old one is nowhere', (log: string) => rename(log, join(dirname(log), 'other')), 0],
  ])('one that is %s begins the window anew, and loses no straggler', async (_, rotate, kept) => {
    const { window, write, log } = await windowOn(() => LOGS);
    await write('s-1', line('client-a', OLD));
    await rotate(log('s-1'));
    await writeFile(log('s-1'), line('client-b', NEW));
    const delta = await later(window);
    expect(delta.windowMs).toBe(0);
    expect(delta.resets).toEqual([expect.stringMatching(/^s-1 \(the file /)]);
    expect(counts(delta)).toEqual({ ...(kept === 0 ? {} : { 'client-a': { [OLD]: 1 } }), 'client-b': { [NEW]: 1 } });
    expect((await later(window)).windowMs).toBe(1000);
  });

  test.each([
    [
      'a log that shows nothing at all',
      '',
      [{ replica: 's-2', reason: expect.stringMatching(/not even rotctl's own/) }],
    ],
    ['one that does', OURS, []],
  ])('%s, while there are some', async (_, text, gaps) => {
    const { window, write } = await windowOn(() => LOGS, { expectOwn: true });
    await write('s-1', OURS);
    await write('s-2', `GET /health\n${text}`);
    expect((await later(window)).gaps).toEqual(gaps);
  });

  test('a line that cannot be understood begins the window anew', async () => {
    const pattern = /^(?<time>\S+) accepted client=(?<client>\S+) key=(?<key>\S+)/;
    const { window, write } = await windowOn(() => ({ ...LOGS, pattern }));
    await write('s-1', 'yesterday accepted client=client-a key=1\n');
    expect(await later(window)).toMatchObject({
      windowMs: 0,
      resets: [expect.stringMatching(/a time that is neither/)],
    });
  });

  test.each([
    [1, [], 'pass', /all signed with/],
    [2, [' from=p1', ' from=p2'], 'pass', /all signed with/],
    [3, [' from=p1', ' from=p2', ' from=p1'], 'unknown', /^2 of the 3 instances of client-a were heard \(p1, p2\)$/],
    [2, [], 'unknown', /does not tell them apart/],
  ])('of a client with %i instances, heard from %j, is %s', async (instances, heard, verdict, reason) => {
    const pattern = heard.length === 0 ? /client=(?<client>\S+) key=(?<key>\S+)/ : LINE;
    const { window, write } = await windowOn(() => ({ ...LOGS, pattern }));
    await write(
      's-2',
      heard.length === 0 ? line('client-a', NEW) : heard.map((from) => line('client-a', NEW, from)).join(''),
    );
    const client = { id: 'client-a', cadenceMs: 500, instances };
    const expected = { by: 'fingerprint', texts: [NEW] } as const;
    const judged = judgeSigns(await later(window), client, expected, []);
    expect([judged.verdict, judged.reason]).toEqual([verdict, expect.stringMatching(reason)]);
  });
});

describe('commands as usage evidence', () => {
  const command = (words: readonly string[]): CommandUsage => ({
    ...SHAPE,
    from: 'command',
    command: words,
    deadlineMs: 2000,
  });

  test('print everything each time, of which what is new counts', async () => {
    const { window, write, log } = await windowOn(() => command(['cat', '{replica}.log']));
    await write('s-1', line('client-a', NEW) + OURS);
    expect(counts(await later(window))).toEqual({ 'client-a': { [NEW]: 1 } });
    await write('s-2', line('client-b', NEW));
    expect(counts(await later(window))).toEqual({ 'client-a': { [NEW]: 1 }, 'client-b': { [NEW]: 1 } });
    await writeFile(log('s-1'), line('client-a', NEW));
    const anew = await later(window);
    expect(anew).toMatchObject({
      windowMs: 0,
      resets: [expect.stringMatching(/^s-1 \(what it prints does not begin/)],
    });
  });

  test.each([
    ['ends badly', ['sh', '-c', 'cat s-1.log; exit 3'], /sh ended with exit 3$/],
    ['is not there', ['no-such-program-here'], /no-such-program-here was not found$/],
    ['takes too long', ['sleep', '9'], /sleep took longer than 300 ms$/],
  ])('one that %s leaves a gap', async (_, words, reason) => {
    const { window } = await windowOn(() => ({ ...command(words), deadlineMs: 300 }));
    await later(window);
    const delta = await later(window);
    expect(delta.gaps).toEqual([{ replica: 'the log of the fleet', reason: expect.stringMatching(reason) }]);
  });

  test('that is asked for a time counts what its lines say is later', async () => {
    const pattern = /^(?<time>\S+) accepted client=(?<client>\S+) key=(?<key>\S+)/;
    const source = { ...command(['sh', '-c', 'echo "$1" > asked; cat s-1.log', 'x', '{since}']), pattern };
    const { window, write } = await windowOn(() => source);
    const at = (ms: number) => new Date(now + ms).toISOString();
    await write(
      's-1',
      `${at(-5000)} accepted client=client-a key=${OLD}\n${at(700)} accepted client=client-a key=${NEW}\n`,
    );
    now += 2000;
    const delta = await later(window);
    expect(counts(delta)).toEqual({ 'client-a': { [NEW]: 1 } });
    // A second of it is the step of clocks that tell no fractions.
    expect(delta).toMatchObject({ windowMs: 2000, gaps: [] });
  });
});

describe('a Prometheus server as usage evidence', () => {
  const labels = { client: 'client', fingerprint: 'key', caller: 'caller', replica: 'instance' } as const;
  const one = (instance: string | undefined, value: number, more: object = {}) => ({
    metric: { client: 'client-a', key: NEW, caller: 'app', ...(instance === undefined ? {} : { instance }), ...more },
    value: [1, String(value)],
  });
  const vector = (...result: object[]) => JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });

  /** The delta between two answers of a real server. */
  async function between(answers: readonly (readonly [status: number, text: string])[], expectOwn = false) {
    let asked = 0;
    const server = createServer((request, response) => {
      expect(request.url).toBe('/prom/api/v1/query?query=sum%20by%20(x)%20(a_total)');
      const [status = 500, text = ''] = answers[Math.min(asked, answers.length - 1)] ?? [];
      asked += 1;
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prom`);
    const at: PrometheusServer = {
      url,
      serverName: '',
      ca: undefined,
      token: undefined,
      deadlineMs: 1000,
      scrapeMs: 300,
    };
    const source: PrometheusUsage = {
      ...{
        from: 'prometheus',
        server: at,
        query: 'sum by (x) (a_total)',
        labels,
        fingerprint: 'rotctl',
        ownCaller: 'rotctl',
      },
    };
    const servers: WatchPorts['servers'] = {
      get: (to, path) =>
        transport.send(
          { url: new URL(to.url.origin), serverName: '' },
          { method: 'GET', path: `${to.url.pathname}${path}`, headers: {}, body: undefined },
          { fresh: true, certificate: false, deadlineMs: 1000, maxBytes: 65_536 },
        ),
    };
    const { window } = await windowOn(() => source, { expectOwn, servers });
    expect(window.blindMs).toBe(300);
    return later(window);
  }

  test('shows the difference of two answers, by replica, over a window that is shorter by a scrape', async () => {
    const own = { caller: 'rotctl' };
    const delta = await between(
      [
        [200, vector(one('s-1', 5), one('10.0.0.2:8443', 7), one('s-1', 1, own), one('10.0.0.2:8443', 1, own))],
        [200, vector(one('s-1', 6), one('10.0.0.2:8443', 9), one('s-1', 2, own), one('10.0.0.2:8443', 3, own))],
      ],
      true,
    );
    expect(counts(delta)).toEqual({ 'client-a': { [NEW]: 3 } });
    expect(delta).toMatchObject({ windowMs: 700, gaps: [], resets: [] });
  });

  const GOOD = [200, vector(one('s-1', 5), one('s-2', 7))] as const;
  test.each<[string, readonly (readonly [number, string])[], boolean, RegExp]>([
    [
      'knows one replica alone',
      [[200, vector(one('s-1', 5))]],
      false,
      /^s-2: at the first look: the query gives no series of it$/,
    ],
    [
      'adds up over the replicas',
      [[200, vector(one(undefined, 5))]],
      false,
      /it has no label instance; keep it in the query/,
    ],
    [
      'knows another replica',
      [[200, vector(one('s-1', 5), one('s-2', 1), one('10.0.0.3:8443', 5))]],
      false,
      /10\.0\.0\.3:8443" is no replica’?'?s name/,
    ],
    ['stands still', [GOOD], true, /^s-1: its counters show no request, not even rotctl's own/],
    [
      'answers with an error',
      [GOOD, [400, '{"status":"error","errorType":"bad_data","error":"parse error"}']],
      false,
      /answered 400: bad_data: parse error/,
    ],
    ['refuses the token', [GOOD, [401, 'Unauthorized']], false, /answered 401: no JSON document/],
    [
      'warns',
      [GOOD, [200, vector().replace('{', '{"warnings":["a store is down"],')]],
      false,
      /a part only: a store is down/,
    ],
    [
      'gives a matrix',
      [GOOD, [200, '{"status":"success","data":{"resultType":"matrix","result":[]}}']],
      false,
      /a matrix where an instant vector/,
    ],
    [
      'gives half a counter',
      [GOOD, [200, vector({ metric: {}, value: [1, 'NaN'] }, one('s-1', NaN), one('s-2', 1))]],
      false,
      /the value NaN/,
    ],
  ])('that %s proves nothing', async (_, answers, expectOwn, reason) => {
    const { gaps } = await between(answers, expectOwn);
    expect(gaps.map((gap) => `${gap.replica}: ${gap.reason}`).join('\n')).toMatch(new RegExp(reason, 'm'));
  });

  test('whose counter fell began the window anew', async () => {
    const delta = await between([GOOD, [200, vector(one('s-1', 2), one('s-2', 8))]]);
    expect(delta).toMatchObject({ windowMs: 0, resets: ['s-1'] });
  });
});
