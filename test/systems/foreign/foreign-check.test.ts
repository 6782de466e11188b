import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ForeignFleet, startForeign } from './foreign-fleet.ts';
import type { Ended } from './rotctl-run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let fleet: ForeignFleet;

beforeAll(async () => {
  fleet = await startForeign({ root, clients: false });
}, 60_000);
afterEach(() => {
  for (const replica of [1, 2, 3]) fleet.plant(replica);
});
afterAll(() => fleet?.stop(), 60_000);

/** Targets on which a check came out as given. */
function targets({ result }: Ended, id: string, verdict: string): string[] {
  return result.checks.filter((check) => check.id === id && check.verdict === verdict).map(({ target }) => target);
}

describe('check, on signers that share no line with the practice fleet', () => {
  test('finds nothing wrong where nothing is, twice in a row', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const { code, result } = await fleet.rotctl('check');
      expect(result.checks.filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')).toEqual([]);
      expect([code, result.verdict]).toEqual([0, 'pass']);
    }
  }, 120_000);

  // Faults on three replicas at once: each must be named where it is, and nowhere else.
  const rows: { planted: Record<number, string>; found: Record<string, number[]>; code: number; verdict?: string }[] = [
    {
      planted: { 1: 'past-only', 2: 'empty-secret', 3: 'mtls-optional' },
      found: {
        'clock.window': [1],
        timestamp_skew_rejected: [1],
        'control.empty-key': [2],
        mtls_required_rejected: [3],
      },
      code: 1,
    },
    {
      planted: { 1: 'clock-500ms', 2: 'any-client', 3: 'body-unsigned' },
      found: { 'clock.window': [1], unknown_client_rejected: [2], 'control.tampered-body': [3] },
      code: 1,
    },
    { planted: { 2: 'other-db' }, found: { 'replay.cross-replica': [2], 'replay.same-replica': [] }, code: 1 },
    { planted: { 2: 'memory-nonces' }, found: { 'replay.cross-replica': [2], 'replay.same-replica': [] }, code: 1 },
    { planted: { 2: 'key-with-timestamp' }, found: { replay_nonce_rejected: [2], 'replay.same-replica': [] }, code: 1 },
    {
      planted: { 2: 'ttl-2500ms', 3: 'mtls-handshake' },
      found: { 'replay.window-end': [2], mtls_required_rejected: [] },
      code: 1,
    },
    {
      planted: { 2: 'policy-first', 3: 'all-401' },
      found: { 'control.wrong-secret': [2], valid_hmac_mtls_single_use: [2, 3] },
      code: 1,
    },
    {
      planted: { 2: 'html-200' },
      found: { valid_hmac_mtls_single_use: [2], 'control.wrong-secret': [2] },
      code: 12,
      verdict: 'unknown',
    },
  ];
  test.each(rows)(
    'names each replica that is wrong: $planted',
    async ({ planted, found, code, verdict = 'fail' }) => {
      for (const [replica, fault] of Object.entries(planted)) fleet.plant(Number(replica), fault);
      const ended = await fleet.rotctl('check');
      const seen = Object.keys(found).map((id) => [id, targets(ended, id, verdict)]);
      expect(seen).toEqual(Object.entries(found).map(([id, replicas]) => [id, replicas.map((n) => `signer-${n}`)]));
      expect([ended.code, ended.result.verdict]).toEqual([code, verdict]);
    },
    60_000,
  );

  test('lets no two copies of one request through a store that looks first and writes later', async () => {
    fleet.plant(2, 'get-sleep-set');
    const ended = await fleet.rotctl('check');
    expect(ended.code).toBe(1);
    expect(targets(ended, 'replay.concurrent', 'fail')).toContain('signer-2');
  }, 60_000);
});
