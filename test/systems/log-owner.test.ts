import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asAnother } from './as-another.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotctl-log-owner-'));
});

afterEach(() => rm(folder, { recursive: true }));

const WATCH = [
  "import { logFiles } from './src/system/log-files.ts';",
  "import { RefusalWatch } from './src/watch/logs.ts';",
];

it.each([
  ['nobody else may read is unknown, and why', 0o600, 'unknown', /cannot be told: at the look before: file: EACCES/],
  ['everybody may read is watched', 0o644, 'pass', /^undefined$/],
] as const)('a log that %s', async (_, mode, verdict, reason) => {
  const log = join(folder, 'gate-a.log');
  await writeFile(log, 'GET /health 200\n', { mode });
  await chmod(log, mode);
  const stdout = await asAnother(
    folder,
    WATCH,
    `const watch = new RefusalWatch({
      logs: { refused: /invalid request signature/, own: undefined, allowed: 0 },
      replicas: [{ name: 'gate-a', log: ${JSON.stringify(log)} }],
      files: logFiles,
      clock: { now: () => 0 },
    });
    await watch.begin();
    const [finding] = await watch.look(new Map());
    console.log(finding.verdict, String(finding.reason));`,
  );
  const [seen, ...why] = stdout.split(' ');
  expect(seen).toBe(verdict);
  expect(why.join(' ')).toMatch(reason);
});
