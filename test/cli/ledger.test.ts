import { appendFileSync, copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Writing } from './rotation-entries.ts';
import { makeWorld, type World } from './world.ts';

/** A world with a fleet file (only its name counts here) and a real ledger of a rotation that is in overlap. */
async function worldWithLedger(): Promise<World & { readonly ledger: string; readonly count: number }> {
  const world = makeWorld();
  writeFileSync(join(world.cwd, 'rotctl.yaml'), '');
  const ledger = join(world.cwd, 'rotation-ledger.yaml');
  const writing = new Writing();
  await writing.begin();
  await writing.move('overlap');
  const open = await world.platform.openLedger(ledger);
  for (const { seq: _, at: __, prev: ___, hash: ____, ...draft } of writing.entries) await open.append(draft);
  await open.close();
  return { ...world, ledger, count: writing.entries.length };
}

const DAMAGE: { name: string; harm: (ledger: string) => void }[] = [
  {
    name: 'a changed byte',
    harm: (ledger) => writeFileSync(ledger, readFileSync(ledger, 'utf8').replace('signer-b', 'signer-x')),
  },
  {
    name: 'a removed tail',
    harm: (ledger) => truncateSync(ledger, readFileSync(ledger, 'utf8').lastIndexOf('\n---\n') + 1),
  },
  { name: 'a missing head file', harm: (ledger) => rmSync(ledger.replace('.yaml', '.head')) },
  { name: 'a missing ledger', harm: (ledger) => rmSync(ledger) },
];

describe('a whole ledger', () => {
  test('verifies, with its number of entries', async () => {
    const { run, stderr, count } = await worldWithLedger();
    expect(await run('ledger', 'verify')).toBe(0);
    expect(stderr.lines.at(-1)).toContain(`PASS the ledger is whole: ${count} entries`);
  });

  test('is shown one entry a line, and the last ones on request', async () => {
    const { run, stdout, count } = await worldWithLedger();
    await run('ledger', 'show');
    expect(stdout.lines).toHaveLength(count);
    stdout.text = '';
    await run('ledger', 'show', '--last', '2');
    expect(stdout.lines).toHaveLength(2);
    expect(stdout.lines[1]).toContain('overlap  checkpoint');
  });

  test('is exported as JSON lines, one for each entry', async () => {
    const { run, stdout, count } = await worldWithLedger();
    expect(await run('ledger', 'export')).toBe(0);
    expect(stdout.lines.map((line) => JSON.parse(line).seq)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });

  test('gives status the phase, the moves and the next command, and is not written to', async () => {
    const { run, stdout, stderr, ledger } = await worldWithLedger();
    const before = readFileSync(ledger);
    expect(await run('status')).toBe(0);
    expect(stdout.text).toContain('overlap: every replica accepts current and next');
    expect(stdout.text).toMatch(/allowed +overlap, rollback, resume\nnext +rotctl resume\n/);
    expect(stderr.lines.at(-1)).toMatch(/^PASS .* is overlap/);
    expect(readFileSync(ledger)).toEqual(before);
  });
});

describe('a broken ledger', () => {
  test.each(DAMAGE)(
    'with $name: verify exits 1, export and status 2, and status still tells what it can',
    async ({ harm }) => {
      const { run, stdout, stderr, ledger } = await worldWithLedger();
      harm(ledger);
      expect(await run('ledger', 'verify')).toBe(1);
      expect(stdout.lines.length).toBeGreaterThan(0);
      expect(stderr.lines.at(-1)).toMatch(/^FAIL the ledger is broken: 1 problem/);
      expect(await run('ledger', 'export')).toBe(2);
      stdout.text = '';
      expect(await run('status', '--json')).toBe(2);
      expect(JSON.parse(stdout.text)).toMatchObject({ verdict: 'fail', next: 'rotctl ledger verify' });
      expect(JSON.parse(stdout.text).result.problems).toHaveLength(1);
    },
  );

  test('is scored by no scorecard', async () => {
    const { run, ledger, stderr } = await worldWithLedger();
    DAMAGE[0]?.harm(ledger);
    expect(await run('scorecard')).toBe(2);
    expect(stderr.lines.at(-1)).toBe('FAIL scorecard ended with LEDGER_BROKEN');
  });
});

test('a torn tail is said, and is no break', async () => {
  const { run, stdout, ledger } = await worldWithLedger();
  appendFileSync(ledger, '---\nseq: 30');
  const text = readFileSync(ledger, 'utf8');
  const last = Number(/seq: (\d+)\nhash/.exec(readFileSync(ledger.replace('.yaml', '.head'), 'utf8'))?.[1]);
  writeFileSync(ledger, text.replace(/seq: 30$/, `seq: ${last + 1}`));
  expect(await run('ledger', 'verify')).toBe(0);
  expect(stdout.text).toContain(`bytes of entry ${last + 1} at the end`);
  stdout.text = '';
  expect(await run('status')).toBe(0);
  expect(stdout.text).toContain('a crash left');
});

test('a ledger that was begun nowhere is no failure, but a fleet that is nowhere is', async () => {
  const world = makeWorld();
  expect(await world.run('status')).toBe(2);
  writeFileSync(join(world.cwd, 'rotctl.yaml'), '');
  world.stderr.text = '';
  expect(await world.run('status')).toBe(0);
  expect(world.stderr.lines.at(-1)).toBe('PASS no rotation was begun');
});

test('status says who holds the lock', async () => {
  const { run, stdout, ledger } = await worldWithLedger();
  const holder = { host: 'ops-1', machine: null, pid: 77, pidNamespace: null, startTime: null, bootId: null };
  writeFileSync(
    `${ledger}.lock`,
    JSON.stringify({ ...holder, runId: 'abc', command: 'retire', since: '2026-11-21T12:00:00.000Z', token: 3 }),
  );
  await run('status');
  expect(stdout.text).toContain('lock held by retire, run abc, process 77 on ops-1, since 2026-11-21T12:00:00.000Z');
});

test('--ledger names a copy, without any fleet file', async () => {
  const { ledger } = await worldWithLedger();
  const other = makeWorld();
  copyFileSync(ledger, join(other.cwd, 'copy.yaml'));
  copyFileSync(ledger.replace('.yaml', '.head'), join(other.cwd, 'copy.head'));
  expect(await other.run('status', '--ledger', join(other.cwd, 'copy.yaml'))).toBe(0);
  expect(other.stdout.text).toContain('overlap');
});
