import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtProgram, type Ended, freshFolder, startRotctl, within } from '../support/practice-fleet.ts';
import { Canaries, filesBelow } from './search.ts';

const PRESENT = randomBytes(32).toString('hex');
const OTHER = randomBytes(32).toString('hex');
const MEANT = /keys|etc/;
const canaries = new Canaries();
const said: string[] = [];
let folder: string;
let home: string;

beforeAll(async () => {
  folder = await builtProgram();
  home = freshFolder('references');
  for (const name of ['keys', 'etc', 'left']) mkdirSync(join(home, name), { mode: 0o700 });
  for (const secret of [PRESENT, OTHER]) canaries.learn(secret);
  const put = (name: string, text: string) => writeFileSync(join(home, name), text, { mode: 0o600 });
  for (const name of ['one', 'two']) put(`etc/${name}.env`, `KEYS_WALLET=${PRESENT}\n`);
  put('etc/wallet.env', `K=${PRESENT}\n`);
  put('keys/plain', `${PRESENT}\n`);
  put('keys/twice', `${PRESENT}\n\n`);
  put('keys/other', OTHER);
  put('keys/open', PRESENT);
  chmodSync(join(home, 'keys/open'), 0o644);
  symlinkSync('plain', join(home, 'keys/link'));
  execFileSync('mkfifo', ['-m', '600', join(home, 'keys/fifo')]);
  put('keys/env', `# one\nWALLET="${PRESENT}"\n`);
  put('keys/json', JSON.stringify({ wallet: { hmac: [PRESENT] } }));
  put('keys/broken', `{"wallet": ${PRESENT}}`);
  put('keys/print', `#!/bin/sh\nenv > left/env\ncat keys/plain\n`);
  put('keys/tell', `#!/bin/sh\ncat keys/plain >&2; cat keys/plain; exit 3\n`);
}, 120_000);

/** Plans a rotation of a client whose present secret is read from here; a plan compares it with what the replicas list. */
async function plan(
  secret: string,
  options: Parameters<typeof startRotctl>[3] = {},
  ...words: string[]
): Promise<Ended> {
  const replica = (name: string, port: number) =>
    `  - name: ${name}\n    url: http://127.0.0.1:${port}\n    deploy: { path: etc/${name}.env, variable: 'KEYS_{CLIENT}', format: list, restart: ['true'] }\n`;
  const text = `schema: rotctl.fleet.v1\nname: references\nenvironment: practice\nreplicas:\n${replica('one', 9)}${replica('two', 10)}clients:\n  - id: wallet\n${secret}    deploy: { path: etc/wallet.env, variable: K, format: list, restart: ['true'] }\nusage: { path: /m, metric: m, labels: { client: c, fingerprint: f, caller: w } }\n`;
  writeFileSync(join(home, 'rotctl.yaml'), text);
  const args = words.length === 0 ? ['plan', 'overlap', '--json'] : words;
  const ended = await startRotctl(folder, home, args, options).ended;
  said.push(`${ended.stdout}${ended.stderr}`);
  return ended;
}

describe('the present secret', () => {
  const rows: readonly (readonly [what: string, secret: string, options?: Parameters<typeof startRotctl>[3]])[] = [
    ['a file', '{ from: file, path: keys/plain }'],
    ['an env file', '{ from: dotenv, path: keys/env, variable: WALLET }'],
    ['a JSON file', '{ from: json, path: keys/json, pointer: "/{client}/hmac" }'],
    [
      'a command',
      '{ from: command, command: [sh, keys/print], env: [SHOWN] }',
      { env: { SHOWN: 'yes', HIDDEN: OTHER } },
    ],
    ['a descriptor', '{ from: fd, fd: 3 }', { shell: 'exec 3< keys/plain' }],
    ['a pipe', '{ from: fd, fd: 4 }', { shell: 'exec 4< <(cat keys/plain)' }],
    ['the environment', '{ from: env, variable: WALLET_SECRET }', { env: { WALLET_SECRET: PRESENT } }],
  ];
  it.each(rows.map(([what, ...row]) => [what, row] as const))('is read from %s', within(20), async (_, row) => {
    const [secret, options] = row;
    const { code, stdout, stderr } = await plan(`    secret: ${secret}\n`, options);
    expect(code, `${stdout}${stderr}`).toBe(0);
  });

  it('is read from the sealed store, once it is sealed there', within(40), async () => {
    const before = await plan('');
    expect([before.code, before.stdout]).toEqual([2, expect.stringContaining('nothing is sealed for wallet')]);
    const sealing = await plan('', { shell: 'exec 3< keys/plain' }, 'seal', 'wallet', '--secret-fd', '3');
    expect(sealing.code, sealing.stderr).toBe(0);
    const after = await plan('');
    expect(after.code, `${after.stdout}${after.stderr}`).toBe(0);
  });

  const refused: readonly (readonly [what: string, secret: string, code: number, message: string])[] = [
    [
      'another than the replicas list',
      '{ from: file, path: keys/other }',
      13,
      'another secret than the client signs with',
    ],
    [
      'a file with two newlines at its end',
      '{ from: file, path: keys/twice }',
      13,
      'another secret than the client signs with',
    ],
    ['a file that others may read', '{ from: file, path: keys/open }', 2, 'mode 0644 opens it to others'],
    ['a symbolic link', '{ from: file, path: keys/link }', 2, 'it is a symbolic link'],
    ['a FIFO that nobody writes to', '{ from: file, path: keys/fifo }', 2, 'got a FIFO'],
    ['a folder', '{ from: file, path: keys }', 2, 'got a folder'],
    ['JSON that does not parse', '{ from: json, path: keys/broken, pointer: /wallet }', 2, 'the value is not JSON'],
    ['a command that tells it and fails', '{ from: command, command: [sh, keys/tell] }', 13, 'sh: exit 3'],
    ['a descriptor that was not handed over', '{ from: fd, fd: 77 }', 2, 'nothing was handed over there'],
    ['a variable that is not set', '{ from: env, variable: NOT_SET }', 2, 'NOT_SET of the environment is not set'],
  ];
  it.each(refused)('is refused, and nothing changed: %s', within(20), async (_, secret, code, message) => {
    const ended = await plan(`    secret: ${secret}\n`);
    expect([ended.code, ended.stdout]).toEqual([code, expect.stringContaining(message)]);
  });

  it('was shown nowhere, and a command got no more of the environment than it was to get', () => {
    expect(canaries.find([{ name: 'output', content: said.join('\n') }])).toEqual([]);
    expect(canaries.find(filesBelow(home, (path) => MEANT.test(path.slice(home.length))))).toEqual([]);
    const names = readFileSync(join(home, 'left/env'), 'utf8')
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).toContain('SHOWN');
    expect(names).not.toContain('HIDDEN');
  });
});
