import { readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createCommands } from '../../src/system/commands.ts';
import { ownFolder } from '../credential/real-files.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';
const redact = (text: string) => text.replaceAll(CANARY, '[redacted]');
const commands = createCommands(redact);

async function run(argv: readonly string[], deadlineMs = 10_000, cwd = '/') {
  return commands.run(argv, { cwd, deadlineMs });
}

const shell = (script: string, deadlineMs?: number, cwd?: string) => run(['sh', '-c', script], deadlineMs, cwd);

/** Whether a process lives; a zombie, which only waits to be collected, does not count. */
async function lives(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z /.test(status);
}

async function readWhenWritten(path: string): Promise<string> {
  return vi.waitFor(async () => {
    const text = await readFile(path, 'utf8');
    if (!text.endsWith('\n')) throw new Error('not written yet');
    return text.trim();
  });
}

describe('how a command ended', () => {
  it.each([
    ['exit 0', 'true', { ok: true, how: 'exit 0', output: '' }],
    ['exit 3', 'echo out; echo err >&2; exit 3', { ok: false, how: 'exit 3', output: 'out\\x0aerr' }],
    [
      'by a signal of its own',
      'kill -9 $$',
      { ok: false, how: expect.stringMatching(/^killed by SIGKILL after \d+ ms$/) },
    ],
  ])('%s', async (_, script, expected) => {
    expect(await shell(script)).toMatchObject(expected);
  });

  it.each([
    ['a command that is not there', ['/nowhere/at-all'], 'not found'],
    ['a name that is not there', ['no-such-command-here'], 'not found'],
    ['a file that is no program', ['/etc/passwd'], 'could not be started: EACCES'],
  ])('%s', async (_, argv, how) => {
    expect(await run(argv)).toMatchObject({ ok: false, how });
  });

  it('a folder that is not there', async () => {
    expect(await run(['true'], 1000, '/nowhere')).toMatchObject({ ok: false });
  });
});

describe('a program can be run', () => {
  it.each([
    ['found in PATH', 'sh', true],
    ['at a path', '/bin/sh', true],
    ['at a path in the folder', './program', true],
    ['not by its bare name in the folder', 'program', false],
    ['not without the right to', './data', false],
    ['not when it is a folder', '.', false],
    ['not when it is nowhere', 'no-such-command-here', false],
    ['not when its folder is nowhere', '/nowhere/at-all', false],
    ['not without a name', '', false],
  ])('%s, as a run of it shows', async (_, program, expected) => {
    const folder = await ownFolder();
    await writeFile(join(folder, 'program'), '#!/bin/sh\nexit 0\n', { mode: 0o700 });
    await writeFile(join(folder, 'data'), '#!/bin/sh\nexit 0\n', { mode: 0o600 });
    expect(await commands.runnable(program, folder)).toBe(expected);
    if (program !== '') expect((await run([program, '-c', 'exit 0'], 10_000, folder)).ok).toBe(expected);
  });
});

describe('a command gets', () => {
  it('its arguments as they are, without a shell', async () => {
    const argument = '$HOME `id` $(id) ; echo x | cat > /dev/null & * "quoted" \'single\'';
    expect((await run(['printf', '%s', argument])).output).toBe(argument);
  });

  it('PATH, HOME, LANG and TZ of our environment and nothing else', async () => {
    vi.stubEnv('ROTCTL_TEST_SECRET', CANARY);
    vi.stubEnv('TZ', 'UTC');
    vi.stubEnv('PATH', '/usr/bin:/bin');
    const { output } = await run(['env']);
    vi.unstubAllEnvs();
    const names = output.split('\\x0a').map((line) => line.split('=')[0]);
    expect(names).toContain('PATH');
    expect(names).toContain('TZ');
    expect(['PATH', 'HOME', 'LANG', 'TZ']).toEqual(expect.arrayContaining(names));
  });

  it('the working folder', async () => {
    const folder = await realpath(await ownFolder());
    expect((await run(['pwd'], 1000, folder)).output).toBe(folder);
  });

  it('an empty standard input', async () => {
    expect(await run(['cat'], 5000)).toMatchObject({ ok: true, output: '' });
  });
});

describe('the output', () => {
  it('has known secrets replaced, before it is cut', async () => {
    const { output } = await shell(`echo ${CANARY}; echo ${CANARY} >&2`);
    expect(output).toBe('[redacted]\\x0a[redacted]');
  });

  it('has a secret replaced that lies across the cut', async () => {
    for (let length = 270; length <= 300; length += 3) {
      const { output } = await shell(`printf '${CANARY}${'x'.repeat(length)}'`);
      expect(output).not.toContain(CANARY.slice(-6));
    }
  });

  it('is its last 300 characters', async () => {
    const { output } = await shell(`printf 'first %s last' '${'y'.repeat(400)}'`);
    expect(output).toMatch(/^…y{295} last$/);
  });

  it('has control characters escaped', async () => {
    expect((await shell("printf 'a\\033[31mb\\rc'")).output).toBe('a\\x1b[31mb\\x0dc');
  });

  it('of 200 MB is read to the end without being kept', async () => {
    const before = process.memoryUsage.rss();
    const result = await shell('head -c 200000000 /dev/zero | tr "\\0" x; echo end');
    expect(result).toMatchObject({ ok: true, output: expect.stringMatching(/xend$/) });
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });
});

describe('a command past its deadline', () => {
  it('is ended politely first', async () => {
    const folder = await ownFolder();
    const result = await shell('trap "echo stopping; exit 7" TERM; while :; do sleep 0.02; done', 200, folder);
    expect(result).toMatchObject({
      ok: false,
      how: 'exit 7, past its deadline of 200 ms',
      output: expect.stringMatching(/^stopping/),
    });
  });

  it('is killed when it does not listen', async () => {
    const result = await shell('trap "" TERM; while :; do sleep 0.02; done', 200);
    expect(result.how).toMatch(/^killed by SIGKILL after \d+ ms$/);
    expect(result.ms).toBeLessThan(3000);
  });

  it('that ends with exit 0 only then is not ok', async () => {
    expect(await shell('trap "exit 0" TERM; while :; do sleep 0.02; done', 200)).toMatchObject({ ok: false });
  });

  it('takes its grandchildren along, whether they listen or not, though they hold the pipe', async () => {
    const folder = await ownFolder();
    const script = `
      (trap "" TERM; echo $$ >/dev/null; sh -c 'echo $PPID > stubborn'; while :; do sleep 0.05; done) &
      sleep 300 & echo $! > sleeper
      wait`;
    const result = await shell(script, 500, folder);
    expect(result.ok).toBe(false);
    expect(result.ms).toBeLessThan(3000);
    for (const name of ['stubborn', 'sleeper']) {
      const pid = Number(await readWhenWritten(join(folder, name)));
      await vi.waitFor(async () => expect(await lives(pid)).toBe(false));
    }
  });
});

describe('a command that leaves a process behind', () => {
  it('ends when it ends itself, and the process, which holds the pipe, lives on', async () => {
    const folder = await ownFolder();
    const result = await shell('sleep 60 & echo $! > pid; echo started', 20_000, folder);
    expect(result).toMatchObject({ ok: true, how: 'exit 0', output: 'started' });
    expect(result.ms).toBeLessThan(3000);
    const pid = Number(await readWhenWritten(join(folder, 'pid')));
    expect(await lives(pid)).toBe(true);
    process.kill(pid);
  });
});

describe('a broken reload of an operator', () => {
  it('that changes the file and fails is told as failed, whatever it did', async () => {
    const folder = await ownFolder();
    await writeFile(join(folder, 'state'), 'old');
    expect(await shell('echo new > state; exit 1', 5000, folder)).toMatchObject({ ok: false, how: 'exit 1' });
    expect((await stat(join(folder, 'state'))).size).toBe(4);
  });
});
