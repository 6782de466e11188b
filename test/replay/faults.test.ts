import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReplayFleet, startReplayFleet } from '../support/replay-fleet.ts';
import type { Found } from '../systems/foreign/rotctl-run.ts';

const [A, B] = [{ name: 'sound-a' }, { name: 'sound-b' }];
/** Every signer of one fleet, most of them broken in one way each. */
const BROKEN = [
  { name: 'memory', fault: 'memory' },
  { name: 'other-db', db: 1 },
  { name: 'other-prefix', fault: 'other-prefix' },
  { name: 'get-then-set', fault: 'get-then-set' },
  { name: 'exists-then-setex', fault: 'exists-then-setex' },
  { name: 'short-ttl', fault: 'short-ttl' },
  { name: 'fail-open', fault: 'fail-open' },
  { name: 'clock-off', clockOffsetMs: 2500 },
  { name: 'writable-copy', store: 1 },
  { name: 'trims', fault: 'trims' },
  { name: 'folds-case', fault: 'folds-case' },
  { name: 'folds-client', fault: 'folds-client' },
  { name: 'escapes', fault: 'escapes' },
  { name: 'global-key', fault: 'global-key' },
  { name: 'unbounded', fault: 'unbounded' },
];

type Named = Found & { readonly hazards?: readonly string[] };

describe('one run of verify-replay on independent signers of which most are broken', () => {
  let fleet: ReplayFleet;
  let checks: readonly Named[] = [];
  let code: number | null = null;
  beforeAll(async () => {
    fleet = await startReplayFleet({
      signers: [A, B, ...BROKEN],
      redis: [[], ['--replicaof', '127.0.0.1', 'redis:0', '--replica-read-only', 'no']],
      ...{ maxAgeMs: 4000, ttlMs: 10_500, clockErrorMs: 900 },
    });
    const ended = await fleet.rotctl('verify-replay');
    ({ checks } = ended.result);
    code = ended.code;
  }, 180_000);
  afterAll(() => fleet?.stop());

  it('ends with 1', () => expect(code).toBe(1));

  it.each([
    ['memory', 'replay.cross-replica', 'fail', 'H11'],
    ['other-db', 'replay.cross-replica', 'fail', 'H10'],
    ['other-prefix', 'replay.cross-replica', 'fail', 'H10'],
    ['get-then-set', 'replay.concurrent', 'fail', 'H12'],
    ['exists-then-setex', 'replay.concurrent', 'fail', 'H12'],
    ['short-ttl', 'replay.window-end', 'fail', 'H1'],
    ['fail-open', 'replay.same-replica', 'fail', 'fail-open'],
    ['clock-off', 'clock.window', 'fail', 'H9'],
    ['writable-copy', 'replay.cross-replica', 'fail', 'H14'],
    ['trims', 'replay.nonce-spelling', 'fail', 'H20'],
    ['folds-case', 'replay.nonce-spelling', 'fail', 'H20'],
    ['folds-client', 'replay.nonce-spelling', 'fail', 'H20'],
    ['escapes', 'replay.key-function', 'fail', 'H20'],
    ['global-key', 'replay.nonce-owner', 'fail', 'H21'],
    ['unbounded', 'replay.nonce-bounded', 'unknown', 'H22'],
  ])('finds %s by %s: %s, and names %s', (target, id, verdict, hazard) => {
    const found = checks.find((one) => one.target === target && one.id === id);
    expect([found?.verdict, found?.hazards]).toEqual([verdict, expect.arrayContaining([hazard])]);
  });

  it.each([A.name, B.name])('finds nothing wrong with %s', (name) => {
    const bad = checks.filter(
      ({ target, verdict }) => target === name && (verdict === 'fail' || verdict === 'unknown'),
    );
    expect(bad).toEqual([]);
  });
});
