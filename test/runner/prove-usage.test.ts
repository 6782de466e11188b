import { afterAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { Confirmation } from '../../src/runner/confirmations.ts';
import { proveKeyIds, proveSigns, proveUnused } from '../../src/runner/prove-usage.ts';
import { misnamed } from '../../src/runner/usage-control.ts';
import type { KeyIdNames } from '../../src/runner/usage-naming.ts';
import type { UsageParts } from '../../src/runner/usage-parts.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createLineCommands } from '../../src/system/line-commands.ts';
import { logFiles } from '../../src/system/log-files.ts';
import { createTransport } from '../../src/system/transport.ts';
import { openPages, type Pages } from '../watch/pages.ts';

const CADENCE_MS = 100;
const CLOCK_ERROR_MS = 20;
const keyIds: KeyIdNames = { current: ['k-old', 'v1'], next: ['k-new'] };
const transport = createTransport(undefined);
afterAll(() => transport.close());

function fleetOf(gates: readonly Pages[], usage: string): Fleet {
  const replicas = gates.map(({ replica: { name, url } }) => {
    return `  - { name: ${name}, url: "${url.origin}", deploy: { path: ${name}.env, restart: [x] } }`;
  });
  const text = `schema: rotctl.fleet.v1
name: practice-gate
environment: practice
protocol: gate-v1
replicas:
${replicas.join('\n')}
clients:
  - { id: langgraph, actor: 'did:langgraph', cadence: ${CADENCE_MS}ms, deploy: { path: l.env, restart: [x] } }
  - { id: runner, actor: 'did:runner', cadence: ${CADENCE_MS}ms, deploy: { path: r.env, restart: [x] } }
replay: { maxAge: 2s, nonceTtl: 5s, clockError: ${CLOCK_ERROR_MS}ms, storeTimeout: 250ms }
probe: { path: /gate/request, tool: practice.noop, session: s, actor: 'did:rotctl', causes: nothing, deadline: 1500ms }
${usage}
`;
  return readFleet(text, '/fleet/rotctl.yaml');
}

const LEDGER = 'usage: { from: ledger, path: /ledger, entries: /entries, at: /at, client: /actor_did, keyId: /key_id }';

/**
 * Two gates, each of which shows the requests of clients (by actor) under the key ids that they use now, one every few
 * milliseconds, up to the moment it is asked.
 */
async function gates(uses: () => Readonly<Record<string, readonly string[]>>) {
  const both = [await openPages('gate-a'), await openPages('gate-b')];
  const begun = Date.now() - 1000;
  for (const gate of both) {
    gate.text = () => {
      const now = Date.now();
      const entries: object[] = [];
      for (let at = begun; at < now; at += 7) {
        entries.push({ at: at / 1000, actor_did: 'did:rotctl', key_id: 'k-old' });
        for (const [actor_did, ids] of Object.entries(uses()))
          for (const key_id of ids) entries.push({ at: at / 1000, actor_did, key_id });
      }
      return JSON.stringify({ entries });
    };
  }
  return both;
}

function partsOf(fleet: Fleet, names: KeyIdNames | undefined = keyIds): UsageParts {
  const pair = {
    current: Secret.fromText('current 7f3a9c1e5b2d4f60aa'),
    next: Secret.fromText('next 00c3d5e7f9a1b2c4'),
  };
  const pairs = new Map(fleet.clients.map(({ id }) => [id, pair]));
  const stop = { signal: new AbortController().signal, reason: async () => undefined };
  const waiter = { clock: systemClock, progress: PROGRESS, stop };
  const servers = { get: () => Promise.reject(new Error('there is no server')) };
  const sources = { files: logFiles, commands: createLineCommands('/'), servers };
  return { fleet, pairs, keyIds: names, transport, runId: 'r', clock: systemClock, waiter, sources };
}

const silence = () => undefined;
const PROGRESS: UsageParts['waiter']['progress'] = {
  ...{ phase: silence, task: silence, taskDone: silence, wait: silence, findings: silence },
  ...{ cells: silence, part: silence, note: silence, incident: silence },
};

const MOVED = { 'did:langgraph': ['k-new'], 'did:runner': ['k-new'] } as const;
const ACCEPTED = 'accepts: [{ check: usage.unknown-client, reason: a load test, owner: platform }]';
const WORD: Confirmation = {
  ...{ of: { client: 'runner', generation: 'next' }, by: 'A. Jones', note: undefined },
  ...{ at: '2026-01-01T00:00:00.000Z', phase: 'retiring' },
};

describe('proofs from what gates list', () => {
  it.each([
    ['both use the id of next', ['k-new'], ['k-new'], 'pass', 'pass', 'pass'],
    ['one is under the label that current had', ['k-new'], ['v1'], 'fail', 'fail', 'fail'],
    ['one still uses the own id of current too', ['k-new'], ['k-new', 'k-old'], 'fail', 'fail', 'pass'],
    ['one uses an id that nobody knows', ['k-new'], ['k-new', 'v0'], 'fail', 'unknown', 'fail'],
    ['one is silent', ['k-new'], [], 'unknown', 'unknown', 'unknown'],
  ] as const)('%s', async (_, langgraph, runner, signs, unused, ids) => {
    const both = await gates(() => ({ 'did:langgraph': langgraph, 'did:runner': runner }));
    const parts = partsOf(fleetOf(both, LEDGER));
    const [ofSigns, ofUnused, ofIds] = await Promise.all([
      proveSigns(parts, ['langgraph', 'runner'], 'next'),
      proveUnused(parts, 'current'),
      proveKeyIds(parts),
    ]);
    expect([ofSigns.verdict, ofUnused.verdict, ofIds.verdict]).toEqual([signs, unused, ids]);
    expect(ofIds.findings).toMatchObject([
      { id: 'usage.key-ids', target: 'langgraph', critical: true, verdict: 'pass' },
      { id: 'usage.key-ids', target: 'runner', critical: true, verdict: ids },
    ]);
    expect(ofSigns.findings[0]).toMatchObject({ id: 'usage.signs', verdict: 'pass' });
    expect(ofSigns.findings[0]?.ms).toBeGreaterThanOrEqual(CADENCE_MS);
  });

  it.each([
    ['fails as such, whatever it signs with', '', 'fail', undefined],
    [
      'stops nothing where its owner has answered for it',
      ACCEPTED,
      'pass',
      { reason: 'a load test', owner: 'platform' },
    ],
  ])('a caller that the inventory lacks %s', async (_, accepts, verdict, accepted) => {
    const both = await gates(() => ({ ...MOVED, 'did:other': ['k-new'] }));
    const proven = await proveUnused(partsOf(fleetOf(both, `${LEDGER}\n${accepts}`)), 'current');
    expect(proven.verdict).toBe(verdict);
    expect(proven.findings.at(-1)).toMatchObject({
      ...{ id: 'usage.unknown-client', verdict: 'fail', target: 'did:other' },
      ...(accepted === undefined ? {} : { accepted }),
    });
  });

  it.each([
    ['stands where nothing was seen', [], 'pass', /signs with next: confirmed by A. Jones/],
    ['is nothing against what was seen', ['k-old'], 'fail', /^\d+ as expected/],
  ] as const)('a word %s', async (_, runner, verdict, seen) => {
    const both = await gates(() => ({ 'did:langgraph': ['k-new'], 'did:runner': runner }));
    const confirmed = async () => [WORD];
    const proven = await proveUnused({ ...partsOf(fleetOf(both, LEDGER)), confirmed }, 'current');
    expect(proven.findings.find(({ target }) => target === 'runner')).toMatchObject({
      verdict,
      seen: expect.stringMatching(seen),
    });
  });

  it('takes another window when the first proves nothing', async () => {
    const both = await gates(() => ({ 'did:runner': ['k-new'] }));
    const [first] = both;
    if (first === undefined) throw new Error('two gates');
    const list = first.text;
    let asked = 0;
    first.text = () => {
      asked += 1;
      return asked < 3 ? '{}' : list();
    };
    const proven = await proveSigns(partsOf(fleetOf(both, LEDGER)), ['runner'], 'next');
    expect(proven).toMatchObject({ verdict: 'pass', reason: '' });
    expect(asked).toBe(4);
  });

  it('a gate that shows no list proves nothing, and is named', async () => {
    const both = await gates(() => ({ 'did:langgraph': ['k-new'], 'did:runner': ['k-new'] }));
    const [, second] = both;
    if (second === undefined) throw new Error('two gates');
    second.status = 404;
    const proven = await proveKeyIds(partsOf(fleetOf(both, LEDGER)));
    expect(proven.verdict).toBe('unknown');
    expect(proven.reason).toContain('gate-b could not be read: ');
  });

  it.each([
    ['no usage source', '', keyIds, /declares no usage source/],
    ['no key ids', LEDGER, undefined, /key ids of the two generations are not known/],
    ['no key id of next', LEDGER, { current: ['k'], next: [] }, /key ids of the two generations are not known/],
  ])('with %s, all are unknown, with the reason', async (_, usage, names, reason) => {
    const parts = { ...partsOf(fleetOf(await gates(() => ({})), usage)), keyIds: names };
    for (const proven of [
      await proveSigns(parts, ['runner'], 'next'),
      await proveUnused(parts, 'current'),
      await proveKeyIds(parts),
    ]) {
      expect(proven).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(reason) });
      expect(proven.findings.every(({ verdict }) => verdict === 'unknown')).toBe(true);
    }
  });
});

const METRICS = `usage:
  from: metrics
  metric: accepted_total
  labels: { client: client, fingerprint: secret, caller: caller }`;

/** Replicas whose pages count what clients and rotctl sign with `next`, and what rotctl signs with `current` under `shown`. */
async function counting(shown: (fingerprint: string) => string) {
  const replicas = [await openPages('signer-a'), await openPages('signer-b')];
  const gate = fleetOf(replicas, METRICS);
  const byFingerprint = gate.clients.map((client) => {
    const usage = client.usage.map((source) =>
      source.from === 'metrics' ? ({ ...source, fingerprint: 'rotctl' } as const) : source,
    );
    return { ...client, usage };
  });
  const fleet: Fleet = { ...gate, protocol: 'keyring-v1', clients: byFingerprint };
  const parts = partsOf(fleet);
  const begun = Date.now();
  let controls = 0;
  for (const replica of replicas) {
    replica.text = () => {
      const lines = fleet.clients.flatMap(({ id, actor }) => {
        const { current, next } = parts.pairs.get(id) ?? {};
        if (current === undefined || next === undefined) throw new Error(`no pair of ${id}`);
        const line = (secret: string, caller: string, count: number) =>
          `accepted_total{client="${actor}",secret="${secret}",caller="${caller}"} ${count}`;
        const moved = next.fingerprint;
        const ours = shown(current.fingerprint);
        return [line(moved, 'app', Date.now() - begun), line(ours, 'rotctl', controls)];
      });
      return ['# TYPE accepted_total counter', ...lines].join('\n').concat('\n');
    };
  }
  const send = async () => {
    controls += 1;
    return new Map(fleet.clients.map(({ id }) => [id, replicas.length]));
  };
  return { ...parts, controls: send };
}

describe('before it is concluded that nobody signs with a secret', () => {
  it('a source that names it, where we sign with it, is believed', async () => {
    const proven = await proveUnused(await counting((fingerprint) => fingerprint), 'current');
    expect(proven).toMatchObject({ verdict: 'pass', reason: '' });
  });

  it('one that names another is not', async () => {
    const parts = await counting(() => '0'.repeat(16));
    const proven = await proveUnused(parts, 'current');
    expect(proven.verdict).toBe('unknown');
    expect(proven.reason).toMatch(
      /^of 2 requests in the name of langgraph that rotctl signed with current, 0 are shown with [0-9a-f]{16} by metrics \/metrics: /,
    );
  });

  it('one that cannot tell our requests from others is not asked', async () => {
    const parts = await counting(() => '0'.repeat(16));
    const usage = parts.fleet.clients.flatMap(({ usage: sources }) => sources);
    const [source] = usage;
    if (source?.from !== 'metrics') throw new Error('metrics');
    const mute = { ...source, labels: { ...source.labels, caller: undefined } };
    const clients = parts.fleet.clients.map((client) => ({ ...client, usage: [mute] }));
    const callers = clients.filter(({ id }) => id === 'langgraph');
    expect(await misnamed({ ...parts, fleet: { ...parts.fleet, clients } }, callers, 'current')).toEqual([]);
  });
});
