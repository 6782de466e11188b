import { afterAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { proveKeyIds, proveSigns, proveUnused, type UsageParts } from '../../src/runner/prove-usage.ts';
import type { KeyIdNames } from '../../src/runner/usage-naming.ts';
import { systemClock } from '../../src/system/clock.ts';
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
  return { fleet, pairs, keyIds: names, transport, runId: 'r', clock: systemClock, waiter };
}

const silence = () => undefined;
const PROGRESS: UsageParts['waiter']['progress'] = {
  ...{ phase: silence, task: silence, taskDone: silence, wait: silence, findings: silence },
  ...{ cells: silence, part: silence, note: silence, incident: silence },
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
