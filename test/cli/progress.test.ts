import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openProgress, openWatch } from '../../src/cli/progress.ts';
import type { Task } from '../../src/machine/roll.ts';
import { makeWorld, type World } from './world.ts';

const FLAGS = { json: false, quiet: false, verbose: false, color: true };
const TASK: Task = {
  targets: ['signer-a'],
  step: {
    id: 'roll',
    phase: 'opening',
    does: '',
    action: 'reload',
    over: 'replicas',
    order: { first: 1, batch: 1, backward: false, only: undefined, unreachable: 'fail' },
    effects: [],
    proofs: [],
    onFailure: 'hold',
  },
};
const ESCAPE = '\u001b';

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

async function waiting(world: World, flags: Partial<typeof FLAGS>, ms: number, advance: number): Promise<void> {
  const progress = await openProgress(world.platform, { ...FLAGS, ...flags });
  progress.wait({ what: 'the soak', ms });
  vi.advanceTimersByTime(advance);
  progress.wait(undefined);
}

describe('a wait', () => {
  test('is counted down in place on a terminal, and leaves no line behind', async () => {
    const world = makeWorld({ live: true });
    await waiting(world, {}, 3200, 1000);
    expect(world.stderr.text).toContain('waiting for the soak … 3.2 s');
    expect(world.stderr.text).toContain('waiting for the soak … 2.2 s');
    expect(world.stderr.text).not.toContain('\n');
    expect(world.stderr.text.endsWith(`\r${ESCAPE}[K`)).toBe(true);
  });

  test.each([
    { name: 'a pipe', world: () => makeWorld(), flags: {} },
    { name: 'NO_COLOR', world: () => makeWorld({ live: true, env: { NO_COLOR: '1' } }), flags: {} },
    { name: 'CI', world: () => makeWorld({ live: true, env: { CI: 'true' } }), flags: {} },
    { name: 'a dumb terminal', world: () => makeWorld({ live: true, env: { TERM: 'dumb' } }), flags: {} },
    { name: '--no-color', world: () => makeWorld({ live: true }), flags: { color: false } },
  ])('is one plain line on $name, and no cursor is moved', async ({ world: make, flags }) => {
    const world = make();
    await waiting(world, flags, 3200, 3200);
    expect(world.stderr.text).toBe('waiting for the soak (3.2 s)\n');
  });

  test('that is one of many short ones is told after a second, and then every five', async () => {
    const world = makeWorld();
    const watch = await openWatch(world.platform, FLAGS);
    for (let check = 1; check <= 80; check += 1) {
      watch.begin(`check ${check}`, undefined);
      vi.advanceTimersByTime(100);
    }
    watch.end();
    expect(world.stderr.text).toBe('waiting for check 10\nwaiting for check 60\n');
  });

  test('that is short is not told in plain lines', async () => {
    const world = makeWorld();
    await waiting(world, {}, 999, 999);
    expect(world.stderr.text).toBe('');
  });

  test.each([{ quiet: true }, { json: true }])('is not told with %o', async (flags) => {
    const world = makeWorld({ live: true });
    await waiting(world, flags, 3200, 3200);
    expect(world.stderr.text).toBe('');
  });
});

describe('a task', () => {
  test('is named in plain lines only when it lasts over a second', async () => {
    for (const [ms, lines] of [
      [999, 1],
      [1000, 2],
    ] as const) {
      const world = makeWorld();
      const progress = await openProgress(world.platform, FLAGS);
      progress.task(TASK);
      vi.advanceTimersByTime(ms);
      progress.taskDone(TASK, 'done');
      vi.advanceTimersByTime(5000);
      expect(world.stderr.lines, `${ms} ms`).toHaveLength(lines);
      expect(world.stderr.lines.at(-1)).toBe('  done  roll on signer-a');
    }
  });

  test('that failed is told with its reason, escaped', async () => {
    const world = makeWorld();
    const progress = await openProgress(world.platform, FLAGS);
    progress.taskDone(TASK, 'failed', `exit 3: ${ESCAPE}[2J`);
    expect(world.stderr.text).toBe('  FAIL  roll on signer-a: exit 3: \\x1b[2J\n');
  });
});

test('an incident is told whatever is silenced', async () => {
  for (const flags of [{ quiet: true }, { json: true }]) {
    const world = makeWorld();
    (await openProgress(world.platform, { ...FLAGS, ...flags })).incident('both secrets are refused on signer-a');
    expect(world.stderr.text).toContain('both secrets are refused on signer-a');
  }
});

test('notes are for --verbose', async () => {
  const world = makeWorld();
  (await openProgress(world.platform, FLAGS)).note('burned 4 nonces');
  expect(world.stderr.text).toBe('');
  (await openProgress(world.platform, { ...FLAGS, verbose: true })).note('burned 4 nonces');
  expect(world.stderr.text).toContain('burned 4 nonces');
});
