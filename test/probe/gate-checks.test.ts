import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { Verdict } from '../../src/errors/verdict.ts';
import type { CheckContext, GateExpectation } from '../../src/probe/checks/check.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import { budgetOf } from '../../src/probe/checks/sends.ts';
import { GATE_IDS, type GateKnobs } from '../support/mini-gate.ts';
import { MiniStore } from '../support/mini-signer.ts';
import { configured, type GateFleet, SECRETS, startGates } from './gate-harness.ts';
import { CONTROL_ROWS, GATE_ROWS, REVOKED, type Row } from './gate-rows.ts';

const digestOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

let fleet: GateFleet;
beforeAll(async () => {
  fleet = await startGates();
});
afterAll(() => fleet.close());
beforeEach(() => fleet.repair());

/** What the gates are configured with shows in what all of them do. */
function contextOf({ all = {}, context = {} }: Row): Partial<CheckContext> {
  const { strict = false, revoked = [] } = all;
  const said: GateExpectation = { strict, revoked };
  return { gates: configured(fleet.gates, said), ...context };
}

describe.each([
  ['the checklist of a gate', GATE_ROWS],
  ['what no gate may accept', CONTROL_ROWS],
] as const)('%s', (_, rows) => {
  it.each(rows.map((row) => [row.check, row.what, row] as const))('%s on a gate that %s', async (id, _what, row) => {
    fleet.repair(row.all);
    Object.assign(fleet.last.knobs, row.broken);
    const finding = await fleet.check(id, contextOf(row));
    expect([finding.verdict, finding.reason]).toEqual([row.verdict, expect.stringMatching(row.reason)]);
    expect([finding.target, finding.critical]).toEqual(['gate-b', true]);
    const sound = await runChecks(
      checksOf({ protocol: 'gate-v1' }).filter((check) => check.id === id),
      { ...fleet.context, gates: contextOf(row).gates ?? new Map() },
    );
    expect(sound.find(({ target }) => target === 'gate-a')).toMatchObject({ verdict: 'pass' });
  });
});

describe('sound gates', () => {
  const QUICK = checksOf({ protocol: 'gate-v1' }).filter(
    ({ needs, group }) => !needs.includes('patience') && group !== 'store' && group !== 'tls',
  );
  const missing = [
    ['balancer.spread', 'not-applicable'],
    ['fleet.distinct', 'pass'],
    ['replay.balancer', 'not-applicable'],
    ['replay.namespace', 'not-applicable'],
  ];

  it.each<[string, Partial<GateKnobs>, readonly string[]]>([
    ['never rotated', {}, ['gate.key-id-bound', 'gate.revoked-refused']],
    ['enforcing key ids', { strict: true }, ['gate.revoked-refused']],
    ['revoking key ids', { revoked: REVOKED }, ['gate.key-id-bound']],
    ['doing both', { strict: true, revoked: REVOKED }, []],
  ])('%s: all passes but what does not apply', async (_, knobs, absent) => {
    fleet.repair(knobs);
    const { strict = false, revoked = [] } = knobs;
    const gates = configured(fleet.gates, { strict, revoked });
    const findings = await runChecks(QUICK, { ...fleet.context, gates });
    const odd = findings.filter(({ verdict }) => verdict !== 'pass');
    const ids = [...new Set(odd.map(({ id }) => id))];
    expect(ids.filter((id) => !missing.some(([one]) => one === id))).toEqual(absent);
    expect(
      odd.every(({ verdict }) => verdict === 'not-applicable'),
      JSON.stringify(odd),
    ).toBe(true);
  });

  it.each([
    ['gate.key-id-bound', 'strict mode is not set in its configuration'],
    ['gate.revoked-refused', 'no key id is revoked in its configuration'],
  ])('%s does not apply, and sends nothing, where the configuration does not say it', async (id, reason) => {
    const before = fleet.last.bodies.length;
    expect(await fleet.check(id)).toMatchObject({ verdict: 'not-applicable', reason, samples: 0 });
    expect(fleet.last.bodies.length).toBe(before);
  });

  it('without an accepted secret nothing is known', async () => {
    for (const clients of [[], [{ id: 'langgraph', accepted: [] }]]) {
      const finding = await fleet.check('gate.valid-accepted', { clients });
      expect(finding).toMatchObject({ verdict: 'unknown', reason: 'no accepted secret is known' });
    }
  });

  it('a gate that is away for a moment is asked anew, and one that stays away is unknown', async () => {
    fleet.last.knobs.unavailable = 2;
    expect(await fleet.check('gate.valid-accepted')).toMatchObject({ verdict: 'pass' });
    fleet.last.knobs.unavailable = 100;
    expect(await fleet.check('gate.valid-accepted')).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^current: 503/),
    });
  });

  it('are asked with every key id that is known of a secret, and one that is not', async () => {
    fleet.repair({ strict: true });
    const from = fleet.last.bodies.length;
    await fleet.check('gate.key-id-bound', { gates: configured(fleet.gates, { strict: true }) });
    const labels = fleet.last.bodies.slice(from).map(({ signature }) => String(signature).split(':')[0]);
    const wrong = (own: string, other: string) => ['k-nobody', other, 'v1', 'v0'].filter((id) => id !== own);
    expect(labels).toEqual([
      ...wrong(GATE_IDS.current, GATE_IDS.next),
      ...wrong(GATE_IDS.next, GATE_IDS.current),
      GATE_IDS.current,
    ]);
  });
});

describe('time, as a gate counts it', () => {
  it.each<[string, Partial<GateKnobs>, Verdict, RegExp | undefined]>([
    ['to the millisecond', {}, 'pass', undefined],
    ['with a window that rounding to seconds makes almost one wider', { maxAgeMs: 2900 }, 'pass', undefined],
    ['with a window that rounding to seconds makes almost one narrower', { maxAgeMs: 1100 }, 'pass', undefined],
    ['with a window that is more than a second wider', { maxAgeMs: 3100 }, 'fail', /its window is 3\d\d\d ms/],
    [
      'with a clock that is two seconds ahead',
      { clockOffsetMs: 2000 },
      'fail',
      /its clock is \+(?:19|20)\d\d ms from ours/,
    ],
    ['without an end ahead', { checksTime: 'past' }, 'fail', /^timestamps 32000 ms ahead are not refused/],
  ])('%s', async (_, knobs, verdict, reason) => {
    fleet.repair();
    Object.assign(fleet.last.knobs, knobs);
    const finding = await fleet.check('clock.window');
    expect(finding.verdict, finding.reason).toBe(verdict);
    if (reason !== undefined) expect(finding.reason).toMatch(reason);
  });

  it.each([
    [5450, 'pass', undefined],
    [
      5449,
      'unknown',
      /^twice the window \(4000 ms\) is covered, the bound 2 × 2000 \+ 2 × 100 \+ 250 \+ 1000 unsigned = 5450/,
    ],
    [3999, 'fail', /^below twice the window \(4000 ms\); the bound is .* = 5450 ms$/],
  ] as const)('a nonce that lives %i ms, where a second is not signed: %s', async (nonceTtlMs, verdict, reason) => {
    const { fleet: declared } = fleet.context;
    const finding = await fleet.check('replay.ttl-bound', {
      fleet: { ...declared, replay: { ...declared.replay, nonceTtlMs } },
    });
    expect(finding.verdict).toBe(verdict);
    if (reason === undefined) expect(finding.reason).toBeUndefined();
    else expect(finding.reason).toMatch(reason);
  });
});

describe('nonces', () => {
  it.each([
    ['shared', () => fleet.store, 'pass', undefined],
    ['of each gate’s own', () => new MiniStore(), 'fail', /accepted by gate-a and again by gate-b: they do not share/],
  ] as const)('%s', async (_, storeOf, verdict, reason) => {
    fleet.last.knobs.store = storeOf();
    const finding = await fleet.check('replay.cross-replica');
    expect(finding.verdict).toBe(verdict);
    if (reason !== undefined) expect(finding.reason).toMatch(reason);
  });

  it('are forgotten with time, and a gate that never knew them is found', async () => {
    expect(await fleet.check('replay.same-replica')).toMatchObject({ verdict: 'pass' });
    fleet.last.knobs.nonceTtlMs = 0;
    expect(await fleet.check('replay.same-replica')).toMatchObject({ verdict: 'fail' });
  });
});

describe('the key of a nonce', () => {
  it.each<[string, GateKnobs['keyOf'], string]>([
    ['a digest of params', ({ session, nonce }, { params }) => [session, nonce, digestOf(params)], 'other params'],
    ['the conviction', ({ session, nonce }, { conviction }) => [session, nonce, conviction], 'another conviction'],
    ['the fraction of ts', ({ session, nonce }, { ts }) => [session, nonce, ts], 'another fraction of ts'],
    ['the whole body', (_, body) => [digestOf(body)], 'other params, another conviction, another fraction of ts'],
  ])('that covers %s as well is found', async (_, keyOf, what) => {
    fleet.last.knobs.keyOf = keyOf;
    const finding = await fleet.check('replay.nonce-spelling');
    expect(finding).toMatchObject({ target: 'gate-b', verdict: 'fail', critical: true, hazards: ['H20'] });
    expect(finding.reason).toContain(
      `the key of a nonce covers more than the nonce: gate-b accepted captured bytes again with ${what}, under`,
    );
    expect(await fleet.check('replay.same-replica')).toMatchObject({ verdict: 'pass' });
  });

  it('is not to blame where nothing is remembered', async () => {
    fleet.last.knobs.nonceTtlMs = 0;
    expect(await fleet.check('replay.nonce-spelling')).toMatchObject({ verdict: 'unknown', critical: false });
  });

  it('is not known where the gate refuses the fields themselves', async () => {
    fleet.last.knobs.refusesFields = ({ params }) => Object.keys(params as object).length > 0;
    expect(await fleet.check('replay.nonce-spelling')).toMatchObject({
      ...{ verdict: 'unknown', critical: false },
      reason: expect.stringMatching(/neither refused as a replay nor accepted with other params: 422/),
    });
  });

  it.each<[string, (nonce: string) => string]>([
    ['the space before it', (nonce) => nonce.trimStart()],
    ['the space behind it', (nonce) => nonce.trimEnd()],
    ['both', (nonce) => nonce.trim()],
  ])('that is trimmed on one gate alone is found: %s', async (_, trim) => {
    fleet.last.knobs.keyOf = ({ session, nonce }) => [session, trim(nonce)];
    const finding = await fleet.check('replay.key-function');
    expect(finding).toMatchObject({ target: 'gate-b', verdict: 'fail', hazards: ['H20'] });
    expect(finding.reason).toBe(
      'a space around it: accepted by gate-a and again by gate-b: they make different keys of it',
    );
  });

  it.each([
    ['replay.nonce-spelling', false],
    ['replay.nonce-spelling', true],
    ['replay.key-function', false],
  ])('%s sends what it says (sparing: %s), and only that is harmless', async (id, sparing) => {
    const { context, gates } = fleet;
    const from = gates.map(({ bodies }) => bodies.length);
    await fleet.check(id, { sparing });
    const sent = gates.flatMap(({ bodies }, n) => bodies.slice(from[n]));
    const sizes = { replicas: 2, clients: 1, accepted: 2, sparing, mostRefusals: Number.POSITIVE_INFINITY };
    expect(sent.length).toBe(budgetOf([id], { fleet: { protocol: 'gate-v1', ...context.fleet }, ...sizes }).total);
    for (const { tool, conviction, params, ...others } of sent) {
      expect([tool, Object.keys(params as object).filter((key) => key !== 'rotctl')]).toEqual(['practice.noop', []]);
      expect(conviction).toBeLessThanOrEqual(0.01);
      expect(others).not.toHaveProperty('idempotency_key');
    }
  });
});

it('a secret that is retired is looked for under its own name and every other', () => {
  expect(fleet.context.prober.keyIdsFor(SECRETS.current)).toEqual([GATE_IDS.current, GATE_IDS.next, 'v1', 'v0']);
  expect(fleet.context.prober.keyIdsFor(Secret.fromText('unknown'))).toEqual([
    'v1',
    GATE_IDS.current,
    GATE_IDS.next,
    'v0',
  ]);
});
