import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LogWatch } from '../../src/fleet/fleet.ts';
import { createLineCommands } from '../../src/system/line-commands.ts';
import { logFiles } from '../../src/system/log-files.ts';
import { type Range, RefusalWatch } from '../../src/watch/logs.ts';
import { ownFolder } from '../credential/real-files.ts';

const REFUSED = '401 invalid request signature agent=app/1\n';
const OURS = '401 invalid request signature agent=rotctl/run-7\n';
const MARKED = { refused: /invalid request signature/, own: /agent=rotctl\//, allowed: 2, windowMs: 1000 } as const;

/** What is written at each moment (milliseconds from the beginning), with a poll after each and a look at the end. */
async function looked(
  logs: LogWatch,
  written: readonly (readonly [ms: number, text: string])[],
  { baseline, own = { least: 0, most: 0 } }: { baseline?: number; own?: Range } = {},
) {
  const folder = await ownFolder();
  const log = join(folder, 'signer-a.log');
  await writeFile(log, REFUSED.repeat(9));
  const began = Date.UTC(2026, 0, 1);
  let now = began;
  const commands = createLineCommands(folder);
  const replicas = [{ name: 'signer-a', log }];
  const watch = new RefusalWatch({ logs, replicas, files: logFiles, commands, clock: { now: () => now } });
  if (baseline !== undefined) watch.compareWith({ 'signer-a': baseline });
  await watch.begin();
  for (const [ms, text] of written) {
    now = began + ms;
    await appendFile(log, text);
    await watch.poll();
  }
  const [finding] = await watch.look(new Map([['signer-a', own]]));
  const at = (ms: number) => {
    now = began + ms;
    return watch;
  };
  return { finding, watch, at, log };
}

describe('refused signatures within a window', () => {
  test.each<[string, Partial<LogWatch>, readonly (readonly [number, string])[], number | undefined, string]>([
    ['as many as allowed', {}, [[100, REFUSED.repeat(2)]], undefined, 'pass'],
    ['one more at once', {}, [[100, REFUSED.repeat(3)]], undefined, 'fail'],
    [
      'one more over two polls in a window',
      {},
      [
        [100, REFUSED],
        [900, REFUSED.repeat(2)],
      ],
      undefined,
      'fail',
    ],
    [
      'as many, spread over several windows',
      {},
      [
        [0, REFUSED.repeat(2)],
        [1000, REFUSED.repeat(2)],
        [2000, REFUSED.repeat(2)],
      ],
      undefined,
      'pass',
    ],
    ['many of our own', {}, [[100, OURS.repeat(50) + REFUSED.repeat(2)]], undefined, 'pass'],
    ['three times the baseline', { factor: 3 }, [[100, REFUSED.repeat(12)]], 4, 'pass'],
    ['more than that', { factor: 3 }, [[100, REFUSED.repeat(13)]], 4, 'fail'],
    ['a quiet baseline, of which allowed is the floor', { factor: 3 }, [[100, REFUSED.repeat(2)]], 0, 'pass'],
    ['no baseline, so that allowed counts', { factor: 3 }, [[100, REFUSED.repeat(3)]], undefined, 'fail'],
  ])('%s', async (_, more, written, baseline, verdict) => {
    const { finding } = await looked({ ...MARKED, ...more }, written, baseline === undefined ? {} : { baseline });
    expect(finding?.verdict, finding?.reason).toBe(verdict);
  });

  test.each<[string, number, Range, string]>([
    ['fewer than rotctl brought about', 40, { least: 40, most: 40 }, 'pass'],
    ['some that may be either', 45, { least: 40, most: 45 }, 'unknown'],
    ['more than it can have brought about', 43, { least: 40, most: 40 }, 'fail'],
  ])('that nobody marks: %s', async (_, lines, own, verdict) => {
    const { finding } = await looked({ ...MARKED, own: undefined }, [[100, REFUSED.repeat(lines)]], { own });
    expect(finding?.verdict, finding?.reason).toBe(verdict);
  });

  test('that lies on both sides of a look is seen by the second', async () => {
    const { finding, watch, at, log } = await looked(MARKED, [[900, REFUSED.repeat(2)]]);
    expect(finding?.verdict).toBe('pass');
    await appendFile(log, REFUSED);
    at(1200);
    const [second] = await watch.look(new Map());
    expect(second).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(/^3 refused signatures of others within 1000 ms/),
    });
    at(5000);
    expect((await watch.look(new Map()))[0]?.verdict).toBe('pass');
  });

  test('before a rotation are its baseline', async () => {
    const { watch, at, log } = await looked(MARKED, []);
    await watch.begin();
    await appendFile(log, REFUSED.repeat(4) + OURS);
    at(700);
    expect(await watch.baseline()).toEqual({ 'signer-a': 4 });
  });

  test('may be printed by a command, for the fleet as a whole', async () => {
    const logs = { ...MARKED, command: { command: ['cat', 'signer-a.log'], deadlineMs: 5000 } };
    const { finding } = await looked(logs, [[100, REFUSED.repeat(3) + OURS]]);
    expect(finding).toMatchObject({ target: 'fleet', verdict: 'fail', seen: '3 of others among 4' });
  });
});
