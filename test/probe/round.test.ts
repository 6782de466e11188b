import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { askOracle, burn } from '../../src/probe/oracle.ts';
import type { ProbeResult } from '../../src/probe/prober.ts';
import { type Expected, round } from '../../src/probe/round.ts';
import { judgeRound, type Seen } from '../../src/probe/round-verdict.ts';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import { MiniStore, SECRETS } from '../support/mini-signer.ts';
import { startFleet, type TestFleet } from './harness.ts';

function result(code: OutcomeCode, peer = 'p1'): ProbeResult {
  return { outcome: { code, reason: `got ${code}` }, nonce: 'n', timestamp: '1', at: 0, ms: 1, peer };
}

function seen(generation: Seen['generation'], expected: Seen['expect'], ...codes: OutcomeCode[]): Seen {
  return { generation, expect: expected, results: codes.map((code) => result(code)) };
}

const next = (...codes: OutcomeCode[]): Seen => seen('next', 'ACCEPTED', ...codes);
const old = (...codes: OutcomeCode[]): Seen => seen('current', 'AUTH_INVALID_HMAC', ...codes);
const wrong = (...codes: OutcomeCode[]): Seen => seen('wrong', 'AUTH_INVALID_HMAC', ...codes);
const HMAC = 'AUTH_INVALID_HMAC';

/** What was seen, and the verdicts of `next` (to be accepted), `wrong`, `current` (to be refused). */
const ROUNDS: readonly [string, readonly Seen[], readonly string[]][] = [
  ['all as it should be', [next('ACCEPTED'), wrong(HMAC), old(HMAC, HMAC, HMAC)], ['pass', 'pass', 'pass']],
  ['a signer that checks nothing', [next('ACCEPTED'), wrong('ACCEPTED'), old('ACCEPTED')], ['fail', 'fail', 'fail']],
  [
    'the old secret accepted on the third try',
    [next('ACCEPTED'), wrong(HMAC), old(HMAC, HMAC, 'ACCEPTED')],
    ['pass', 'pass', 'fail'],
  ],
  ['both refused: a lock-out', [next(HMAC), wrong(HMAC), old(HMAC)], ['fail', 'unknown', 'unknown']],
  [
    'the client unknown',
    [next('AUTH_INVALID_CLIENT'), wrong('AUTH_INVALID_CLIENT'), old('AUTH_INVALID_CLIENT')],
    ['fail', 'unknown', 'unknown'],
  ],
  [
    'a clock that is off',
    [next('AUTH_TIMESTAMP_SKEW'), wrong('AUTH_TIMESTAMP_SKEW'), old(HMAC)],
    ['unknown', 'unknown', 'unknown'],
  ],
  ['the control unanswered', [next('ACCEPTED'), wrong('UNKNOWN'), old(HMAC)], ['unknown', 'unknown', 'pass']],
  ['the store down', [next('STORE_FAILED'), wrong(HMAC), old(HMAC)], ['unknown', 'unknown', 'unknown']],
  [
    'the old secret’s fresh nonce called used',
    [next('ACCEPTED'), wrong(HMAC), old('REPLAY_NONCE_USED')],
    ['pass', 'pass', 'unknown'],
  ],
  ['no answer at all', [next('UNKNOWN'), wrong('UNKNOWN'), old('UNKNOWN')], ['unknown', 'unknown', 'unknown']],
  ['no control sent', [next('ACCEPTED'), old(HMAC)], ['unknown', 'pass']],
  ['nothing expected to be accepted', [wrong(HMAC), old(HMAC, HMAC, HMAC)], ['unknown', 'unknown']],
  ['nothing sent', [next(), wrong(), old()], ['unknown', 'unknown', 'unknown']],
];

describe('the answers of a round, judged together', () => {
  it.each(ROUNDS)('%s', (_what, round, verdicts) => {
    const cells = judgeRound('client-a', 'signer-a', round);
    expect(cells.map(({ verdict }) => verdict)).toEqual(verdicts);
    for (const { verdict, reason } of cells) expect(reason === undefined).toBe(verdict === 'pass');
  });

  it('two certificates in one round prove nothing', () => {
    const [good, bad, gone] = [next('ACCEPTED'), wrong(HMAC), old(HMAC)];
    const other: Seen = { ...gone, results: [result(HMAC, 'p2')] };
    const cells = judgeRound('client-a', 'signer-a', [good, bad, other]);
    expect(cells.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown', 'unknown']);
    expect(cells[0]?.reason).toMatch(/2 certificates answered within one round/);
  });
});

describe('against real signers', () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await startFleet(2);
  });
  afterAll(() => fleet.close());
  beforeEach(() => fleet.repair());

  const current = Secret.fromText(SECRETS.current);
  const nextSecret = Secret.fromText(SECRETS.next);
  const overlap: Expected[] = [
    { generation: 'current', secret: current, expect: 'ACCEPTED' },
    { generation: 'next', secret: nextSecret, expect: 'ACCEPTED' },
  ];
  const retired: Expected[] = [
    { generation: 'current', secret: current, expect: HMAC },
    { generation: 'next', secret: nextSecret, expect: 'ACCEPTED' },
  ];

  async function rounds(secrets: Expected[]): Promise<string[]> {
    const lines: string[] = [];
    for (const replica of fleet.context.fleet.replicas) {
      const cells = await round(fleet.context, replica, [{ id: 'client-a', secrets }]);
      lines.push(...cells.map((cell) => `${cell.replica} ${cell.generation} ${cell.seen} ${cell.verdict}`));
    }
    return lines;
  }

  it('an overlap that one replica has missed', async () => {
    const [a] = fleet.signers;
    if (a !== undefined) a.knobs.clients = { 'client-a': [SECRETS.current, SECRETS.next] };
    expect(await rounds(overlap)).toEqual([
      'signer-a current ACCEPTED pass',
      'signer-a next ACCEPTED pass',
      `signer-a wrong ${HMAC} pass`,
      'signer-b current ACCEPTED pass',
      `signer-b next ${HMAC} fail`,
      `signer-b wrong ${HMAC} pass`,
    ]);
  });

  it('of two workers behind one port one has missed it: asked once it may pass, asked three times it does not', async () => {
    const [a] = fleet.context.fleet.replicas;
    const knobs = fleet.signers[0]?.knobs;
    if (a === undefined || knobs === undefined) throw new Error('no replica');
    const loaded = { 'client-a': [SECRETS.current, SECRETS.next] };
    const ask = async (acceptTries: number) => {
      Object.assign(knobs, { clients: loaded, stale: { 'client-a': [SECRETS.current] } });
      const secrets = overlap.filter(({ generation }) => generation === 'next');
      return (await round(fleet.context, a, [{ id: 'client-a', secrets }], { acceptTries }))[0];
    };
    expect(await ask(1)).toMatchObject({ generation: 'next', verdict: 'pass' });
    expect(await ask(3)).toMatchObject({
      generation: 'next',
      verdict: 'fail',
      seen: HMAC,
      reason: /on try 2, after it was accepted: more than one process/,
    });
    knobs.stale = undefined;
    knobs.clients = loaded;
    const before = fleet.signers[0]?.requests() ?? 0;
    const cells = await round(fleet.context, a, [{ id: 'client-a', secrets: overlap }], { acceptTries: 3 });
    expect(cells.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
    expect((fleet.signers[0]?.requests() ?? 0) - before).toBe(7);
  });

  it('a retirement that one replica has missed, and one that refuses everything', async () => {
    const [a, b] = fleet.signers;
    if (a !== undefined) a.knobs.clients = { 'client-a': [SECRETS.current, SECRETS.next] };
    if (b !== undefined) b.knobs.clients = { 'client-a': [SECRETS.other] };
    expect(await rounds(retired)).toEqual([
      'signer-a next ACCEPTED pass',
      `signer-a wrong ${HMAC} pass`,
      'signer-a current ACCEPTED fail',
      `signer-b next ${HMAC} fail`,
      `signer-b wrong ${HMAC} unknown`,
      `signer-b current ${HMAC} unknown`,
    ]);
  });

  it('a replica that is gone is unknown throughout', async () => {
    const gone = await startFleet(1);
    await gone.close();
    const [replica] = gone.context.fleet.replicas;
    if (replica === undefined) throw new Error('no replica');
    const cells = await round(fleet.context, replica, [{ id: 'client-a', secrets: retired }]);
    expect(cells.map(({ verdict, seen: code }) => `${code} ${verdict}`)).toEqual(Array(3).fill('UNKNOWN unknown'));
  });

  it('a burned nonce tells who accepts what, and burns nothing more', async () => {
    const [a, b] = fleet.context.fleet.replicas;
    if (a === undefined || b === undefined) throw new Error('no replicas');
    const { burned } = await burn(fleet.context, a, { client: 'client-a', secret: current });
    if (burned === undefined) throw new Error('not burned');
    const ask = async (secret: Secret) => (await askOracle(fleet.context, b, burned, secret)).answer;
    expect([await ask(current), await ask(nextSecret), await ask(current)]).toEqual(['accepts', 'refuses', 'accepts']);
    const { knobs } = fleet.signers[1] ?? {};
    if (knobs !== undefined) knobs.store = new MiniStore();
    expect(await ask(current)).toBe('accepts-unshared');
  });
});
