import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execa } from 'execa';

/** Any user that is not root: the owner of files, no process runs as it. */
export const SERVICE = 4711;

/**
 * Runs a line of code, after the given ones, as a user who is neither root nor the owner of the folder; gives what it
 * printed. The ones before it import from the project, by paths that begin with `./src/`.
 */
export async function asAnother(folder: string, before: readonly string[], line: string): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('this test needs root: it works as other users');
  await chmod(folder, 0o755);
  const program = join(folder, 'program.mjs');
  await build({
    stdin: {
      contents: [...before, `process.setuid(${SERVICE + 1});`, line].join('\n'),
      resolveDir: process.cwd(),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
  return (await execa(process.execPath, [program])).stdout;
}
