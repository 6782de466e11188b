import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Platform } from '../../src/cli/platform.ts';
import { runCli } from '../../src/cli/run.ts';
import { DRILL_FAULTS, DRILL_KINDS, type DrillKind, findFault, parseFault } from '../../src/drill/faults.ts';
import { GAME_DAY_DRILLS, jobsOf } from '../../src/drill/game-day/campaign.ts';
import { CERTIFICATE_FAULTS, FAULTS, GATE_FAULTS } from '../../src/practice/faults.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import type { Cell, Finding } from '../../src/probe/finding.ts';
import { makeWorld } from '../cli/world.ts';
import { printed } from './game-day-fakes.ts';

describe('the faults of a drill', () => {
  it('are those that its practice fleet can have', () => {
    const known = (kind: keyof typeof DRILL_FAULTS) => DRILL_FAULTS[kind].map(({ name }) => name).sort();
    expect([...new Set([...known('keyring-v1'), ...known('mtls')])].sort()).toEqual(Object.keys(FAULTS).sort());
    expect(known('gate-v1')).toEqual(Object.keys(GATE_FAULTS).sort());
  });

  it('of certificates are found where certificates rotate, those of secrets where secrets do', () => {
    const ofOne = (one: DrillKind, other: DrillKind) => {
      const elsewhere = DRILL_FAULTS[other].map(({ name }) => name);
      return DRILL_FAULTS[one].map(({ name }) => name).filter((name) => !elsewhere.includes(name));
    };
    expect(ofOne('mtls', 'keyring-v1').sort()).toEqual(Object.keys(CERTIFICATE_FAULTS).sort());
    expect(ofOne('keyring-v1', 'mtls')).toEqual(['misses-next', 'keeps-old']);
  });

  it.each(DRILL_KINDS)('of %s are each found by a check of that kind, or in the matrix', (kind) => {
    const protocol = kind === 'mtls' ? 'keyring-v1' : kind;
    const checks = checksOf({ protocol, ...(kind === 'mtls' ? { authority: {} } : {}) });
    const known = checks.map(({ id }) => id);
    const proofs = ['accepts.current', 'accepts.next', 'refuses.current', 'ready', 'store.fail-closed'];
    const beside = kind === 'mtls' ? [...proofs, 'certificate.presented', 'session.ended'] : proofs;
    for (const { name, foundBy } of DRILL_FAULTS[kind]) {
      expect([name, foundBy.filter((id) => !known.includes(id) && !beside.includes(id))]).toEqual([name, []]);
      expect(foundBy.length).toBeGreaterThan(0);
    }
  });

  it.each([
    ['slow', undefined, { name: 'slow', target: undefined }],
    ['slow@gate-b', undefined, { name: 'slow', target: 'gate-b' }],
    ['slow@gate-b@gate-c', undefined, { name: 'slow', target: 'gate-b@gate-c' }],
    ['strict-ignored', 'gate-v1', { name: 'strict-ignored', target: undefined }],
    ['no-mtls', 'keyring-v1', { name: 'no-mtls', target: undefined }],
    ['torn-trust', 'mtls', { name: 'torn-trust', target: undefined }],
    ['torn-trust', 'keyring-v1', /^no fault of keyring-v1 is called "torn-trust"; there are memory-store, /],
    ['keeps-old', 'mtls', /^no fault of mtls is called "keeps-old"; there are not-reloaded, /],
    ['strict-ignored', 'keyring-v1', /^no fault of keyring-v1 is called "strict-ignored"; there are memory-store, /],
    ['no-mtls', 'gate-v1', /^no fault of gate-v1 is called "no-mtls"; there are signature-not-required, /],
    ['nonsense', undefined, /^no fault is called "nonsense"; there are /],
    ['', undefined, /^no fault is called ""/],
    ['@gate-a', undefined, /^no fault is called ""/],
    ['Slow', undefined, /^no fault is called "Slow"/],
  ] as const)('"%s" of %s', (text, protocol, wanted) => {
    const parse = () => parseFault(text, protocol === undefined ? undefined : [protocol]);
    if (!(wanted instanceof RegExp)) expect(parse()).toEqual(wanted);
    else
      expect(parse).toThrow(
        expect.objectContaining({ code: 'USAGE', exitCode: 2, message: expect.stringMatching(wanted) }),
      );
  });
});

describe('a fault is found', () => {
  const fault = { name: 'f', does: 'd', foundBy: ['gate.key-id-bound', 'refuses.current'] };
  const finding = (id: string, verdict: Finding['verdict'], target = 'gate-b'): Finding => {
    return { id, verdict, critical: true, target, expected: '', seen: '', samples: 1, ms: 1 };
  };
  const cell = (
    generation: Cell['generation'],
    expected: string,
    verdict: Cell['verdict'],
    replica = 'gate-b',
  ): Cell => {
    return { client: 'a', generation, replica, expected, seen: '', verdict, at: '', ms: 1 };
  };
  it.each<[string, readonly Finding[], readonly Cell[], string | undefined]>([
    ['by a check that fails there', [finding('gate.key-id-bound', 'fail')], [], 'gate.key-id-bound'],
    ['by one that could not be told there', [finding('gate.key-id-bound', 'unknown')], [], 'gate.key-id-bound'],
    ['by no check that passes', [finding('gate.key-id-bound', 'pass')], [], undefined],
    ['by none that does not apply', [finding('gate.key-id-bound', 'not-applicable')], [], undefined],
    ['by none on another gate', [finding('gate.key-id-bound', 'fail', 'gate-a')], [], undefined],
    ['by no other check', [finding('gate.valid-accepted', 'fail')], [], undefined],
    ['by a cell', [], [cell('current', 'AUTH_INVALID_HMAC', 'fail')], 'refuses.current'],
    ['by no cell of the other expectation', [], [cell('current', 'ACCEPTED', 'fail')], undefined],
    ['by no cell of another gate', [], [cell('current', 'AUTH_INVALID_HMAC', 'fail', 'gate-c')], undefined],
  ])('%s', (_, findings, cells, by) => {
    expect(findFault(fault, 'gate-b', { findings, cells })).toBe(by);
  });
});

describe('a game day with named faults', () => {
  const ids = (...faults: readonly string[]) => jobsOf({ faults, all: false }).map(({ id }) => id);
  const plain = GAME_DAY_DRILLS.map(({ name }) => name);

  it.each([
    ['that both drills know', ['slow'], ['signer-hmac-slow', 'gate-hmac-slow']],
    ['that gates alone know', ['strict-ignored'], ['gate-hmac-strict-ignored']],
    ['on a gate', ['slow@gate-c'], ['gate-hmac-slow-on-gate-c']],
    ['on a signer', ['slow@signer-a'], ['signer-hmac-slow-on-signer-a']],
    ['of gates on a signer: nowhere', ['strict-ignored@signer-a'], []],
    ['on a replica that nobody has: nowhere', ['slow@gate-z'], []],
  ])('%s plays them where they can be', (_, faults, wanted) => {
    expect(ids(...faults)).toEqual([...plain, ...wanted]);
  });

  /** A game day that must not come to its drills. */
  function world() {
    const made = makeWorld();
    const orders: (readonly string[])[] = [];
    const platform: Platform = {
      ...made.platform,
      runDrill: async ({ args }) => {
        orders.push(args);
        return { how: 'exit 0', stdout: printed('pass', ['pass']), said: '' };
      },
    };
    return { ...made, orders, run: (...words: string[]) => runCli(words, platform) };
  }

  it.each([
    [['slow@gate-z'], /no drill has a replica for the fault slow@gate-z/],
    [['slow@'], /no drill has a replica for the fault slow@/],
    [['strict-ignored@signer-a'], /no drill has a replica for the fault strict-ignored@signer-a/],
    [['no-mtls@gate-a'], /no drill has a replica for the fault no-mtls@gate-a/],
    [['slow@balancer'], /no drill has a replica for the fault slow@balancer/],
    [['slow@gate-a', 'keeps-old@signer-z'], /no drill has a replica for the fault keeps-old@signer-z/],
    [['nonsense@gate-a'], /no fault is called "nonsense"/],
  ])('%j is refused before anything is played or written', async (faults, says) => {
    const flags = faults.flatMap((fault) => ['--fault', fault]);
    for (const words of [['game-day'], ['game-day', '--dry-run']]) {
      const day = world();
      expect(await day.run(...words, ...flags)).toBe(2);
      expect(day.stderr.text).toMatch(says);
      expect([day.orders, readdirSync(day.cwd)]).toEqual([[], []]);
    }
  });

  it('one that a drill has is played there, and nowhere else', async () => {
    const day = world();
    await day.run('game-day', '--fault', 'revoked-ignored@gate-c');
    expect(day.orders.filter((words) => words.includes('--fault')).map((words) => words.slice(0, 5))).toEqual([
      ['drill', '--runbook', 'gate-hmac', '--fault', 'revoked-ignored@gate-c'],
    ]);
  });
});
