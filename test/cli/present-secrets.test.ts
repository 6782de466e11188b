import { describe, expect, it } from 'vitest';
import { gateAccess } from '../../src/cli/deploys.ts';
import { readPresent } from '../../src/cli/present-secrets.ts';
import { Secret } from '../../src/credential/secret.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { gatesOnDisk, TEXTS, type Variables } from '../runner/gate-parties.ts';
import { noSigners, onlySources } from '../support/secret-sources.ts';

const files = privateFiles();
const unexpected = () => Promise.reject(new Error('neither a command nor the driver of signers is expected'));
const ports = { files, commands: { run: unexpected, ask: unexpected, runnable: unexpected }, cwd: '/' };
const driver = { readSigning: unexpected };
const current = Secret.fromText(TEXTS.current);

/** What is read of two services, of which the first has these variables, and the key id that its secret has then. */
async function present(langgraph: Variables, wanted = ['langgraph', 'scheduler'], known?: string) {
  const place = await gatesOnDisk();
  await place.put('langgraph', langgraph);
  const gate = gateAccess(place.fleet, ports);
  if (gate === undefined) throw new Error('a fleet of gates');
  if (known !== undefined) gate.keyIds.learn(current, known);
  const found = await readPresent(place.fleet, wanted, { gate, driver, sources: onlySources({}), signers: noSigners });
  return { found, keyId: gate.keyIds.of(current) };
}

describe('the present secrets of signing services', () => {
  it.each<[string, Variables, string | undefined, string]>([
    ['without a key id is under the default', {}, undefined, 'v1'],
    ['with an empty key id is under the default', { keyId: '' }, undefined, 'v1'],
    ['is under the key id of its service', { keyId: 'k-7' }, undefined, 'k-7'],
    ['keeps the key id that a rotation gave it', { keyId: 'k-7' }, 'k-own', 'k-own'],
  ])('one %s', async (_, variables, known, keyId) => {
    const seen = await present(variables, undefined, known);
    expect([...seen.found].map(([id, secret]) => [id, secret.signsLike(current)])).toEqual([
      ['langgraph', true],
      ['scheduler', true],
    ]);
    expect(seen.keyId).toBe(keyId);
  });

  it('are read of those that are wanted, in the order of the fleet file', async () => {
    expect([...(await present({}, ['scheduler'])).found.keys()]).toEqual(['scheduler']);
    expect([...(await present({}, ['scheduler', 'langgraph'])).found.keys()]).toEqual(['langgraph', 'scheduler']);
    expect([...(await present({ secret: '' }, ['scheduler'])).found.keys()]).toEqual(['scheduler']);
  });

  it('that are empty are refused, with the file', async () => {
    await expect(present({ secret: '' })).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      message: 'langgraph has no secret',
      at: { file: expect.stringMatching(/services\/langgraph\.env$/) },
    });
  });

  it('have no gate’s driver in a fleet of signers', () => {
    expect(gateAccess({ protocol: 'keyring-v1' }, ports)).toBeUndefined();
  });
});
