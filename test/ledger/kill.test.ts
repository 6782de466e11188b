import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/open.ts';
import { verifyLedger } from '../../src/ledger/verify.ts';
import { bundle, ended, linesOf, startChild, temporaryFolder, testPorts } from './support.ts';

const ROUNDS = 25;
let program: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rotctl-children-'));
  program = await bundle('append', folder);
  return () => rm(folder, { recursive: true });
});

it('a process killed while it appends leaves a ledger that verifies, without losing an entry that it had said', {
  timeout: 120_000,
}, async () => {
  const path = join(await temporaryFolder(), 'rotation-ledger.yaml');
  for (let round = 0; round < ROUNDS; round += 1) {
    const child = startChild(program, [path]);
    const nextLine = linesOf(child);
    expect(await nextLine()).toBe('open');
    let said = 0;
    for (let n = 0; n < 1 + (round % 4); n += 1) said = Number(await nextLine());
    for (let spin = 0; spin < round * 20_000; spin += 1) if (spin % 10_000 === 0) await new Promise(setImmediate);
    child.kill('SIGKILL');
    for (let line = await nextLine(); line !== undefined; line = await nextLine()) said = Number(line);
    await ended(child);
    const found = await verifyLedger(path, testPorts());
    expect(found).toMatchObject({ ok: true });
    if (found.ok) expect(found.entries).toBeGreaterThanOrEqual(said);
  }
  const ledger = await openLedger(path, testPorts());
  const entries = await ledger.entries();
  expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
  await ledger.close();
});
