import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSecretCommands } from '../../src/system/secret-commands.ts';
import { eventually } from '../support/until.ts';

const CANARY = 'CANARY-4f9d1c7e2ab35868aa';
const commands = createSecretCommands((text) => text.replaceAll('known-to-us', '[secret]'), '/tmp');
const options = { deadlineMs: 5000, pass: [] };
const sh = (script: string, more: object = {}) => commands.ask(['sh', '-c', script], { ...options, ...more });

afterEach(() => vi.unstubAllEnvs());

/** Processes whose arguments hold a text. */
function running(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

describe('a command that gives a secret', () => {
  it('gives all of its standard output, byte for byte', async () => {
    expect(await sh(`printf '${CANARY}\\n\\n'`)).toEqual(Buffer.from(`${CANARY}\n\n`));
  });

  it('gets its input, and an empty one where there is none', async () => {
    expect((await sh('cat', { input: Buffer.from('bytes\0to sign') })).toString()).toBe('bytes\0to sign');
    expect((await sh('cat')).toString()).toBe('');
  });

  it('gets PATH, HOME, LANG and TZ and what is named, and no other variable', async () => {
    vi.stubEnv('VAULT_ADDR', 'https://vault.example');
    vi.stubEnv('WALLET_SECRET', CANARY);
    const names = (await sh('env', { pass: ['VAULT_ADDR', 'NOT_SET'] })).toString().split('\n');
    expect(names).toContain('VAULT_ADDR=https://vault.example');
    expect(names.map((line) => line.split('=')[0])).toEqual(
      expect.not.arrayContaining(['WALLET_SECRET', 'NODE_ENV', 'VITEST', 'NOT_SET']),
    );
  });

  it.each([
    ['that fails', 'exit 3', /^sh: exit 3$/],
    ['that is killed', 'kill -9 $$', /^sh: killed by SIGKILL$/],
    [
      'that says why on standard error',
      'echo "permission denied on secret/wallet" >&2; exit 2',
      /^sh: exit 2: permission denied on secret\/wallet$/,
    ],
    [
      'whose complaint repeats what it printed',
      `echo short-one; echo "got short-one" >&2; exit 1`,
      /^sh: exit 1: got \[output\]$/,
    ],
    ['whose complaint has a known secret', 'echo "bad known-to-us" >&2; exit 1', /^sh: exit 1: bad \[secret\]$/],
    ['whose complaint has something random', `echo "token ${CANARY}" >&2; exit 1`, /^sh: exit 1: token \[…\]$/],
    [
      'that complains at length',
      'yes word | head -c 9000 >&2; exit 1',
      /^sh: exit 1: …(?:\\x0a|word|ord|rd|d){1,200}$/,
    ],
    ['that prints too much', 'head -c 70000 /dev/zero', /^sh: more than 65536 bytes of output$/],
  ])('%s is unavailable, with the reason', async (_, script, message) => {
    const error = await sh(script).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', message: expect.stringMatching(message) });
  });

  it('that is not there is unavailable, by its name', async () => {
    await expect(commands.ask(['no-such-program', CANARY], options)).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: 'no-such-program: could not be started: ENOENT',
    });
  });

  it('that hangs is ended at its deadline with all that it started', async () => {
    const mark = `61${process.pid}`;
    const started = performance.now();
    await expect(sh(`sleep ${mark} & sleep ${mark}; wait`, { deadlineMs: 300 })).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: 'sh: no answer within 300 ms',
    });
    expect(performance.now() - started).toBeLessThan(3000);
    await eventually('its children end', () => running(`sleep\0${mark}`).length === 0);
  });

  it('that leaves its output open to a child is not waited for', async () => {
    const started = performance.now();
    expect((await sh('printf abc; sleep 5 & exit 0')).toString()).toBe('abc');
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe('a command that answers lines', () => {
  const answering = (script: string, deadlineMs = 3000) =>
    commands.converse(['sh', '-c', script], { deadlineMs, pass: [] });

  it('is started once, and answers each question in turn', async () => {
    const conversation = answering('while read -r line; do echo "$$ $line"; done');
    const answers = await Promise.all(['a', 'b', 'c'].map((line) => conversation.ask(line)));
    expect(answers.map((answer) => answer.split(' ')[1])).toEqual(['a', 'b', 'c']);
    expect(new Set(answers.map((answer) => answer.split(' ')[0])).size).toBe(1);
    conversation.end();
  });

  it('is started anew after it has ended', async () => {
    const conversation = answering('read -r line; echo "$line"');
    expect(await conversation.ask('a')).toBe('a');
    await eventually('it answers', async () => (await conversation.ask('b').catch(() => '')) === 'b');
    conversation.end();
  });

  it.each([
    ['that ends without an answer', 'read -r line; exit 4', /exit 4/],
    ['that does not answer in time', 'sleep 30', /no answer within 300 ms/],
  ])('%s is unavailable', async (_, script, message) => {
    const conversation = answering(script, 300);
    await expect(conversation.ask('a')).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
    conversation.end();
  });
});
