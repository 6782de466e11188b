import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { macOf, reveal, Secret } from '../../src/credential/secret.ts';
import { type SignerCommand, Signers } from '../../src/credential/signer.ts';
import { judgeCurrent, judgeNext } from '../../src/credential/strength.ts';
import { createSecretCommands } from '../../src/system/secret-commands.ts';
import { ownFolder } from './real-files.ts';

const SUPPORT = new URL('../support/', import.meta.url).pathname;
const CURRENT = Secret.fromText('test-current-key-0123456789abcdef0123456789');
const NEXT = Secret.fromText('test-next-key-0123456789abcdef0123456789abcd');
const text = (secret: Secret) => reveal(secret).toString('utf8');
const hexOf = (secret: Secret) => reveal(secret).toString('hex');
const MESSAGE = `1770984000750.${'0'.repeat(32)}.POST./v1/sign.\u00e9`;

const commands = createSecretCommands((said) => said, '/');
const signers = new Signers(commands);
const base: Omit<SignerCommand, 'command'> = {
  encoding: 'hex',
  mode: 'once',
  deadlineMs: 10_000,
  atOnce: 4,
  pass: [],
  keyIds: {},
  create: undefined,
};
const name = { client: 'wallet', generation: 'current' } as const;
let keys = '';

beforeAll(() => {
  // A test of its own key: openssl takes one in its arguments, where a real signer must not have it.
  execFileSync('openssl', ['version']);
});

async function keyFile(): Promise<string> {
  keys = join(await ownFolder(), 'keys.json');
  writeFileSync(keys, JSON.stringify({ wallet: { current: text(CURRENT), next: text(NEXT) } }), { mode: 0o600 });
  return keys;
}

describe('a key that a signer holds', () => {
  const holders: readonly (readonly [what: string, signer: (file: string) => SignerCommand])[] = [
    [
      'openssl dgst',
      () => ({
        ...base,
        command: ['openssl', 'dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hexOf(CURRENT)}`],
      }),
    ],
    [
      'openssl dgst -r',
      () => ({
        ...base,
        command: ['openssl', 'dgst', '-r', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hexOf(CURRENT)}`],
      }),
    ],
    [
      'a program, in hex',
      (file) => ({
        ...base,
        command: [process.execPath, `${SUPPORT}key-holder.mjs`, file, 'mac', '{client}', '{generation}'],
      }),
    ],
    [
      'a program that is kept running',
      (file) => ({
        ...base,
        mode: 'lines',
        command: [process.execPath, `${SUPPORT}key-holder.mjs`, file, 'lines', '{client}', '{generation}'],
      }),
    ],
    [
      'a program that prints as Vault does',
      (file) => ({
        ...base,
        encoding: 'base64',
        command: ['python3', `${SUPPORT}key-holder.py`, file, '{client}', '{generation}'],
      }),
    ],
  ];

  it.each(holders)('signs as the key itself does, and has its fingerprint: %s', async (_, signer) => {
    const held = await signers.held(signer(await keyFile()), name);
    expect(held.fingerprint).toBe(CURRENT.fingerprint);
    expect(await macOf(held, MESSAGE)).toEqual(createHmac('sha256', reveal(CURRENT)).update(MESSAGE).digest());
    expect([held.signsLike(CURRENT), CURRENT.signsLike(held), held.signsLike(NEXT)]).toEqual([true, true, false]);
    signers.end();
  });

  it('has no bytes here: it cannot be opened, and is judged by its name', async () => {
    const file = await keyFile();
    const command = ['python3', `${SUPPORT}key-holder.py`, file, '{client}', '{generation}'];
    const held = await signers.held({ ...base, encoding: 'base64', command }, { ...name, generation: 'next' });
    expect(() => reveal(held)).toThrow(expect.objectContaining({ code: 'SECRET_REFUSED' }));
    expect(`${held}`).toBe(`[secret ${NEXT.fingerprint}]`);
    expect(judgeCurrent(held)).toEqual([]);
    const neighbours = { current: NEXT, retired: [NEXT.fingerprint], others: [['other', NEXT]] as const };
    expect(judgeNext(held, neighbours).map(({ message }) => message)).toEqual([
      'it signs like the current secret',
      'it was retired before',
      'client other has the same',
    ]);
  });

  it('signs many at once, and no more processes run than are allowed', async () => {
    const folder = await ownFolder();
    // A folder for each that runs: making and removing one cannot be lost, as lines in a file can.
    const script = `mkdir -p ${folder}/running/$$; ls ${folder}/running | wc -l >> ${folder}/most; sleep 0.1; openssl dgst -sha256 -mac HMAC -macopt hexkey:${hexOf(CURRENT)}; rmdir ${folder}/running/$$`;
    const two = await signers.held({ ...base, atOnce: 2, command: ['sh', '-c', script] }, name);
    const macs = await Promise.all(Array.from({ length: 6 }, (_, n) => macOf(two, `${n}`)));
    expect(macs.map((mac) => mac.toString('hex'))).toEqual(
      macs.map((_, n) => createHmac('sha256', reveal(CURRENT)).update(`${n}`).digest('hex')),
    );
    const most = execFileSync('sort', ['-n', `${folder}/most`])
      .toString()
      .trim()
      .split('\n')
      .map(Number);
    expect(Math.max(...most)).toBeLessThanOrEqual(2);
  });

  const broken: readonly (readonly [what: string, command: readonly string[], message: RegExp])[] = [
    ['that answers all alike', ['echo', 'ab'.repeat(32)], /answers two messages with the same MAC/],
    ['that answers with no MAC', ['echo', 'ok'], /answered with no HMAC-SHA256 in hex/],
    ['that answers with a short one', ['echo', 'ab'.repeat(20)], /answered with no HMAC-SHA256 in hex/],
    ['that answers with two', ['echo', 'ab'.repeat(32), 'cd'.repeat(32)], /answered with more than one HMAC-SHA256/],
    ['that fails', ['sh', '-c', 'echo sealed >&2; exit 2'], /sh: exit 2: sealed/],
    ['that hangs', ['sleep', '60'], /sleep: no answer within 300 ms/],
    ['that is not there', ['no-such-signer'], /no-such-signer: could not be started/],
  ];
  it.each(broken)('is unavailable from one %s', async (_, command, message) => {
    await expect(
      signers.held({ ...base, command, deadlineMs: command[0] === 'sleep' ? 300 : 10_000 }, name),
    ).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
  });

  it('is asked for by its id, which must be known', async () => {
    const signer = { ...base, command: ['echo', '{keyId}'] };
    await expect(signers.held(signer, { ...name, generation: 'next' })).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      hint: expect.stringMatching(/signer\.keyIds\.next in the fleet file, or have signer\.create print it/),
    });
  });
});

describe('a key that a signer makes', () => {
  const create = (...command: string[]) => signers.create({ ...base, command: [] }, command, 'wallet');

  it.each([
    [['echo', 'transit/wallet:4'], 'transit/wallet:4'],
    [['true'], undefined],
    [['echo', '{client}-next'], 'wallet-next'],
  ])('%j has the id %j', async (command, id) => {
    expect(await create(...command)).toBe(id);
  });

  it.each([[['printf', 'one\ntwo']], [['echo', 'a key with spaces']]])(
    '%j is no id, and is not shown',
    async (command) => {
      const error = await create(...command).catch((caught: unknown) => caught);
      expect(error).toMatchObject({
        code: 'SECRET_UNAVAILABLE',
        message: 'signer.create of wallet printed what is no key id',
      });
    },
  );
});
