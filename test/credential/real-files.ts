import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { VaultFiles } from '../../src/credential/ports.ts';
import type { GateFiles } from '../../src/deploy/ports.ts';
import { privateFiles } from '../../src/system/private-files.ts';

/** Real files, as the vault and the deploy drivers use them; `replaced` lists what was written. */
export interface RealFiles extends GateFiles, VaultFiles {
  readonly replaced: string[];
}

/** Files on the disk, replaced as `src/system` must do it: temporary file 0600 beside, fsync, rename, fsync of the folder. */
export function realFiles(): RealFiles {
  const replaced: string[] = [];
  return {
    ...privateFiles(),
    replaced,
    read: (path) => readFile(path, 'utf8'),
    async replace(path, content) {
      const temporary = `${path}.tmp-${process.pid}`;
      const before = await stat(path).catch(() => undefined);
      const handle = await open(temporary, 'wx', 0o600);
      await handle.writeFile(content);
      await handle.sync();
      await handle.close();
      if (before !== undefined) await chown(temporary, before.uid, before.gid);
      await rename(temporary, path);
      await syncFolder(dirname(path));
      replaced.push(path);
    },
    list: (folder) => readdir(folder).catch(() => []),
    async makePrivateFolder(folder) {
      await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      });
      await chmod(folder, 0o700);
    },
    remove: (path) => rm(path, { force: true }),
  };
}

/** A folder of this test's own, gone when the test is over. */
export async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rotctl-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}
