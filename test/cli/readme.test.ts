import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
const commands = blocks('sh')
  .flatMap((text) => text.split('\n'))
  .map((line) => line.replace(/\s+#.*$/, '').trim())
  .filter((line) => line.startsWith('rotctl '));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotctl-readme-'));
  await cp(join(ROOT, 'spec'), join(folder, 'spec'), { recursive: true });
});

afterAll(async () => {
  await execa(process.execPath, [join(ROOT, 'bin/rotctl.js'), 'practice', 'down'], { cwd: folder, reject: false });
  await rm(folder, { recursive: true, force: true });
});

/** As the page's alias and its `export` have it. */
function rotctl(command: string) {
  const args = command.split(/\s+/).slice(1);
  return execa(process.execPath, [join(ROOT, 'bin/rotctl.js'), ...args], {
    cwd: folder,
    reject: false,
    env: { ROTCTL_FLEET: 'practice/rotctl.yaml', NO_COLOR: '1', NODE_EXTRA_CA_CERTS: undefined },
  });
}

describe('every command of the README, in its order', { timeout: 240_000 }, () => {
  it('shows the commands that a newcomer types first', () => {
    const first = readme.split('\n').slice(0, 12).join('\n');
    expect(first).toContain('make drill');
    expect(first).toContain('make test');
    expect(commands.length).toBeGreaterThan(12);
  });

  for (const command of commands) {
    it(command, async () => {
      const { exitCode, stderr, stdout } = await rotctl(command);
      expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
    });
  }
});

it("reads the README's own fleet file", async () => {
  const [text = ''] = blocks('yaml');
  const fleet = readFleet(text, join(folder, 'rotctl.yaml'));
  expect(fleet.replicas.map((replica) => replica.name)).toEqual(['signer-1', 'signer-2']);
  await writeFile(join(folder, 'rotctl.yaml'), text);
});
