import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVariable } from '../../src/credential/env-file.ts';
import { type NewLine, setVariable, unsetVariable } from '../../src/credential/env-lines.ts';
import { refusalFrom } from '../support/refusal.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

describe('setVariable', () => {
  const rows: ReadonlyArray<readonly [what: string, before: string, value: string, line: NewLine, after: string]> = [
    ['replaces what is set, in its quotes', 'A="x" # why\nB=1\n', 'new', { like: 'B' }, 'A="new" # why\nB=1\n'],
    ['leaves what is so already as it is spelt', "A = 'new'\n", 'new', {}, "A = 'new'\n"],
    ['adds a line', 'B=1\n', 'new', {}, 'B=1\nA=new\n'],
    ['adds the only line', '', 'new', {}, 'A=new\n'],
    ['keeps a file without a last line end so', 'B=1', 'new', {}, 'B=1\nA=new'],
    ['keeps CRLF', 'B=1\r\n', 'new', {}, 'B=1\r\nA=new\r\n'],
    ['keeps CRLF without a last one', 'B=1\r\nC=2', 'new', {}, 'B=1\r\nC=2\r\nA=new'],
    ['goes by the last line where line ends differ', 'B=1\r\nC=2\n', 'new', {}, 'B=1\r\nC=2\nA=new\n'],
    ['keeps blank lines and comments', '# top\n\nB=1\n\n# end\n\n', 'new', {}, '# top\n\nB=1\n\n# end\n\nA=new\n'],
    ['quotes a fresh value that readers take differently', 'B=1\n', 'a b"\\', {}, 'B=1\nA="a b\\"\\\\"\n'],
    ['is like a line without quotes', 'B=1\n', 'new', { like: 'B' }, 'B=1\nA=new\n'],
    ['is like a line in double quotes', 'B="1"\n', 'new', { like: 'B' }, 'B="1"\nA="new"\n'],
    ['is like a line in single quotes', "B='1'\n", 'a "$b"', { like: 'B' }, "B='1'\nA='a \"$b\"'\n"],
    ['is exported as that line is', 'export B="1"\n', 'new', { like: 'B' }, 'export B="1"\nexport A="new"\n'],
    ['is bare where that line is not there', 'C="1"\n', 'new', { like: 'B' }, 'C="1"\nA=new\n'],
    ['takes signs that are known to be right', 'B=1\n', 'a$b', { like: 'B', known: '$' }, 'B=1\nA=a$b\n'],
    ['adds an empty value', 'B="1"\n', '', { like: 'B' }, 'B="1"\nA=""\n'],
    ['is not misled by a comment', '# A=x\n', 'new', {}, '# A=x\nA=new\n'],
  ];
  it.each(rows)('%s', (_, before, value, line, after) => {
    expect(setVariable(before, 'A', value, 'x.env', line)).toBe(after);
    expect(readVariable(after, 'A', 'x.env')).toBe(value);
  });

  it.each([
    ['a variable set twice', 'A=1\nA=2\n', CANARY, {}, 'INPUT_INVALID', /A is set twice/],
    ['a pattern that is set twice', 'B=1\nB=2\n', CANARY, { like: 'B' }, 'INPUT_INVALID', /B is set twice/],
    ['a line end in the value', 'B=1\n', `${CANARY}\nC=1`, {}, 'INPUT_INVALID', /control characters/],
    ['a sign that readers take differently', 'B=1\n', `${CANARY}#`, { like: 'B' }, 'DRIVER_FAILED', /as B, it stands/],
    ['what single quotes cannot hold', "B='1'\n", `${CANARY}'`, { like: 'B' }, 'DRIVER_FAILED', /single quotes/],
    ['a last line that goes on', 'B=1\\\n', CANARY, {}, 'DRIVER_FAILED', /ends in a backslash/],
    ['a last line that goes on, without line end', 'B=1\\', CANARY, {}, 'DRIVER_FAILED', /ends in a backslash/],
  ] as const)('refuses %s, without showing the value', (_, before, value, line, code, message) => {
    const error = refusalFrom(() => setVariable(before, 'A', value, 'x.env', line));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'x.env' } });
    expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain(CANARY);
  });
});

describe('unsetVariable', () => {
  it.each([
    ['the last line', 'B=1\nA=x\n', 'B=1\n'],
    ['a line in the middle', 'B=1\nA="x" # why\nC=2\n', 'B=1\nC=2\n'],
    ['the first line', 'export A=x\r\nC=2\r\n', 'C=2\r\n'],
    ['the only line', 'A=x', ''],
    ['a last line without line end', 'B=1\r\nA=x', 'B=1'],
    ['nothing where it is not set', '# A=x\nAB=1', '# A=x\nAB=1'],
  ])('removes %s', (_, before, after) => {
    expect(unsetVariable(before, 'A', 'x.env')).toBe(after);
  });

  it('refuses a variable that is set twice', () => {
    const error = refusalFrom(() => unsetVariable(`A=${CANARY}\nA=2\n`, 'A', 'x.env'));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', position: 'x.env:2' });
    expect(error.message).not.toContain(CANARY);
  });
});

describe('set and unset', () => {
  const value = fc.string({ unit: 'binary' }).filter((text) => !/\p{Cc}/u.test(text));
  const line = fc.oneof(
    fc.constantFrom('', '# why', 'B=1', 'export C="x y"', "D = 'z' # w", '\r', 'no assignment', '  '),
    fc.string().filter((text) => !/[\n\\]/.test(text) && !/^\s*(?:export\s+)?[A-Z]\s*=/.test(text)),
  );
  const text = fc
    .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n'))), fc.oneof(fc.constant(''), line))
    .map(([lines, last]) => lines.map(([one, end]) => one + end).join('') + last)
    .filter((whole) => ['B', 'C', 'D'].every((name) => whole.split(new RegExp(`^.*\\b${name} ?=`, 'm')).length < 3));

  it('give the first bytes back, whatever stands in the file', () => {
    fc.assert(
      fc.property(text, value, (before, next) => {
        const after = setVariable(before, 'A', next, 'x.env');
        expect(readVariable(after, 'A', 'x.env')).toBe(next);
        expect(after.startsWith(before)).toBe(true);
        expect(unsetVariable(after, 'A', 'x.env')).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it('give them back for several variables, in whatever order they go', () => {
    const order = fc.shuffledSubarray(['A', 'E', 'F'], { minLength: 3 });
    fc.assert(
      fc.property(text, order, order, fc.constantFrom('B', 'C', 'X'), (before, come, go, like) => {
        let after = before;
        for (const name of come) after = setVariable(after, name, 'new', 'x.env', { like });
        for (const name of go) after = unsetVariable(after, name, 'x.env');
        expect(after).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it('give a line back that was added, after it was taken away', () => {
    fc.assert(
      fc.property(text, value, (before, next) => {
        const once = setVariable(before, 'A', next, 'x.env');
        expect(setVariable(unsetVariable(once, 'A', 'x.env'), 'A', next, 'x.env')).toBe(once);
      }),
    );
  });
});
