import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Every target that runs `rotctl`, its command, and the folder that it leaves behind. */
const TARGETS = [
  { target: 'drill', command: 'node bin/rotctl.js drill --out drill-out', leaves: 'drill-out' },
  {
    target: 'hmac-rotation-drill',
    command: 'node bin/rotctl.js drill --runbook gate-hmac --out hmac-rotation-drill',
    leaves: 'hmac-rotation-drill',
  },
  {
    target: 'mtls-rotation-drill',
    command: 'node bin/rotctl.js drill --material mtls --out mtls-rotation-drill',
    leaves: 'mtls-rotation-drill',
  },
  { target: 'game-day-scorecard', command: 'node bin/rotctl.js game-day --out game-day', leaves: 'game-day' },
  { target: 'hmac-migration-advice', command: 'node bin/rotctl.js advise', leaves: undefined },
] as const;

/** The commands that a target would run; none is run. */
async function dry(...targets: readonly string[]): Promise<string[]> {
  const made = ['--dry-run', '--no-print-directory', '--old-file=node_modules/.package-lock.json', ...targets];
  const { stdout } = await execa('make', made, {
    cwd: REPOSITORY,
    env: { MAKEFLAGS: undefined, MFLAGS: undefined, BUILT: undefined },
  });
  return stdout.split('\n');
}

test.each(TARGETS)('make $target builds, then runs $command', async ({ target, command }) => {
  const commands = await dry(target);
  expect(commands.at(-1)).toBe(command);
  expect(commands).toContain('npm run --silent build');
});

test.each(TARGETS)('make help says what $target does', async ({ target }) => {
  const { stdout } = await execa('make', ['help'], { cwd: REPOSITORY });
  expect(stdout).toMatch(new RegExp(`^  make ${target} +\\S`, 'm'));
});

test.each(TARGETS.flatMap(({ leaves }) => leaves ?? []))(
  '%s is removed by make clean, and no part of the repository',
  async (folder) => {
    const [removal = ''] = await dry('clean');
    expect(removal.split(' ')).toContain(folder);
    const ignored = readFileSync(`${REPOSITORY}.gitignore`, 'utf8').trim().split('\n');
    const covers = (pattern: string) =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`).test(`/${folder}/`);
    expect(ignored.filter(covers)).not.toEqual([]);
  },
);

test('every target that runs rotctl is among these', () => {
  const makefile = readFileSync(`${REPOSITORY}Makefile`, 'utf8');
  const rules = [...makefile.matchAll(/^([a-z-]+):.*\n\t@node bin\/rotctl\.js/gm)].map(([, target]) => target);
  expect(rules).toEqual(TARGETS.map(({ target }) => target));
});
