import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { secretPlaces } from '../../src/system/secret-places.ts';
import { vaultFiles } from '../../src/system/vault-files.ts';
import { temporaryFolder } from '../support/temporary.ts';

function folder(): string {
  return temporaryFolder('rotctl-places-');
}

async function namesWhere(
  secret: string,
  folders: readonly string[],
  without: readonly string[] = [],
): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, content } of secretPlaces(folders, without)) if (content.includes(secret)) names.push(name);
  return names;
}

describe('a vault’s folder', () => {
  test('is made closed to others, and is one that may be there already', async () => {
    const vault = join(folder(), 'vault');
    const files = vaultFiles();
    expect(await files.list(vault)).toEqual([]);
    await files.makePrivateFolder(vault);
    await files.makePrivateFolder(vault);
    expect(statSync(vault).mode & 0o777).toBe(0o700);
    await files.replace(join(vault, 'a'), 'text');
    expect(await files.list(vault)).toEqual(['a']);
    await files.remove(join(vault, 'a'));
    await files.remove(join(vault, 'a'));
    expect(await files.list(vault)).toEqual([]);
  });

  test.each([
    {
      name: 'others may enter',
      make: (path: string) => {
        mkdirSync(path);
        chmodSync(path, 0o750);
      },
      says: 'others may enter it (mode 750)',
    },
    { name: 'is a file', make: (path: string) => writeFileSync(path, ''), says: 'it is not a folder' },
    { name: 'is a link', make: (path: string) => symlinkSync(tmpdir(), path), says: 'it is not a folder' },
  ])('is refused when it $name', async ({ make, says }) => {
    const vault = join(folder(), 'vault');
    make(vault);
    await expect(vaultFiles().makePrivateFolder(vault)).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      message: expect.stringContaining(says),
    });
  });
});

describe('the search for secrets', () => {
  test('looks at files at any depth, and leaves out the folders that are meant for them', async () => {
    const secret = 'CANARY-files-1';
    const root = folder();
    mkdirSync(join(root, 'deep/er'), { recursive: true });
    mkdirSync(join(root, 'vault'));
    for (const path of ['top', 'deep/er/log', 'vault/kept']) writeFileSync(join(root, path), `x ${secret} y`);
    const found = await namesWhere(secret, [root], [join(root, 'vault')]);
    expect(found.toSorted()).toEqual([join(root, 'deep/er/log'), join(root, 'top')]);
  });

  test('looks at arguments and environments of processes', async () => {
    const child = spawn(
      process.execPath,
      ['-e', 'process.stdout.write("up"); setInterval(() => {}, 1000)', 'CANARY-argument-2'],
      {
        env: { INSIDE: 'CANARY-environment-3' },
      },
    );
    await once(child.stdout, 'data');
    try {
      expect(await namesWhere('CANARY-argument-2', [])).toContain(`cmdline of process ${child.pid}`);
      expect(await namesWhere('CANARY-environment-3', [])).toEqual([`environ of process ${child.pid}`]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });

  test('follows no link out of the folder, and is not stopped by one that leads nowhere', async () => {
    const secret = 'CANARY-link-4';
    const [root, outside] = [folder(), folder()];
    writeFileSync(join(outside, 'file'), secret);
    symlinkSync(join(outside, 'file'), join(root, 'out'));
    symlinkSync('/nowhere', join(root, 'broken'));
    expect(await namesWhere(secret, [root])).toEqual([]);
  });
});
