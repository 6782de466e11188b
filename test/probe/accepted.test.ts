import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/errors/verdict.ts';
import type { AcceptedDefect } from '../../src/fleet/fleet.ts';
import { markAccepted } from '../../src/probe/checks/accepted.ts';
import type { Check, CheckContext } from '../../src/probe/checks/check.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { verdictOf } from '../../src/runner/finding-verdict.ts';
import { MiniStore } from '../support/mini-signer.ts';
import { type GateFleet, startGates } from './gate-harness.ts';

const defect = (check: string): AcceptedDefect => ({
  check,
  reason: 'each gate has nonces of its own',
  owner: 'platform',
});
const MARK = { reason: 'each gate has nonces of its own', owner: 'platform' };

function finding(id: string, verdict: Finding['verdict'], change: Partial<Finding> = {}): Finding {
  return { id, verdict, critical: true, target: 'gate-a', expected: 'x', seen: 'y', samples: 1, ms: 1, ...change };
}

describe('a finding is marked', () => {
  const onFleet = { target: 'fleet' };
  it.each<[what: string, accepts: readonly string[], found: Finding, marked: boolean]>([
    ['when its check is accepted', ['gate.stale-refused'], finding('gate.stale-refused', 'fail'), true],
    ['on every target of it', ['gate.stale-refused'], finding('gate.stale-refused', 'fail', onFleet), true],
    ['when one of several is', ['clock.window', 'gate.stale-refused'], finding('gate.stale-refused', 'fail'), true],
    ['not when another check is', ['clock.window'], finding('gate.stale-refused', 'fail'), false],
    ['not when nothing is', [], finding('gate.stale-refused', 'fail'), false],
    ['not by the beginning of a name', ['gate.stale'], finding('gate.stale-refused', 'fail'), false],
    ['not when it could not be told', ['gate.stale-refused'], finding('gate.stale-refused', 'unknown'), false],
    ['not when it passes', ['gate.stale-refused'], finding('gate.stale-refused', 'pass'), false],
    ['not when it does not apply', ['gate.stale-refused'], finding('gate.stale-refused', 'not-applicable'), false],
    [
      'when it follows: copies over all gates',
      ['replay.cross-replica'],
      finding('replay.concurrent', 'fail', onFleet),
      true,
    ],
    [
      'not when copies at one gate alone are taken',
      ['replay.cross-replica'],
      finding('replay.concurrent', 'fail'),
      false,
    ],
    ['when it follows: nonces of before', ['replay.cross-replica'], finding('replay.namespace', 'fail'), true],
    ['when it follows: nonces that are over', ['replay.cross-replica'], finding('replay.after-ttl', 'fail'), true],
    ['not when a gate forgets its own', ['replay.cross-replica'], finding('replay.same-replica', 'fail'), false],
    ['not when a nonce dies before its request', ['replay.cross-replica'], finding('replay.window-end', 'fail'), false],
    [
      'when it follows: a life that is declared too short',
      ['replay.ttl-bound'],
      finding('replay.window-end', 'fail'),
      true,
    ],
    ['not the other way round', ['replay.concurrent'], finding('replay.cross-replica', 'fail'), false],
  ])('%s', (_, accepts, found, marked) => {
    const got = markAccepted(found, accepts.map(defect));
    expect(got).toEqual(marked ? { ...found, accepted: MARK } : found);
  });
});

describe('the verdict of findings', () => {
  const bad = finding('replay.cross-replica', 'fail');
  const known = { ...bad, accepted: MARK };
  const good = finding('gate.valid-accepted', 'pass');
  it.each<[what: string, findings: readonly Finding[], verdict: Verdict]>([
    ['a failure', [good, bad], 'fail'],
    ['a failure that is accepted, beside a pass', [good, known], 'pass'],
    ['a failure that is accepted, alone', [known], 'pass'],
    ['a failure that is accepted, beside one that is not', [known, finding('replay.concurrent', 'fail')], 'fail'],
    [
      'a failure that is accepted, beside what could not be told',
      [known, finding('clock.window', 'unknown')],
      'unknown',
    ],
    ['what could not be told, alone', [finding('clock.window', 'unknown')], 'unknown'],
    ['a warning', [good, finding('clock.window', 'unknown', { critical: false })], 'pass'],
    ['what does not apply, beside a pass', [good, finding('x', 'not-applicable')], 'pass'],
    ['nothing but what does not apply', [finding('x', 'not-applicable')], 'unknown'],
    ['nothing', [], 'unknown'],
  ])('%s', (_, findings, verdict) => {
    expect(verdictOf(findings)).toBe(verdict);
  });
});

describe('on gates with nonces of their own', () => {
  let fleet: GateFleet;
  beforeAll(async () => {
    fleet = await startGates();
  });
  afterAll(() => fleet.close());
  beforeEach(() => {
    fleet.repair();
    fleet.last.knobs.store = new MiniStore();
  });

  const AT_ONCE = ['gate.valid-accepted', 'replay.same-replica', 'replay.cross-replica', 'replay.concurrent'];
  async function run(accepts: readonly string[], change: Partial<CheckContext> = {}) {
    const told: Finding[] = [];
    const checks = checksOf({ protocol: 'gate-v1' }).filter(({ id }) => AT_ONCE.includes(id));
    const context = { ...fleet.context, ...change, fleet: { ...fleet.context.fleet, accepts: accepts.map(defect) } };
    const findings = await runChecks(checks, context, (one) => told.push(one));
    expect(told).toEqual(findings);
    return { findings, verdict: verdictOf(findings) };
  }
  const short = ({ id, target, verdict, accepted }: Finding) => [id, target, verdict, accepted?.owner];

  it('a defect that nobody answers for fails', async () => {
    const { findings, verdict } = await run([]);
    expect(verdict).toBe('fail');
    expect(findings.filter((one) => one.verdict === 'fail').map(short)).toEqual([
      ['replay.cross-replica', 'gate-a', 'fail', undefined],
      ['replay.cross-replica', 'gate-b', 'fail', undefined],
      ['replay.concurrent', 'fleet', 'fail', undefined],
    ]);
  });

  it('one that its owner answers for is looked for, shows as failed, and stops nothing', async () => {
    const { findings, verdict } = await run(['replay.cross-replica']);
    expect(verdict).toBe('pass');
    expect(findings.filter((one) => one.verdict === 'fail').map(short)).toEqual([
      ['replay.cross-replica', 'gate-a', 'fail', 'platform'],
      ['replay.cross-replica', 'gate-b', 'fail', 'platform'],
      ['replay.concurrent', 'fleet', 'fail', 'platform'],
    ]);
    expect(findings.filter((one) => one.verdict === 'pass').map(({ id }) => id)).toContain('replay.concurrent');
  });

  it.each([
    [
      'a gate that forgets what it accepted',
      () => Object.assign(fleet.last.knobs, { nonceTtlMs: 0 }),
      'replay.same-replica',
    ],
    [
      'a gate that refuses a secret in force',
      () => Object.assign(fleet.last.knobs, { keys: [] }),
      'gate.valid-accepted',
    ],
  ])('it covers no other: %s', async (_, breakLast, id) => {
    breakLast();
    const { findings, verdict } = await run(['replay.cross-replica']);
    expect(verdict).toBe('fail');
    const own = findings.find((one) => one.id === id && one.target === 'gate-b');
    expect(own).toMatchObject({ verdict: 'fail' });
    expect(own).not.toHaveProperty('accepted');
  });

  it('one that could not be told is not accepted', async () => {
    fleet.last.knobs.untrusted = true;
    const { findings, verdict } = await run(['replay.cross-replica', 'gate.valid-accepted', 'replay.concurrent']);
    expect(verdict).not.toBe('pass');
    expect(findings.filter((one) => one.target === 'gate-b').map(({ accepted }) => accepted)).not.toContain(MARK);
  });
});

it('a check that breaks is unknown, whatever is accepted', async () => {
  const broken: Check = {
    ...{ id: 'broken', group: 'fleet', critical: true, title: 't', why: 'w', remedy: 'r', needs: [] },
    look: async () => {
      throw new Error('out of order');
    },
  };
  const fleet = await startGates(1);
  const context = { ...fleet.context, fleet: { ...fleet.context.fleet, accepts: [defect('broken')] } };
  const findings = await runChecks([broken], context);
  await fleet.close();
  expect(findings).toMatchObject([{ verdict: 'unknown', reason: 'the check broke: out of order' }]);
  expect([verdictOf(findings), findings[0]?.accepted]).toEqual(['unknown', undefined]);
});
