import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** A checkout of its own, so that building it takes nothing away from tests that run beside this one. */
function checkout(): string {
  const root = temporaryFolder('rotctl-make-');
  for (const name of ['Makefile', 'package.json', 'package-lock.json', 'bin']) {
    cpSync(join(REPOSITORY, name), join(root, name), { recursive: true });
  }
  for (const name of ['node_modules', 'runbooks', 'spec', 'src']) symlinkSync(join(REPOSITORY, name), join(root, name));
  return root;
}

test('make hmac-migration-advice builds, and hands the environment on', { timeout: 60_000 }, async () => {
  const cwd = checkout();
  const make = (env: Record<string, string>) =>
    execa('make', ['--old-file=node_modules/.package-lock.json', 'hmac-migration-advice'], {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, npm_config_offline: 'true', ...env },
      extendEnv: false,
      reject: false,
    });
  const values = { AUTH_SERVICES: '9', AUTH_TEAMS: '4', ZERO_TRUST_TARGET: 'false' };
  const advised = await make({ ...values, EXTERNAL_VERIFIER_DEPENDENCIES: '1' });
  expect(advised).toMatchObject({ exitCode: 0 });
  expect(advised.stdout).toMatch(/^migrate in the next phase: 3 of 7 triggers are met, 3 unknown/);
  expect(advised.stderr.trim().split('\n').at(-1)).toMatch(/^ADVISED migrate/);
  const open = await make(values);
  expect(open).toMatchObject({ exitCode: 2 });
  expect(open.stderr).toMatch(/^INCONCLUSIVE between prepare now and migrate/m);
});
