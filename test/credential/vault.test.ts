import { readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as age from 'age-encryption';
import { describe, expect, it } from 'vitest';
import type { VaultFiles } from '../../src/credential/ports.ts';
import { macOf, Secret } from '../../src/credential/secret.ts';
import { createVault } from '../../src/credential/vault.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import { ownFolder, realFiles } from './real-files.ts';

const CURRENT = 'CANARY-current-7f3a9c1e5b2d4f60aa';
const NEXT = 'CANARY-next-00c3d5e7f9a1b2c4d6e8';
const MATERIAL = {
  'client-a': { current: Secret.fromText(CURRENT), next: Secret.fromText(NEXT) },
  'client-b': { current: Secret.fromBytes(Buffer.from([0xff, 0x00, 0x80])) },
};

async function ownVault(files: VaultFiles = realFiles()) {
  const folder = join(await ownFolder(), 'vault');
  return { folder, vault: createVault(folder, { files }) };
}

function fingerprints(material: Awaited<ReturnType<ReturnType<typeof createVault>['open']>>) {
  return Object.fromEntries(
    Object.entries(material ?? {}).map(([client, { current, next }]) => [
      client,
      [current?.fingerprint, next?.fingerprint],
    ]),
  );
}

async function everythingIn(folder: string): Promise<string> {
  const names = await readdir(folder);
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
  return [...names, ...contents].join('\n');
}

describe('a vault', () => {
  it('opens what it sealed, byte for byte', async () => {
    const { vault } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    expect(fingerprints(await vault.open('r-1'))).toEqual(fingerprints(MATERIAL));
  });

  it('forgets what a crash or a finished rotation has left, and records none of it as retired', async () => {
    const { folder, vault } = await ownVault();
    for (const rotation of ['r-1', 'r-1.sessions', 'r-2', 'r-3']) await vault.seal(rotation, MATERIAL);
    await vault.forgetRotations(['r-1', 'r-3', 'r-9']);
    // Another fleet may have sealed the rest.
    expect((await readdir(folder)).filter((name) => name.endsWith('.age'))).toEqual(['r-2.age']);
    expect([...(await vault.retiredFingerprints())]).toEqual([]);
  });

  it('has nothing for a rotation that was never sealed, and makes no folder for asking', async () => {
    const { vault, folder } = await ownVault();
    expect(await vault.open('r-1')).toBeUndefined();
    expect(await vault.retiredFingerprints()).toEqual(new Set());
    await vault.destroy('r-1', 'current');
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('writes armored age files that the standard format opens with the identity in the folder', async () => {
    const { vault, folder } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    const armored = await readFile(join(folder, 'r-1.age'), 'utf8');
    expect(armored).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    const sealed = age.armor.decode(armored);
    expect(Buffer.from(sealed).toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> X25519 /);
    const decrypter = new age.Decrypter();
    decrypter.addIdentity((await readFile(join(folder, 'identity.txt'), 'utf8')).trim());
    expect(await decrypter.decrypt(sealed, 'text')).toContain(Buffer.from(CURRENT).toString('base64'));
  });

  it('keeps its folder 0700 and its files 0600, and no secret in plain text in any spelling', async () => {
    const { vault, folder } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    await vault.destroy('r-1', 'current');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    const disk = await everythingIn(folder);
    for (const secret of [CURRENT, NEXT]) {
      for (const spelling of [
        secret,
        Buffer.from(secret).toString('base64'),
        Buffer.from(secret).toString('hex'),
        secret.slice(-8),
      ]) {
        expect(disk).not.toContain(spelling);
      }
    }
  });

  it('makes its identity once', async () => {
    const { vault, folder } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    const identity = await readFile(join(folder, 'identity.txt'), 'utf8');
    await vault.seal('r-2', MATERIAL);
    await vault.seal('r-1', MATERIAL);
    expect(await readFile(join(folder, 'identity.txt'), 'utf8')).toBe(identity);
    expect(fingerprints(await vault.open('r-2'))).toEqual(fingerprints(MATERIAL));
  });

  it.each(['../x', 'a/b', '', '.hidden', 'a\nb'])('refuses the rotation id %j as a file name', async (id) => {
    const { vault } = await ownVault();
    await expect(vault.seal(id, MATERIAL)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('destroying a generation', () => {
  it('leaves the other one, and remembers the fingerprints of what is gone', async () => {
    const { vault } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    await vault.destroy('r-1', 'current');
    expect(fingerprints(await vault.open('r-1'))).toEqual({
      'client-a': [undefined, MATERIAL['client-a'].next.fingerprint],
    });
    expect(await vault.retiredFingerprints()).toEqual(
      new Set([MATERIAL['client-a'].current.fingerprint, MATERIAL['client-b'].current.fingerprint]),
    );
  });

  it('can be repeated, and writes nothing then', async () => {
    const files = realFiles();
    const { vault } = await ownVault(files);
    await vault.seal('r-1', MATERIAL);
    await vault.destroy('r-1', 'current');
    const written = files.replaced.length;
    await vault.destroy('r-1', 'current');
    expect(files.replaced).toHaveLength(written);
    expect((await vault.retiredFingerprints()).size).toBe(2);
  });

  it('removes the file when nothing is left', async () => {
    const { vault, folder } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    await vault.destroy('r-1', 'current');
    await vault.destroy('r-1', 'next');
    expect(await vault.open('r-1')).toBeUndefined();
    expect((await readdir(folder)).sort()).toEqual(['identity.txt', 'retired.txt']);
    expect((await vault.retiredFingerprints()).size).toBe(3);
  });

  it('reaches the same end when it was cut off before any of its writes', async () => {
    for (let writes = 0; writes <= 2; writes++) {
      const files = realFiles();
      const { vault, folder } = await ownVault(files);
      await vault.seal('r-1', MATERIAL);
      let left = writes;
      const dying = createVault(folder, {
        files: {
          ...files,
          replace: (path, content) => (left-- > 0 ? files.replace(path, content) : Promise.reject(new Error('killed'))),
        },
      });
      await dying.destroy('r-1', 'current').catch(() => undefined);
      await vault.destroy('r-1', 'current');
      expect(Object.keys((await vault.open('r-1')) ?? {})).toEqual(['client-a']);
      expect((await vault.retiredFingerprints()).size).toBe(2);
    }
  });
});

describe('a vault that was tampered with', () => {
  async function openingError(tamper: (folder: string) => Promise<void>): Promise<RotctlError> {
    const { vault, folder } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    await tamper(folder);
    const error = await vault.open('r-1').catch((caught: unknown) => caught);
    if (!(error instanceof RotctlError)) throw new Error('it was opened');
    return error;
  }

  const identity = 'AGE-SECRET-KEY-';
  const rows: ReadonlyArray<readonly [what: string, name: string, change: (text: string) => string, message: RegExp]> =
    [
      [
        'a flipped character',
        'r-1.age',
        (text) => text.replace(/.(?=.{5}\n-----END)/, (c) => (c === 'A' ? 'B' : 'A')),
        /damaged/,
      ],
      ['a cut end', 'r-1.age', (text) => text.slice(0, -60), /damaged/],
      ['an empty file', 'r-1.age', () => '', /damaged/],
      ['plain text in its place', 'r-1.age', () => `{"clients":"${CURRENT}"}`, /damaged/],
      ['an empty identity', 'identity.txt', () => '', /no age identity/],
      ['half an identity', 'identity.txt', (text) => text.slice(0, 40), /no age identity/],
    ];
  it.each(rows)('%s is told without content', async (_, name, change, message) => {
    const error = await openingError(async (folder) => {
      const path = join(folder, name);
      await writeFile(path, change(await readFile(path, 'utf8')));
    });
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) });
    expect(error.at?.file).toContain(name);
    for (const secret of [CURRENT, identity, 'BEGIN AGE'])
      expect(`${error.message} ${error.stack}`).not.toContain(secret);
  });

  it('an identity of another vault is told', async () => {
    const error = await openingError(async (folder) => {
      await writeFile(join(folder, 'identity.txt'), await age.generateX25519Identity());
    });
    expect(error.message).toMatch(/sealed to another identity/);
  });

  it('sealed content of another shape is told without content', async () => {
    const error = await openingError(async (folder) => {
      const encrypter = new age.Encrypter();
      encrypter.addRecipient(
        await age.identityToRecipient((await readFile(join(folder, 'identity.txt'), 'utf8')).trim()),
      );
      await writeFile(join(folder, 'r-1.age'), age.armor.encode(await encrypter.encrypt(CURRENT)));
    });
    expect(error.message).toBe('the sealed file does not hold a rotation');
    expect(`${error.stack} ${String(error.cause)}`).not.toContain(CURRENT);
  });

  it('a missing identity is told, and no new one is made beside the sealed files', async () => {
    const { vault, folder } = await ownVault();
    await vault.seal('r-1', MATERIAL);
    await realFiles().remove(join(folder, 'identity.txt'));
    await expect(vault.open('r-1')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await expect(vault.seal('r-2', MATERIAL)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect(await readdir(folder)).toEqual(['r-1.age']);
  });
});

describe('the sealed store in a vault', () => {
  it('keeps the present secret of a client, beside rotations and not among them', async () => {
    const { vault, folder } = await ownVault();
    expect(await vault.kept('client-a')).toBeUndefined();
    await vault.keep('client-a', Secret.fromText(CURRENT));
    await vault.keep('client-b', Secret.fromText(NEXT));
    await vault.forgetRotations([]);
    expect((await vault.kept('client-a'))?.signsLike(Secret.fromText(CURRENT))).toBe(true);
    expect((await vault.kept('client-b'))?.signsLike(Secret.fromText(NEXT))).toBe(true);
    const everything = await everythingIn(folder);
    for (const form of [CURRENT, Buffer.from(CURRENT).toString('base64')]) expect(everything).not.toContain(form);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['current: next takes its place', 'current', NEXT],
    ['next: nothing changes', 'next', CURRENT],
  ] as const)('when a rotation destroys %s', async (_, generation, kept) => {
    const { vault } = await ownVault();
    await vault.keep('client-a', Secret.fromText(CURRENT));
    await vault.keep('other', Secret.fromText(CURRENT));
    await vault.seal('r-1', MATERIAL);
    for (let twice = 0; twice < 2; twice++) await vault.destroy('r-1', generation);
    expect((await vault.kept('client-a'))?.signsLike(Secret.fromText(kept))).toBe(true);
    expect((await vault.kept('other'))?.signsLike(Secret.fromText(CURRENT))).toBe(true);
  });

  it('does not make another identity beside what is sealed to one', async () => {
    const { vault, folder } = await ownVault();
    await vault.keep('client-a', Secret.fromText(CURRENT));
    await unlink(join(folder, 'identity.txt'));
    await expect(vault.kept('client-a')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await expect(vault.keep('client-b', Secret.fromText(NEXT))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});

describe('a key that is held elsewhere', () => {
  it('is sealed by its name alone, retired by it, and never signs from there', async () => {
    const { vault } = await ownVault();
    const mac = async () => Buffer.alloc(32);
    const [current, next] = [Secret.heldBy({ mac }, '0123456789abcdef'), Secret.heldBy({ mac }, 'fedcba9876543210')];
    await vault.seal('r-1', { 'client-a': { current, next } });
    const opened = (await vault.open('r-1'))?.['client-a'];
    expect([opened?.current?.isHeldElsewhere, opened?.current?.fingerprint]).toEqual([true, current.fingerprint]);
    await expect(macOf(opened?.next ?? current, 'x')).rejects.toMatchObject({ code: 'INTERNAL' });
    await vault.destroy('r-1', 'current');
    expect([...(await vault.retiredFingerprints())]).toEqual([current.fingerprint]);
    expect(Object.keys((await vault.open('r-1'))?.['client-a'] ?? {})).toEqual(['next']);
  });
});
