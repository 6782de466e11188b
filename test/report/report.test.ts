import { describe, expect, test } from 'vitest';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { Cell, Finding } from '../../src/probe/finding.ts';
import { formatDuration } from '../../src/report/duration.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderJunit } from '../../src/report/junit.ts';
import { renderMatrix } from '../../src/report/matrix.ts';
import type { Palette } from '../../src/report/palette.ts';
import type { CommandResult } from '../../src/report/result.ts';
import { renderChecks, verdictLine } from '../../src/report/text.ts';
import { readXml } from './xml.ts';

const ANGLED: Palette = {
  good: (text) => `<g>${text}</g>`,
  bad: (text) => `<b>${text}</b>`,
  doubt: (text) => `<d>${text}</d>`,
  faint: (text) => `<f>${text}</f>`,
  strong: (text) => `<s>${text}</s>`,
};

function check(id: string, target: string, overrides: Partial<Finding> = {}): Finding {
  const base = { critical: true, expected: 'ACCEPTED', seen: 'ACCEPTED', samples: 1, ms: 4.26 };
  return { id, target, verdict: 'pass', ...base, ...overrides };
}

function result(overrides: Partial<CommandResult> = {}): CommandResult {
  return { command: 'check', verdict: 'pass', exitCode: 0, summary: 'the fleet is ready', checks: [], ...overrides };
}

const refused = { verdict: 'fail', seen: 'AUTH_INVALID_HMAC', reason: 'it has <one> & "two"' } as const;
const accepted = { owner: 'payments', reason: 'one store each until the next release' } as const;
const evil = 'a\u001b[2J\u009b\u202eb\n<x a="1">&\u0000';

describe('the JSON document', () => {
  test('has the contract’s fields in their order, and leaves out what does not apply', () => {
    const error = new RotctlError('INPUT_INVALID', 'policy.soak is 0', {
      at: { file: 'rotctl.yaml', line: 3, column: 7 },
    });
    const json = renderJson(
      result({
        verdict: 'fail',
        exitCode: 2,
        rotation: 'r-1',
        fleet: 'practice',
        phase: 'overlap',
        checks: [check('replay.cross-replica', 'signer-b', { ...refused, samples: 3 })],
        faults: [{ name: 'skewed-clock', target: 'signer-a', found: true, check: 'clock', recovered: true }],
        rollback: 'verified',
        result: { replicas: 3 },
        error,
        next: 'rotctl rollback',
      }),
    );
    expect(json.endsWith('}\n')).toBe(true);
    const document = JSON.parse(json);
    expect(Object.keys(document).join(' ')).toBe(
      'schema verdict exitCode summary rotation fleet phase checks faults rollback result error next',
    );
    expect(document).toMatchObject({
      schema: 'rotctl.check.v1',
      verdict: 'fail',
      exitCode: 2,
      next: 'rotctl rollback',
    });
    expect(document.checks).toEqual([
      {
        id: 'replay.cross-replica',
        verdict: 'fail',
        critical: true,
        target: 'signer-b',
        expected: 'ACCEPTED',
        seen: 'AUTH_INVALID_HMAC',
        reason: refused.reason,
        samples: 3,
        ms: 4.3,
      },
    ]);
    expect(document.error).toMatchObject({ code: 'INPUT_INVALID', file: 'rotctl.yaml', line: 3, column: 7 });
    expect(Object.keys(JSON.parse(renderJson(result())))).toEqual([
      'schema',
      'verdict',
      'exitCode',
      'summary',
      'checks',
    ]);
  });

  test('keeps foreign text whole, without a byte that a terminal obeys', () => {
    const json = renderJson(result({ checks: [check('x', evil)] }));
    expect(JSON.parse(json).checks[0].target).toBe(evil);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

describe('checks as text', () => {
  const checks = [
    check('accepts.next', 'signer-a'),
    check('replay.cross', 'signer-a'),
    check('accepts.next', 'signer-b', refused),
    check('replay.cross', 'signer-b'),
    check('clock', 'signer-a', { verdict: 'unknown', seen: 'UNKNOWN', reason: 'no answer', critical: false }),
    check('mtls_required_rejected', 'fleet', { verdict: 'not-applicable', reason: 'tls.required is false' }),
    check('canary', 'balancer'),
  ];

  test('one line for what passed everywhere, one for each target that did not', () => {
    expect(renderChecks(checks).split('\n')).toEqual([
      'pass     accepts.next            1/2',
      'FAIL     accepts.next            signer-b: expected ACCEPTED, saw AUTH_INVALID_HMAC: it has <one> & "two"',
      'pass     replay.cross            2/2',
      'unknown  clock                   signer-a: expected ACCEPTED, saw UNKNOWN: no answer (not critical)',
      'n/a      mtls_required_rejected  fleet: tls.required is false',
      'pass     canary                  balancer',
    ]);
  });

  test('verbose shows each target', () => {
    expect(renderChecks(checks.slice(0, 2), { verbose: true }).split('\n')).toEqual([
      'pass     accepts.next  signer-a: ACCEPTED',
      'pass     replay.cross  signer-a: ACCEPTED',
    ]);
  });

  test('colour adds nothing but colour', () => {
    const text = renderChecks(checks, { palette: ANGLED });
    expect(text).toContain('<b>FAIL   </b>');
    expect(text.replace(/<\/?[gbdfs]>/g, '')).toBe(renderChecks(checks));
  });

  test('foreign text cannot start a line or an escape sequence', () => {
    const text = renderChecks([check(evil, evil, { ...refused, seen: evil, expected: evil, reason: evil })]);
    expect(text.split('\n')).toHaveLength(1);
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('\u202e');
  });

  test('no checks are no text', () => {
    expect(renderChecks([])).toBe('');
  });
});

describe('the verdict line', () => {
  test.each([
    ['pass', 'PASS the fleet is ready'],
    ['fail', 'FAIL the fleet is ready'],
    ['unknown', 'INCONCLUSIVE the fleet is ready'],
    ['rehearsed', 'REHEARSED the fleet is ready'],
    ['stopped', 'STOPPED the fleet is ready'],
    ['advised', 'ADVISED the fleet is ready'],
  ] as const)('%s', (verdict, line) => {
    expect(verdictLine(result({ verdict }))).toBe(line);
  });

  test('has counts, and says how many do not apply', () => {
    const checks = [
      check('a', 'x'),
      check('a', 'y', { verdict: 'unknown' }),
      check('b', 'x', { verdict: 'not-applicable' }),
    ];
    expect(verdictLine(result({ verdict: 'unknown', checks }))).toBe(
      'INCONCLUSIVE the fleet is ready (1/2 checks, 1 unknown, 1 not applicable)',
    );
    expect(verdictLine(result({ summary: '', checks: checks.slice(0, 1) }))).toBe('PASS 1/1 checks, 0 unknown');
  });

  test('is one line whatever the summary holds', () => {
    const line = verdictLine(result({ summary: evil }));
    for (const char of ['\n', '\u001b', '\u202e']) expect(line).not.toContain(char);
  });
});

describe('the evidence matrix', () => {
  function cell(client: string, generation: Cell['generation'], replica: string, overrides: Partial<Cell> = {}): Cell {
    const base = {
      expected: 'ACCEPTED',
      seen: 'ACCEPTED',
      verdict: 'pass',
      at: '2026-01-01T00:00:00.000Z',
      ms: 1,
    } as const;
    return { client, generation, replica, ...base, ...overrides };
  }
  const gone = { expected: 'AUTH_INVALID_HMAC', seen: 'AUTH_INVALID_HMAC' };
  const cells = [
    cell('client-a', 'current', 'signer-a', gone),
    cell('client-a', 'next', 'signer-a'),
    cell('client-a', 'current', 'signer-b', { ...gone, seen: 'ACCEPTED', verdict: 'fail' }),
    cell('client-a', 'wrong', 'signer-b', { ...gone, seen: 'UNKNOWN', verdict: 'unknown', reason: 'TIMEOUT' }),
  ];

  test('replicas are columns; what is not as expected is said below', () => {
    expect(renderMatrix(cells).split('\n')).toEqual([
      '                  signer-a     signer-b',
      'client-a current  ok refused   FAIL accepted',
      'client-a next     ok accepted  -',
      'client-a wrong    -            ? UNKNOWN',
      '',
      'FAIL signer-b, client-a current: expected AUTH_INVALID_HMAC, saw ACCEPTED',
      '? signer-b, client-a wrong: expected AUTH_INVALID_HMAC, saw UNKNOWN: TIMEOUT',
    ]);
  });

  test('colour adds nothing but colour, and moves no column', () => {
    expect(
      renderMatrix(cells, { palette: ANGLED })
        .replace(/<\/?[gbdfs]>/g, '')
        .replace(/ +$/gm, ''),
    ).toBe(renderMatrix(cells));
  });

  test('many replicas go on below, within the width', () => {
    const many = Array.from({ length: 12 }, (_, index) => cell('client-a', 'next', `signer-${index}`));
    const lines = renderMatrix(many, { width: 60 }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    for (let index = 0; index < 12; index++) expect(lines.join('\n')).toMatch(new RegExp(`signer-${index}\\b`));
  });

  test('of two results for one field the later counts', () => {
    const twice = [cell('c', 'next', 'a', { verdict: 'fail', seen: 'AUTH_INVALID_HMAC' }), cell('c', 'next', 'a')];
    expect(renderMatrix(twice)).not.toContain('FAIL');
  });
});

describe('JUnit', () => {
  function outlineOf(xml: string): string[] {
    return readXml(xml).map(({ tag, attributes: its }) => {
      if (tag === 'testsuite') return `${tag} tests=${its.tests} failures=${its.failures} skipped=${its.skipped}`;
      if (tag === 'testcase') return `${tag} ${its.classname} ${its.name}`;
      return its.message === undefined ? tag : `${[tag, its.type].filter(Boolean).join(' ')}: ${its.message}`;
    });
  }

  test('unknown is a failure of type inconclusive, not-applicable is skipped, and the verdict is a case', () => {
    const checks = [
      check('accepts', 'signer-a'),
      check('accepts', 'signer-b', refused),
      check('accepts', 'signer-c', { verdict: 'unknown', seen: 'UNKNOWN' }),
      check('mtls', 'fleet', { verdict: 'not-applicable', reason: 'not declared' }),
    ];
    expect(outlineOf(renderJunit(result({ verdict: 'fail', checks })))).toEqual([
      'testsuites',
      'testsuite tests=5 failures=3 skipped=1',
      'testcase accepts signer-a',
      'testcase accepts signer-b',
      'failure fail: expected ACCEPTED, saw AUTH_INVALID_HMAC: it has <one> & "two"',
      'testcase accepts signer-c',
      'failure inconclusive: expected ACCEPTED, saw UNKNOWN',
      'testcase mtls fleet',
      'skipped: not declared',
      'testcase rotctl.check verdict',
      'failure fail: FAIL the fleet is ready',
    ]);
  });

  test.each([
    ['pass', 'failures=0 skipped=0', undefined],
    ['fail', 'failures=1 skipped=0', 'failure fail: FAIL the fleet is ready'],
    ['unknown', 'failures=1 skipped=0', 'failure inconclusive: INCONCLUSIVE the fleet is ready'],
    ['rehearsed', 'failures=0 skipped=1', 'skipped: REHEARSED the fleet is ready'],
    ['stopped', 'failures=1 skipped=0', 'failure stopped: STOPPED the fleet is ready'],
    ['advised', 'failures=0 skipped=1', 'skipped: ADVISED the fleet is ready'],
  ] as const)('a command that ends %s without any check', (verdict, counts, flaw) => {
    const outline = outlineOf(renderJunit(result({ verdict })));
    expect(outline[1]).toBe(`testsuite tests=1 ${counts}`);
    expect(outline[3]).toBe(flaw);
  });

  test('foreign text cannot break the file', () => {
    const name = `${evil}]]>\ud800\ufffe\u0008`;
    const xml = renderJunit(result({ verdict: 'fail', checks: [check(name, name, { ...refused, reason: name })] }));
    expect(outlineOf(xml)[2]).toContain('<x a="1">&\\x00]]>\ufffd\ufffd\\x08');
  });
});

describe('a failure that the fleet file accepts', () => {
  const flawed = check('replay.cross-replica', 'gate-b', { ...refused, accepted });

  test('says in text who answers for it and why, and still that it failed', () => {
    expect(renderChecks([flawed])).toContain(`(accepted by payments: ${accepted.reason})`);
    expect(renderChecks([flawed])).toMatch(/^FAIL /m);
  });

  test('is a failure with its owner in JSON', () => {
    expect(JSON.parse(renderJson(result({ checks: [flawed] }))).checks).toMatchObject([{ verdict: 'fail', accepted }]);
  });

  test('does not fail a build that reads JUnit', () => {
    const cases = readXml(renderJunit(result({ checks: [flawed] })));
    expect(cases.filter(({ tag }) => tag === 'failure')).toEqual([]);
    expect(cases.find(({ tag }) => tag === 'skipped')?.attributes.message).toContain('accepted by payments: one store');
  });
});

describe('durations for people', () => {
  test.each([
    [0, '0 ms'],
    [0.4, '0 ms'],
    [850, '850 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [2500, '2.5 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [3_599_400, '59 min 59 s'],
    [3_599_600, '1 h'],
    [7_500_000, '2 h 5 min'],
    [86_399_000, '1 d'],
    [86_400_000, '1 d'],
    [100_800_000, '1 d 4 h'],
    [-2500, '-2.5 s'],
    [Number.NaN, 'unknown'],
    [Number.POSITIVE_INFINITY, 'unknown'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
