import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { Entry, EntryDraft } from '../../src/ledger/entry.ts';
import { settingOf } from '../../src/machine/rotation.ts';
import type { Program } from '../../src/machine/step.ts';
import type { FleetParts } from '../../src/runner/fleet-parts.ts';
import { Journal } from '../../src/runner/journal.ts';
import { type Owed, parseOwed } from '../../src/runner/owed.ts';
import { FleetProver } from '../../src/runner/prover.ts';
import { settleOwed } from '../../src/runner/settle-owed.ts';
import type { World } from '../../src/runner/world.ts';
import { systemClock } from '../../src/system/clock.ts';
import { type GateFleet, SECRETS, startGates } from '../probe/gate-harness.ts';

/** The life of a nonce, and what is waited beyond it, in milliseconds. */
const [LIFE_MS, ERROR_MS] = [400, 50];

let gates: GateFleet;
beforeAll(async () => {
  gates = await startGates();
});
afterAll(() => gates.close());
beforeEach(() => gates.repair({ nonceTtlMs: LIFE_MS }));

const silence = () => undefined;
const progress = {
  ...{ phase: silence, task: silence, taskDone: silence, wait: silence, findings: silence },
  ...{ cells: silence, part: silence, note: silence, incident: silence },
};
const never = () => Promise.reject(new Error('nothing of this is needed'));

/** What an attempt is made with. */
type Settler = Pick<World['prover'], 'anew' | 'settle'>;

/** A rotation with a replay check that is owed. */
async function owing() {
  const replicas = gates.gates.map(
    ({ name, url }) => `  - { name: ${name}, url: "${url.origin}", deploy: { path: ${name}.env, restart: [x] } }\n`,
  );
  const fleet = readFleet(
    `schema: rotctl.fleet.v1
name: practice-gate
environment: practice
protocol: gate-v1
replicas:
${replicas.join('')}clients: [{ id: langgraph, deploy: { path: l.env, restart: [x] } }]
replay: { maxAge: 2s, nonceTtl: ${LIFE_MS}ms, clockError: ${ERROR_MS}ms, storeTimeout: 50ms }
probe: { tool: practice.noop, session: practice-probe, actor: 'did:practice:rotctl', deadline: 1500ms }
accepts: [{ check: replay.ttl-bound, reason: nonces of this test are short-lived, owner: tests }]
`,
    '/f/rotctl.yaml',
  );
  const stop = { signal: new AbortController().signal, reason: async () => undefined };
  const parts: FleetParts = {
    fleet,
    probes: gates.context,
    driver: { rehearse: never, readText: never },
    transport: { send: never, close: never },
    runId: 'r',
    logs: { begin: never, look: never } as unknown as FleetParts['logs'],
    waiter: { clock: systemClock, progress, stop },
    vectors: async () => ({ vectors: [] }) as unknown as Awaited<ReturnType<FleetParts['vectors']>>,
    sources: { files: { read: never, beside: never }, commands: { run: never }, servers: { get: never } },
    silencer: () => undefined,
    confirmed: async () => [],
    gates: async () => gates.context.gates ?? new Map(),
  };
  const prover = new FleetProver(parts, new Map([['langgraph', SECRETS]]));
  const { owed, verdict } = await prover.prove({ proves: 'replay' }, 'switched', []);
  expect([verdict, owed.map(({ replica }) => replica)]).toEqual(['pass', ['gate-a', 'gate-b']]);
  const entries: Entry[] = [];
  const append = async (draft: EntryDraft): Promise<Entry> => {
    const entry = { ...draft, seq: entries.length + 1, at: new Date(0).toISOString(), prev: '', hash: '' };
    entries.push(entry);
    return entry;
  };
  const none: Program = {
    ...{ opening: [], moving: [], retiring: [], destroying: [] },
    ...{ widening: [], returning: [], closing: [] },
  };
  const setting = settingOf(none, { templates: [], replicas: ['gate-a', 'gate-b'], clients: ['langgraph'] });
  const journal = new Journal({ append }, setting, { rotation: 'r1', fleet: 'f', runbook: 'none' });
  await journal.note('evidence', { proof: 'replay', owed: owed.map((each) => ({ ...each })) });
  const world = { clock: systemClock, progress, stop, prover };
  return {
    owed,
    prover,
    open: () => parseOwed(entries),
    verdicts: () => entries.flatMap(({ data }) => data.verdict ?? []),
    settle: (wait: boolean, some: readonly Owed[] = parseOwed(entries), by: Settler = prover) =>
      settleOwed({ ...world, prover: by }, journal, some, wait),
  };
}

const over = (owed: readonly Owed[]) =>
  systemClock.sleep(Math.max(0, ...owed.map(({ dueAt }) => dueAt - systemClock.now())) + 5);

describe('a nonce that is to be used once more after its life', () => {
  it('is waited for when that is wished, and is owed no more', async () => {
    const rotation = await owing();
    await rotation.settle(false);
    expect([rotation.verdicts(), rotation.open().length]).toEqual([[], 2]);
    await rotation.settle(true);
    expect([rotation.verdicts(), rotation.open()]).toEqual([['pass'], []]);
  });

  it('is owed anew when it could not be told, because the attempt may have taken it', async () => {
    const { prover, owed } = await owing();
    await over(owed);
    gates.last.knobs.unavailable = 1;
    const proven = await prover.settle(owed, 'switched');
    expect([proven.verdict, proven.owed.map(({ nonce }) => nonce)]).toEqual([
      'unknown',
      owed.map(({ nonce }) => nonce),
    ]);
    const sooner = await prover.settle(owed, 'switched');
    expect([sooner.verdict, sooner.reason]).toEqual(['fail', expect.stringMatching(/gate-a: .*still refused/)]);
    await over(sooner.owed);
    expect(await prover.settle(sooner.owed, 'switched')).toMatchObject({ verdict: 'pass', owed: [] });
  });

  it('is tried once more by itself, after another life, where that is waited for', async () => {
    const rotation = await owing();
    await over(rotation.owed);
    gates.last.knobs.unavailable = 1;
    await rotation.settle(true);
    expect([rotation.verdicts(), rotation.open()]).toEqual([['unknown', 'pass'], []]);
  });

  it('holds the command where it is not waited for, and is due later', async () => {
    const rotation = await owing();
    await over(rotation.owed);
    gates.last.knobs.unavailable = 1;
    await expect(rotation.settle(false)).rejects.toMatchObject({ code: 'HELD' });
    expect(rotation.open()).toHaveLength(2);
    for (const { dueAt } of rotation.open()) expect(dueAt).toBeGreaterThan(systemClock.now());
    await rotation.settle(false);
    await over(rotation.open());
    await rotation.settle(false);
    expect([rotation.verdicts(), rotation.open()]).toEqual([['unknown', 'pass'], []]);
  });

  it('is owed anew when rotctl dies in the attempt, so that going on at once is no false alarm', async () => {
    const rotation = await owing();
    await over(rotation.owed);
    const dying: Settler = {
      anew: (owed) => rotation.prover.anew(owed),
      settle: async (owed, phase) => {
        await rotation.prover.settle(owed, phase);
        throw new Error('killed');
      },
    };
    await expect(rotation.settle(false, rotation.owed, dying)).rejects.toThrow('killed');
    await rotation.settle(false);
    expect([rotation.verdicts(), rotation.open().length]).toEqual([[], 2]);
    await over(rotation.open());
    await rotation.settle(false);
    expect([rotation.verdicts(), rotation.open()]).toEqual([['pass'], []]);
  });

  it('that is remembered for longer than was said fails, at once', async () => {
    gates.repair({ nonceTtlMs: 60_000 });
    const rotation = await owing();
    await expect(rotation.settle(true)).rejects.toMatchObject({
      code: 'FAILED_HELD',
      message: expect.stringMatching(/^reuse of a nonce after its life: .*still refused/),
    });
    expect(rotation.verdicts()).toEqual(['fail']);
  });
});
