import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { createVault } from '../../src/credential/vault.ts';
import { SessionKeeper } from '../../src/runner/certificates/sessions.ts';
import { ownFolder, realFiles } from '../credential/real-files.ts';
import { type TestGeneration, testGeneration } from '../support/generations.ts';
import { type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { sessionTools } from '../support/session-tools.ts';

const SEALED = 'r-1.sessions.age';
let current: TestGeneration;
let next: TestGeneration;
let tools: ReturnType<typeof sessionTools>;
let signer: MiniSigner;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [current, next] = [await testGeneration('current'), await testGeneration('next')];
  const ca = current.authority.cert + next.authority.cert;
  tools = sessionTools(ca);
  const pki = { ca: current.authority.cert, client: current.authority, server: current.server };
  signer = await miniSigner('signer', pki, soundKnobs(new MiniStore()));
  signer.setTls({ ca });
  close.push(
    () => tools.close(),
    () => signer.close(),
  );
});
afterAll(async () => {
  for (const each of close) await each();
});

/** A vault of the test's own, and keepers as one process after the other would have them. */
async function standing() {
  const folder = join(await ownFolder(), 'vault');
  const keeper = () =>
    new SessionKeeper({
      tools,
      vault: createVault(folder, { files: realFiles() }),
      rotation: 'r-1',
      replicas: [signer],
      identities: { current: current.identity, next: next.identity },
      client: { client: 'client-a', secret: Secret.fromText(SECRETS.current) },
    });
  return { keeper, sealed: async () => (await readdir(folder)).includes(SEALED) };
}

describe('sessions that are sealed for a rotation', () => {
  it.each(['retiring', 'closing'] as const)(
    'are tried by another process while the rotation is %s, and destroyed when that is over',
    async (phase) => {
      const generation = phase === 'retiring' ? 'current' : 'next';
      const { keeper, sealed } = await standing();
      const killed = keeper();
      await killed.open(phase);
      expect(await sealed()).toBe(true);
      const resumed = keeper();
      expect((await resumed.prove(generation)).findings).toMatchObject([
        { id: 'session.ended', verdict: 'fail', reason: expect.stringContaining('resumed and served') },
      ]);
      await resumed.forget(phase);
      expect(await sealed()).toBe(false);
      await resumed.forget(phase);
      await keeper().forget(phase);
      expect(await keeper().prove(generation)).toMatchObject({ verdict: 'unknown' });
      await killed.forget(phase);
    },
  );

  it('are left for the phase after one that does not try them last', async () => {
    const { keeper, sealed } = await standing();
    const one = keeper();
    await one.open('returning');
    await one.forget('returning');
    expect(await sealed()).toBe(true);
    await one.forget('closing');
    expect(await sealed()).toBe(false);
  });
});
