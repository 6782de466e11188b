import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/machine/safety/check.ts';
import { ENVIRONMENT } from '../../src/machine/safety/environment.ts';
import type { Beginning } from '../../src/machine/step.ts';
import { renderCounterexample } from '../../src/report/counterexample.ts';
import { safetyDocument } from '../../src/report/safety-json.ts';
import { renderSafety, renderSurroundings, sayExplored, sayProof } from '../../src/report/safety-text.ts';
import { textWidth, wrap } from '../../src/report/wrap.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { positionOf, type Safety, type Surrounding } from '../../src/runner/safety.ts';

const MISTAKES = readdirSync('test/mistakes').filter((name) => name.endsWith('.yaml'));
/** How the fleet begins that a mistake hurts, where any other would not show it. */
const BEGINNINGS: Readonly<Record<string, Beginning>> = {
  'test/mistakes/gm5-strict-before-clients-are-back.yaml': { strict: true, keyIds: 'own' },
};
const SURROUNDINGS: Surrounding[] = ENVIRONMENT.map((action) => ({ action, on: true, why: '' }));

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
}

function prove(file: string, edit: (text: string) => string = (text) => text): Safety {
  const beginning = BEGINNINGS[file];
  const inventory = {
    replicas: names('replica', 3),
    clients: names('client', 3),
    templates: names('template', 1),
    ...(beginning === undefined ? {} : { beginning }),
  };
  const runbook = readRunbook(edit(readFileSync(file, 'utf8')), file);
  const { scheme, program } = runbook;
  const answer = check({ scheme, program, inventory, environment: new Set(ENVIRONMENT) });
  return { runbook, inventory, surroundings: SURROUNDINGS, answer };
}

describe('running text', () => {
  test('is broken at spaces, aligned below its head', () => {
    expect(wrap('  1  ', 'one two three four', 14)).toEqual(['  1  one two', '     three', '     four']);
  });

  test('keeps a word that is longer than a line, and a product, in one piece', () => {
    expect(wrap('', 'a file/that/is/very/long b', 8)).toEqual(['a', 'file/that/is/very/long', 'b']);
    expect(wrap('', 'stand for 3 × 3 × 1', 12)).toEqual(['stand for', '3 × 3 × 1']);
    expect(wrap('', 'client-1 waits 58 min', 16)).toEqual(['client-1 waits', '58 min']);
  });

  test.each([
    [20, 40],
    [80, 80],
    [300, 100],
  ])('on %d columns is %d wide', (columns, width) => expect(textWidth(columns)).toBe(width));
});

describe.each(MISTAKES)('the counterexample of %s', (name) => {
  const file = `test/mistakes/${name}`;
  const safety = prove(file);
  const found = safety.answer.counterexample;

  test('is read at 80 columns, and ends with the request, the step with its place, and the advice', () => {
    const at = positionOf(safety);
    const text = renderSafety(safety, name, { at });
    const lines = text.split('\n');
    const tooLong = lines.filter((line) => line.length > 80 && !line.startsWith(`  change  ${found?.step}, ${file}`));
    expect(tooLong).toEqual([]);
    expect(lines.some((line) => line.startsWith('  !  ') || line.startsWith('   !  '))).toBe(true);
    expect(text).toContain(`  change  ${found?.step}, ${file}:${at?.line}:7`);
    const step = readFileSync(file, 'utf8').split('\n')[(at?.line ?? 0) - 1];
    expect(step).toContain(`step: ${found?.step}`);
    expect(text).toContain('  advice  ');
  });

  test('has the lines in order, each party below a line only when it changed', () => {
    if (found === undefined) throw new Error('there is no counterexample');
    const brief = renderCounterexample(found);
    const whole = renderCounterexample(found, { verbose: true });
    const numbers = [...brief.matchAll(/^ +(\d+) {2}/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(found.lines.map(({ number }) => number));
    expect(whole.length).toBeGreaterThan(brief.length);
    let before = found.before;
    for (const line of found.lines) {
      const changed = line.holds.filter(
        (one) => !before.some((other) => JSON.stringify(other) === JSON.stringify(one)),
      );
      for (const { party } of changed) expect(brief).toContain(party);
      before = line.holds;
    }
  });

  test('is whole in JSON, with what every party holds after each line', () => {
    const document = JSON.parse(JSON.stringify(safetyDocument(safety)));
    expect(document).toMatchObject({ verdict: 'unsafe', counterexample: { invariant: found?.invariant, file } });
    for (const line of document.counterexample.lines) expect(line.holds).toHaveLength(5);
  });
});

describe('a proof in words', () => {
  const safety = prove('runbooks/signer-hmac.yaml');

  test('says what was explored, and what it stands for', () => {
    const { states } = safety.answer;
    expect(sayExplored(safety)).toBe(
      `explored ${states} states at 2 replicas × 2 clients × 1 template, which stand for 3 × 3 × 1`,
    );
    expect(sayProof(safety)).toBe(
      `runbook signer-hmac: proven safe in every one of ${states} states (2 replicas × 2 clients × 1 template stand for this fleet)`,
    );
    expect(renderSafety(safety, 'signer-hmac')).toMatch(/^SAFE {2}signer-hmac\n/);
  });

  test('says of what is too much to look at that it is not proven', () => {
    const unknown: Safety = { ...safety, answer: { ...safety.answer, verdict: 'unknown', states: 400_001 } };
    expect(renderSafety(unknown, 'x')).toMatch(/^UNKNOWN {2}x\n/);
    expect(sayProof(unknown)).toContain('not proven: more than 400001 states');
  });

  test('lists what may happen and what not; with `full` what each means', () => {
    const some = SURROUNDINGS.map((one) => ({ ...one, on: one.action !== 'scale-out', why: 'because' }));
    const brief = renderSurroundings(some);
    expect(brief).toMatch(/^ {2}off {5}scale-out$/m);
    expect(brief.match(/^ {2}always {2}/gm)).toHaveLength(3);
    const full = renderSurroundings(some, { full: true });
    for (const action of ENVIRONMENT) expect(full).toMatch(new RegExp(`^ {2}(on |off) {5}${action} `, 'm'));
    expect(full).toContain('(because)');
  });
});
