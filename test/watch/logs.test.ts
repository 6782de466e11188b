import { appendFile, mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LogWatch } from '../../src/fleet/fleet.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { logFiles } from '../../src/system/log-files.ts';
import { MAX_APPENDED_BYTES } from '../../src/watch/log-tail.ts';
import { type OwnRefusals, type Range, RefusalWatch } from '../../src/watch/logs.ts';

const REFUSED = '127.0.0.1 POST /gate/request 401 invalid request signature\n';
const OURS = '127.0.0.1 POST /gate/request 401 invalid request signature rotctl/run-7\n';
const ACCEPTED = '127.0.0.1 POST /gate/request 200\n';
const COUNTED: LogWatch = { refused: /invalid request signature/, own: undefined, allowed: 0 };
const MARKED: LogWatch = { ...COUNTED, own: /rotctl\// };
const START = Date.UTC(2026, 0, 1);

let log: string;
let now: number;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rotctl-logs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  log = join(folder, 'gate-a.log');
  now = START;
});

function watchOf(logs: LogWatch | undefined, replicas = [{ name: 'gate-a', log: log as string | undefined }]) {
  return new RefusalWatch({ logs, replicas, files: logFiles, clock: { now: () => now } });
}

/** A watch that has begun, on a log that has seen refusals already. */
async function begun(logs: LogWatch): Promise<RefusalWatch> {
  await writeFile(log, REFUSED.repeat(3));
  const watch = watchOf(logs);
  await watch.begin();
  return watch;
}

/** The finding of one look, with rotctl's own refusals (`n`: exactly so many). */
async function look(watch: RefusalWatch, own: Range | number = 0): Promise<Finding> {
  now += 1000;
  const range = typeof own === 'number' ? { least: own, most: own } : own;
  const [finding] = await watch.look(new Map([['gate-a', range]]));
  if (finding === undefined) throw new Error('one replica was looked at');
  return finding;
}

const NO_OWN: OwnRefusals = new Map();

describe('refused signatures in a replica’s log', () => {
  test.each([
    ['nothing', COUNTED, '', 0, 'pass'],
    ['only accepted requests', COUNTED, ACCEPTED.repeat(9), 0, 'pass'],
    ['one of others', COUNTED, ACCEPTED + REFUSED, 0, 'fail'],
    ['as many as rotctl caused', COUNTED, REFUSED.repeat(4), 4, 'pass'],
    ['one more than rotctl caused', COUNTED, REFUSED.repeat(5), 4, 'fail'],
    ['one fewer than rotctl caused', COUNTED, REFUSED.repeat(3), 4, 'unknown'],
    ['as many as rotctl surely caused', COUNTED, REFUSED.repeat(2), { least: 2, most: 4 }, 'pass'],
    ['one more than surely', COUNTED, REFUSED.repeat(3), { least: 2, most: 4 }, 'unknown'],
    ['as many as rotctl may have caused', COUNTED, REFUSED.repeat(4), { least: 2, most: 4 }, 'unknown'],
    ['one more than it may have caused', COUNTED, REFUSED.repeat(5), { least: 2, most: 4 }, 'fail'],
    ['fewer than surely', COUNTED, REFUSED, { least: 2, most: 4 }, 'unknown'],
    ['none of others beside ours', MARKED, OURS.repeat(4), 0, 'pass'],
    ['one of others beside ours', MARKED, OURS + REFUSED + OURS, 9, 'fail'],
    ['just below what is allowed', { ...MARKED, allowed: 3 }, REFUSED.repeat(2), 0, 'pass'],
    ['as many as are allowed', { ...MARKED, allowed: 3 }, REFUSED.repeat(3), 0, 'pass'],
    ['one more than allowed', { ...MARKED, allowed: 3 }, REFUSED.repeat(4), 0, 'fail'],
    ['as many as allowed, beside counted ones', { ...COUNTED, allowed: 3 }, REFUSED.repeat(5), 2, 'pass'],
    ['one more, beside counted ones', { ...COUNTED, allowed: 3 }, REFUSED.repeat(6), 2, 'fail'],
    ['allowed or not', { ...COUNTED, allowed: 3 }, REFUSED.repeat(6), { least: 2, most: 3 }, 'unknown'],
  ] as const)('%s', async (_, logs, appended, own, verdict) => {
    const watch = await begun(logs);
    await appendFile(log, appended);
    expect(await look(watch, own)).toMatchObject({ id: 'log.no-spike', critical: true, target: 'gate-a', verdict });
  });

  test('a finding says how many, since when, and nothing of what stands in the log', async () => {
    const watch = await begun(COUNTED);
    await appendFile(log, REFUSED.repeat(2));
    expect(await look(watch)).toEqual({
      ...{ id: 'log.no-spike', verdict: 'fail', critical: true, target: 'gate-a' },
      ...{ expected: 'no refused signatures of others', seen: '2 of others among 2', samples: 2, ms: 1000 },
      reason: '2 refused signatures of others in the log since 2026-01-01T00:00:00.000Z',
    });
    await appendFile(log, REFUSED.repeat(3));
    expect((await look(watch, { least: 0, most: 1 })).reason).toBe(
      'at least 2 refused signatures of others in the log since 2026-01-01T00:00:01.000Z',
    );
  });

  test('each look counts what came since the one before', async () => {
    const watch = await begun(COUNTED);
    const verdicts: string[] = [];
    for (const text of [REFUSED, '', ACCEPTED, REFUSED.repeat(2), '']) {
      await appendFile(log, text);
      verdicts.push((await look(watch)).verdict);
    }
    expect(verdicts).toEqual(['fail', 'pass', 'pass', 'fail', 'pass']);
  });

  test('each replica has a place and refusals of its own', async () => {
    const other = `${log}.b`;
    const replicas = [
      { name: 'gate-a', log },
      { name: 'gate-b', log: other },
    ];
    await writeFile(log, REFUSED);
    await writeFile(other, REFUSED);
    const watch = watchOf(COUNTED, replicas);
    await watch.begin();
    await appendFile(log, REFUSED);
    await appendFile(other, REFUSED);
    expect(await watch.look(new Map([['gate-b', { least: 1, most: 1 }]]))).toMatchObject([
      { target: 'gate-a', verdict: 'fail' },
      { target: 'gate-b', verdict: 'pass' },
    ]);
  });
});

describe('lines that are late', () => {
  test('a last line without its end is left for the next look', async () => {
    const watch = await begun(MARKED);
    await appendFile(log, `${ACCEPTED}${REFUSED.slice(0, -1)}`);
    expect(await look(watch)).toMatchObject({ verdict: 'pass', samples: 0 });
    await appendFile(log, ` rotctl/run-7\n`);
    expect(await look(watch)).toMatchObject({ verdict: 'pass', samples: 1 });
    await appendFile(log, REFUSED.slice(0, 20));
    expect((await look(watch)).samples).toBe(0);
    await appendFile(log, REFUSED.slice(20));
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 1 });
  });

  test('lines may end as on Windows, and hold what is no UTF-8', async () => {
    const watch = await begun(MARKED);
    await appendFile(log, Buffer.concat([Buffer.from([0xff, 0xc3, 0x0a]), Buffer.from(REFUSED.replace('\n', '\r\n'))]));
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 1 });
  });

  test('an own refusal whose line comes after the look is not taken for another’s', async () => {
    const watch = await begun(COUNTED);
    const late = await look(watch, 1);
    expect(late).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/shows 0 .* 1 more: it is late/) });
    await appendFile(log, REFUSED);
    expect(await look(watch, 0)).toMatchObject({ verdict: 'pass', samples: 1 });
    await appendFile(log, REFUSED);
    expect(await look(watch, 0)).toMatchObject({ verdict: 'fail' });
  });

  test('a log that does not show own refusals shows nobody’s, and stays unknown', async () => {
    const watch = await begun(COUNTED);
    expect((await look(watch, 2)).verdict).toBe('unknown');
    expect((await look(watch, 1)).reason).toMatch(/3 more/);
    expect((await look(watch, 0)).verdict).toBe('unknown');
  });

  test('a request without an answer may be refused, and logged, later', async () => {
    const watch = await begun(COUNTED);
    expect((await look(watch, { least: 0, most: 1 })).verdict).toBe('pass');
    await appendFile(log, REFUSED);
    expect((await look(watch)).verdict).toBe('unknown');
    await appendFile(log, REFUSED);
    expect((await look(watch)).verdict).toBe('fail');
  });
});

describe('a log that is not the same file', () => {
  const fresh = `${ACCEPTED}${REFUSED}`;
  test.each([
    ['was replaced by another', async () => rename(`${log}.new`, log), /the file was replaced by another/],
    ['was emptied', async () => writeFile(log, ACCEPTED + REFUSED), /the file shrank from 177 to \d+ bytes/],
    [
      'was emptied and has outgrown its place',
      async () => writeFile(log, REFUSED + ACCEPTED.repeat(99)),
      /the file was written anew/,
    ],
  ])('%s: it is read from its beginning, and that is said', async (_, change, seen) => {
    const watch = await begun(COUNTED);
    await writeFile(`${log}.new`, fresh);
    await change();
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 1, seen: expect.stringMatching(seen) });
    await appendFile(log, ACCEPTED);
    expect(await look(watch)).toMatchObject({ verdict: 'pass', seen: '0 of others among 0' });
  });

  test('without refusals in it, it passes, and says what was not seen', async () => {
    const watch = await begun(COUNTED);
    await writeFile(log, ACCEPTED);
    const { verdict, seen } = await look(watch);
    expect(verdict).toBe('pass');
    expect(seen).toMatch(/^0 of others among 0; the file shrank .*: what it lost after the look before was not seen$/);
  });

  test('own refusals that were lost with the old file do not make the new one late for ever', async () => {
    const watch = await begun(COUNTED);
    await writeFile(log, ACCEPTED);
    expect((await look(watch, 1)).verdict).toBe('unknown');
    expect((await look(watch)).verdict).toBe('pass');
    await appendFile(log, REFUSED);
    expect((await look(watch)).verdict).toBe('unknown');
  });

  test('emptied to the very byte of its place, with the same text before, it goes on', async () => {
    const watch = await begun(COUNTED);
    await truncate(log, 3 * REFUSED.length);
    await appendFile(log, REFUSED);
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 1, seen: '1 of others among 1' });
  });

  test('a log that appears after the beginning is read whole', async () => {
    const watch = watchOf(COUNTED);
    await watch.begin();
    await writeFile(log, REFUSED.repeat(2));
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 2, seen: '2 of others among 2' });
  });

  test('a link is followed', async () => {
    await writeFile(`${log}.real`, '');
    await symlink(`${log}.real`, log);
    const watch = watchOf(COUNTED);
    await watch.begin();
    await appendFile(`${log}.real`, REFUSED);
    expect((await look(watch)).verdict).toBe('fail');
  });
});

describe('a log that cannot be told', () => {
  test('a missing file is unknown, and nothing of it is lost when it is back', async () => {
    const watch = await begun(COUNTED);
    await rename(log, `${log}.away`);
    expect(await look(watch, 1)).toMatchObject({
      verdict: 'unknown',
      reason: 'its log since 2026-01-01T00:00:00.000Z cannot be told: file: there is no such file',
      seen: 'not told',
    });
    await rename(`${log}.away`, log);
    await appendFile(log, REFUSED.repeat(2));
    expect(await look(watch)).toMatchObject({
      verdict: 'fail',
      reason: '1 refused signatures of others in the log since 2026-01-01T00:00:00.000Z',
    });
  });

  test('a folder in its place is unknown, from the beginning and later', async () => {
    const watch = await begun(COUNTED);
    await unlink(log);
    await mkdir(log);
    expect(await look(watch)).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/no regular file$/) });
    await watch.begin();
    expect(await look(watch)).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/at the look before: file: it is no regular file$/),
    });
    await rm(log, { recursive: true });
    await writeFile(log, REFUSED);
    expect((await look(watch)).verdict).toBe('unknown');
    expect((await look(watch)).verdict).toBe('pass');
  });

  test.each([
    [MAX_APPENDED_BYTES, 'fail', 1],
    [MAX_APPENDED_BYTES + 1, 'unknown', 0],
  ])('%i bytes since the last look: %s', async (bytes, verdict, samples) => {
    const watch = await begun(COUNTED);
    await appendFile(log, `${REFUSED}${'x'.repeat(bytes - REFUSED.length - 1)}\n`);
    const finding = await look(watch);
    expect(finding).toMatchObject({ verdict, samples });
    if (verdict === 'unknown')
      expect(finding.reason).toMatch(/8388609 bytes were appended since the last look, more than/);
    expect(await look(watch)).toMatchObject({ verdict: 'pass', samples: 0 });
    await appendFile(log, REFUSED);
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 1 });
  });

  test('a watch that nobody began is unknown, and begins', async () => {
    await writeFile(log, REFUSED);
    const watch = watchOf(COUNTED);
    expect(await look(watch)).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/nobody has begun/) });
    await appendFile(log, REFUSED);
    expect(await look(watch)).toMatchObject({ verdict: 'fail', samples: 1 });
  });
});

describe('what is not watched', () => {
  test('a fleet without logs, and a replica without a log, are not asked for, and it is said why', async () => {
    await writeFile(log, REFUSED);
    const replicas = [
      { name: 'gate-a', log },
      { name: 'gate-b', log: undefined },
    ];
    const without = watchOf(undefined, replicas);
    await without.begin();
    expect(await without.look(NO_OWN)).toMatchObject([
      { target: 'gate-a', verdict: 'not-applicable', reason: 'rotctl.yaml declares no logs to watch' },
      { target: 'gate-b', verdict: 'not-applicable', reason: 'rotctl.yaml declares no logs to watch' },
    ]);
    const watch = watchOf(MARKED, replicas);
    await watch.begin();
    expect(await watch.look(NO_OWN)).toMatchObject([
      { target: 'gate-a', verdict: 'pass' },
      { target: 'gate-b', verdict: 'not-applicable', reason: 'rotctl.yaml names no log of this replica' },
    ]);
  });
});
