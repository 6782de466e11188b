import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { present } from '../../src/cli/present.ts';
import type { CommandEnd } from '../../src/cli/result.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { makeWorld } from './world.ts';

const FLAGS = { json: false, out: undefined, quiet: false, verbose: false, color: true };
const GOOD: CommandEnd = {
  command: 'overlap',
  verdict: 'pass',
  summary: 'overlap is open',
  rotation: 'r-1',
  phase: 'switched',
  next: 'rotctl retire',
};
const BAD: Finding = {
  id: 'replay.cross-replica',
  verdict: 'fail',
  critical: true,
  target: 'signer-b',
  expected: 'REPLAY_NONCE_USED',
  seen: 'ACCEPTED',
  samples: 3,
  ms: 4,
};

function failed(error: RotctlError): CommandEnd {
  return { command: 'overlap', verdict: 'fail', summary: error.message, error, checks: [BAD] };
}

describe('an end', () => {
  test.each([
    { end: GOOD, exit: 0, last: 'PASS overlap is open' },
    { end: { ...GOOD, verdict: 'rehearsed' as const }, exit: 0, last: 'REHEARSED overlap is open' },
    { end: { ...GOOD, verdict: 'fail' as const }, exit: 1, last: 'FAIL overlap is open' },
    { end: { ...GOOD, verdict: 'unknown' as const }, exit: 12, last: 'INCONCLUSIVE overlap is open' },
    { end: { ...GOOD, verdict: 'stopped' as const }, exit: 14, last: 'STOPPED overlap is open' },
    { end: { ...GOOD, verdict: 'fail' as const, exitCode: 10 }, exit: 10, last: 'FAIL overlap is open' },
    {
      end: failed(new RotctlError('ROLLED_BACK', 'signer-b refused next')),
      exit: 10,
      last: 'FAIL overlap ended with ROLLED_BACK (0/1 checks, 0 unknown)',
    },
  ])('$last ends with $exit', async ({ end, exit, last }) => {
    const { platform, stderr } = makeWorld();
    expect(await present(platform, FLAGS, end)).toBe(exit);
    expect(stderr.lines.at(-1)).toBe(last);
  });

  test('with --json is exactly one document, and the verdict line still stands on stderr', async () => {
    for (const end of [
      GOOD,
      failed(new RotctlError('HELD', 'not proven', { at: { file: 'a.yaml', line: 3, column: 7 } })),
    ]) {
      const { platform, stdout, stderr } = makeWorld();
      const exit = await present(platform, { ...FLAGS, json: true }, end);
      const document = JSON.parse(stdout.text);
      expect(document).toMatchObject({ schema: 'rotctl.overlap.v1', exitCode: exit, verdict: end.verdict });
      expect(stdout.text.endsWith('}\n')).toBe(true);
      expect(stderr.lines.at(-1)).toMatch(/^(PASS|FAIL) /);
    }
  });

  test('tells a failure by place, hint and next command, in this order, before the verdict', async () => {
    const { platform, stderr } = makeWorld();
    const at = { file: 'rotctl.yaml', line: 12, column: 5 };
    const error = new RotctlError('INPUT_INVALID', 'replicas[0].url: must be https', {
      at,
      hint: 'write https',
      next: 'rotctl check',
    });
    await present(platform, FLAGS, { command: 'check', verdict: 'fail', summary: error.message, error });
    expect(stderr.lines).toEqual([
      'rotctl.yaml:12:5: replicas[0].url: must be https',
      'hint: write https',
      'next: rotctl check',
      'FAIL check ended with INPUT_INVALID',
    ]);
  });

  test('escapes what is foreign in a failure', async () => {
    const { platform, stderr } = makeWorld();
    await present(platform, FLAGS, failed(new RotctlError('HELD', 'got \u001b[2J\u202e')));
    expect(stderr.text).not.toContain('\u001b');
    expect(stderr.text).not.toContain('\u202e');
  });
});

describe('--out', () => {
  test('writes the verdict, the result and a JUnit file, for the owner alone', async () => {
    const { platform, cwd } = makeWorld();
    await present(platform, { ...FLAGS, out: 'report/day' }, failed(new RotctlError('HELD', 'not proven')));
    const read = (name: string): string => readFileSync(join(cwd, 'report/day', name), 'utf8');
    expect(JSON.parse(read('verdict.json'))).toMatchObject({
      schema: 'rotctl.verdict.v1',
      verdict: 'fail',
      exitCode: 12,
      command: 'overlap',
    });
    expect(JSON.parse(read('overlap.json')).checks).toHaveLength(1);
    expect(read('junit.xml')).toContain('replay.cross-replica');
    expect(statSync(join(cwd, 'report/day/verdict.json')).mode & 0o777).toBe(0o600);
  });

  test('that cannot be written makes a failure of a pass, and hides no failure', async () => {
    for (const [end, exit] of [
      [GOOD, 2],
      [failed(new RotctlError('ROLLED_BACK', 'refused')), 10],
    ] as const) {
      const { platform, cwd, stderr } = makeWorld();
      writeFileSync(join(cwd, 'taken'), '');
      expect(await present(platform, { ...FLAGS, out: 'taken' }, end)).toBe(exit);
      expect(stderr.text).toContain('the report cannot be written');
      expect(stderr.lines.at(-1)).toMatch(/^FAIL /);
    }
  });

  test('is refused where the file to write is a folder', async () => {
    const { platform, cwd } = makeWorld();
    mkdirSync(join(cwd, 'day/verdict.json'), { recursive: true });
    expect(await present(platform, { ...FLAGS, out: 'day' }, GOOD)).toBe(2);
  });
});
