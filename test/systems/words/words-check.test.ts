import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Ended } from '../foreign/rotctl-run.ts';
import { startWords, type WordsFleet } from './words-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The checks that came out otherwise than well, with their targets. */
function bad({ result }: Ended, ...ids: string[]): string[] {
  return result.checks
    .filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
    .filter(({ id }) => ids.length === 0 || ids.includes(id))
    .map(({ id, verdict, target }) => `${verdict} ${id} ${target}`);
}

describe('check, on signers that answer in words and refuse certificates in the handshake', () => {
  let fleet: WordsFleet;
  beforeAll(async () => {
    fleet = await startWords(root);
  }, 60_000);
  afterEach(() => {
    for (const replica of [1, 2, 3]) fleet.plant(replica);
  });
  afterAll(() => fleet?.stop(), 60_000);

  test('finds nothing wrong where nothing is', async () => {
    const ended = await fleet.rotctl('check');
    expect(bad(ended)).toEqual([]);
    expect([ended.code, ended.result.verdict]).toEqual([0, 'pass']);
  }, 120_000);

  test('says where a nonce is used up for all client ids, and finds nothing wrong once that is declared', async () => {
    for (const replica of [1, 2, 3]) fleet.plant(replica, 'global-nonces');
    const ended = await fleet.rotctl('check');
    expect(bad(ended)).toEqual([1, 2, 3].map((n) => `fail replay.nonce-owner signer-${n}`));
    const file = join(fleet.home, 'rotctl.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('replay: {', 'replay: { nonceKey: global,'));
    const again = await fleet.rotctl('check');
    writeFileSync(file, text);
    expect([again.code, bad(again)]).toEqual([0, []]);
  }, 120_000);

  test('lets an unknown client pass whose text is that of a bad signature, and not where a file is taken to the letter', async () => {
    for (const replica of [1, 2, 3]) fleet.plant(replica, 'one-text');
    const file = join(fleet.home, 'rotctl.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/^.*outcome: AUTH_INVALID_CLIENT.*\n/m, ''));
    const ended = await fleet.rotctl('check');
    const strict = await fleet.rotctl('check', '--vectors', join(root, 'spec/signer-auth-v1.json'));
    writeFileSync(file, text);
    expect([ended.code, bad(ended)]).toEqual([0, []]);
    const failed = [1, 2, 3].map((n) => `fail unknown_client_rejected signer-${n}`);
    expect(bad(strict, 'unknown_client_rejected')).toEqual(failed);
  }, 120_000);

  test('names each replica with what is wrong there, and what asks for no certificate', async () => {
    fleet.plant(1, 'accepts-anything');
    fleet.plant(2, 'any-client', 'no-certificates');
    fleet.plant(3, 'own-nonces');
    await fleet.ctl('restart', 'signer-2');
    const ended = await fleet.rotctl('check');
    fleet.plant(2);
    await fleet.ctl('restart', 'signer-2');
    const found = ['control.wrong-secret', 'unknown_client_rejected', 'mtls_required_rejected'].flatMap((id) =>
      bad(ended, id).filter((line) => line.startsWith('fail')),
    );
    expect(found).toContain('fail control.wrong-secret signer-1');
    expect(found).toContain('fail unknown_client_rejected signer-2');
    expect(found).toContain('fail mtls_required_rejected signer-2');
    expect(bad(ended, 'replay.cross-replica')).toContain('fail replay.cross-replica signer-3');
    expect(ended.code).toBe(1);
  }, 60_000);
});
