import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Built, buildProgramFiles, run } from './program-build.ts';

let built: Built;

beforeAll(async () => {
  built = await buildProgramFiles();
  const { code, stderr } = await run(built, ['practice', 'up', '--store', 'embedded']);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await run(built, ['practice', 'down']);
});

const FLEET = ['--fleet', 'practice/rotctl.yaml'];

describe('on a practice fleet', () => {
  test('practice status counts what its clients have seen, and no refusal', async () => {
    const { code, stdout } = await run(built, ['practice', 'status', '--json']);
    expect(code).toBe(0);
    const { result } = JSON.parse(stdout);
    expect(result).toMatchObject({ store: 'embedded', down: [], clients: [{ refused: 0 }, { refused: 0 }] });
  });

  test('a second one is refused in the same folder, with the reason', async () => {
    const { code, stderr } = await run(built, ['practice', 'up']);
    expect(code).toBe(12);
    expect(stderr).toContain('is running in');
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^INCONCLUSIVE .*PRACTICE_FAILED/);
  });

  test('check tries vectors on every replica, and passes', async () => {
    const vectors = join(built.home, '../spec/signer-auth-v1.json');
    const { code, stdout, stderr } = await run(built, ['check', ...FLEET, '--vectors', vectors]);
    expect(stdout).toMatch(/^pass {5}invalid_hmac_rejected +3\/3$/m);
    expect(stderr.trim().split('\n').at(-1)).toMatch(
      /^PASS check of practice, 3 replicas \(\d+\/\d+ checks, 0 unknown/,
    );
    expect(code).toBe(0);
  });

  test('verify-replay names the replica that keeps a memory of its own, and exits 1', async () => {
    const ctl = (verb: string): Promise<unknown> =>
      run({ ...built, main: join(built.main, '../practice.js') }, [
        'ctl',
        '--home',
        join(built.home, 'practice'),
        'fault',
        verb,
        'memory-store',
        'signer-b',
      ]);
    await ctl('plant');
    const { code, stdout, stderr } = await run(built, ['verify-replay', ...FLEET, '--pairwise', '--json']);
    await ctl('lift');
    expect(code).toBe(1);
    const [next, verdict] = stderr.trimEnd().split('\n').slice(-2);
    expect(next).toMatch(/^next: rotctl explain replay\.\S+/);
    expect(verdict).toMatch(
      /^FAIL verify-replay of practice, 3 replicas: replay\.\S+ on .*signer-b.* \(\+\d+ more\) \(/,
    );
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ schema: 'rotctl.verify-replay.v1', verdict: 'fail' });
    const cross = document.checks.filter(({ id }: { id: string }) => id === 'replay.cross-replica');
    const verdicts = Object.fromEntries(
      cross.map(({ target, verdict }: { target: string; verdict: string }) => [target, verdict]),
    );
    expect(verdicts).toEqual({
      'signer-a and signer-b': 'fail',
      'signer-a and signer-c': 'pass',
      'signer-b and signer-c': 'fail',
    });
  }, 40_000);

  test('one signal stops check at a safe point with 14, and says how to go on', async () => {
    let sent = false;
    const { code, stderr } = await run(built, ['check', ...FLEET], {
      during: (text, kill) => {
        if (sent || !text.includes('waiting for')) return;
        sent = true;
        kill('SIGINT');
      },
    });
    expect(code).toBe(14);
    expect(stderr).toContain('SIGINT: stopping at the next safe point');
    expect(stderr).toContain('next: rotctl check');
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^STOPPED check ended with STOPPED/);
  });

  test('SIGUSR1 opens no debugger', async () => {
    let sent = false;
    const { stderr } = await run(built, ['check', ...FLEET], {
      during: (text, kill) => {
        if (sent || !text.includes('waiting for')) return;
        sent = true;
        kill('SIGUSR1');
        setTimeout(() => kill('SIGTERM'), 300);
      },
    });
    expect(sent).toBe(true);
    expect(stderr).not.toContain('Debugger');
    expect(stderr).toContain('STOPPED check');
  });
});

test('there is no practice fleet where none was started', async () => {
  const { code, stderr } = await run(built, ['practice', 'status', '--home', 'nowhere']);
  expect(code).toBe(12);
  expect(stderr).toContain('there is no practice fleet in');
  expect(stderr).toContain('rotctl practice up');
});

test('one of gates comes up, counts what its services have seen, and keeps its protocol', async () => {
  const home = ['--home', 'gates'];
  const up = await run(built, ['practice', 'up', ...home, '--protocol', 'gate-v1', '--store', 'embedded']);
  try {
    expect([up.code, up.stderr]).toEqual([0, expect.stringMatching(/^PASS the practice fleet is up/m)]);
    const { stdout } = await run(built, ['practice', 'status', ...home, '--json']);
    const { result } = JSON.parse(stdout);
    const calm = { refused: 0, faults: 0 };
    expect(result).toMatchObject({
      store: 'embedded',
      down: [],
      clients: [
        { id: 'langgraph', ...calm },
        { id: 'scheduler', ...calm },
      ],
    });
  } finally {
    expect((await run(built, ['practice', 'down', ...home])).code).toBe(0);
  }
  const ended = await run(built, ['practice', 'status', ...home]);
  expect([ended.code, ended.stderr]).toEqual([12, expect.stringMatching(/gates is down\n.*rotctl practice up/)]);
  const other = await run(built, ['practice', 'up', ...home]);
  expect(other.code).toBe(12);
  expect(other.stderr).toContain('speaks gate-v1, not keyring-v1');
});
