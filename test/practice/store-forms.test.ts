import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { eventually } from '../support/until.ts';
import { freshNonce, shoot } from './caller.ts';
import { startFleet, type TestFleet } from './harness.ts';

let fleet: TestFleet | undefined;
afterEach(() => fleet?.stop());

const SIGNERS = ['signer-a', 'signer-b', 'signer-c'] as const;

async function start(store: string): Promise<(target: string, nonce?: string, timestamp?: string) => Promise<string>> {
  const started = await startFleet('--store', store);
  fleet = started;
  return async (target, nonce = freshNonce(), timestamp = String(Date.now())) =>
    (await shoot(started, target, { nonce, timestamp })).code;
}

async function turn(...words: string[]): Promise<void> {
  expect(await fleet?.ctl('store', ...words), words.join(' ')).toEqual({ code: 0, stdout: '', stderr: '' });
}

/** The fleet file's own `store`, read as rotctl reads it. */
function declared() {
  const file = fleet?.ready.fleetFile ?? '';
  return readFleet(readFileSync(file, 'utf8'), file).store;
}

describe('the stores of several processes', () => {
  it('sentinel: after each of two fail-overs signers accept again, at the new primary', async () => {
    const code = await start('sentinel');
    expect(declared()).toMatchObject({ form: 'sentinel', primary: 'practice', user: 'rotctl' });
    for (const target of ['signer-a', 'signer-c']) {
      expect(await code(target)).toBe('POLICY_SELECTOR_DENIED');
      await turn('failover');
      for (const each of SIGNERS) {
        await eventually(`${each} accepts`, async () => (await code(each)) === 'POLICY_SELECTOR_DENIED');
      }
    }
  }, 90_000);

  it('cluster: a nonce is taken once, on whichever node; without one of them requests are refused', async () => {
    const code = await start('cluster');
    expect(declared()).toMatchObject({ form: 'cluster', nodes: { length: 3 } });
    for (let n = 0; n < 8; n += 1) {
      // A signer on a busy machine may wait for the store for longer than it has.
      const nonce = await eventually('a nonce to be taken', async () => {
        const fresh = freshNonce();
        return (await code(SIGNERS[n % 3] ?? '', fresh)) === 'POLICY_SELECTOR_DENIED' && fresh;
      });
      const again = await eventually('an answer', async () => {
        const said = await code(SIGNERS[(n + 1) % 3] ?? '', nonce);
        return said !== 'SIGNER_UNAVAILABLE' && said;
      });
      expect(again).toBe('REPLAY_NONCE_USED');
    }
    await turn('stop', 'store-b');
    await eventually('refused', async () => (await code('signer-a')) === 'SIGNER_UNAVAILABLE');
    await turn('start');
    await eventually('accepted', async () => (await code('signer-a')) === 'POLICY_SELECTOR_DENIED');
    expect((await fleet?.ctl('store', 'failover'))?.stderr).toContain('no replicas to fail over to');
  }, 60_000);

  it('standalone: without persistence a restart forgets', async () => {
    const code = await start('standalone');
    const [nonce, timestamp] = [freshNonce(), String(Date.now() + 1500)];
    expect(await code('signer-a', nonce, timestamp)).toBe('POLICY_SELECTOR_DENIED');
    await turn('restart');
    await eventually('forgotten', async () => (await code('signer-a', nonce, timestamp)) === 'POLICY_SELECTOR_DENIED');
  }, 60_000);
});
