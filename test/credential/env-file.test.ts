import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVariable, replaceVariable } from '../../src/credential/env-file.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

function refusalOf(work: () => unknown): RotctlError {
  try {
    work();
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('readVariable', () => {
  const rows: ReadonlyArray<readonly [text: string, value: string | undefined]> = [
    ['A=plain', 'plain'],
    ['A="quoted"', 'quoted'],
    ['A=\'single "$x" \\n\'', 'single "$x" \\n'],
    ['A="a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['A="a\\nb"', 'a\\nb'],
    ['A="{\\"client-a\\":{\\"hmacSecrets\\":[\\"x\\"]}}"', '{"client-a":{"hmacSecrets":["x"]}}'],
    ['A=', ''],
    ['A=""', ''],
    ['export A=x', 'x'],
    ['  A = x  ', 'x'],
    ['A=x # why', 'x'],
    ['A="x" # why', 'x'],
    ['A="x#y"', 'x#y'],
    ['A=x#y', 'x#y'],
    ['# A=x', undefined],
    ['AB=x\nBA=y', undefined],
    ['B=A=x', undefined],
    ['B=1\r\nA="x"\r\nC=2\r\n', 'x'],
    ['B=1\r\nA=x\r\n', 'x'],
    ['A="x" # why\r\n', 'x'],
    ['A=a=b', 'a=b'],
    ['', undefined],
  ];
  it.each(rows)('%j gives %j', (text, value) => {
    expect(readVariable(text, 'A', 'x.env')).toBe(value);
  });

  it.each([
    ['an open quote', `B=1\nA="${CANARY}`, 'x.env:2', 'INPUT_SYNTAX'],
    ['text after the quotes', `A="x" ${CANARY}`, 'x.env:1', 'INPUT_SYNTAX'],
    ['a quote escaped at the end', `A="${CANARY}\\"`, 'x.env:1', 'INPUT_SYNTAX'],
    ['a variable set twice', `A=${CANARY}\nB=1\nA=x`, 'x.env:3', 'INPUT_INVALID'],
  ])('refuses %s without showing it', (_, text, position, code) => {
    const error = refusalOf(() => readVariable(text, 'A', 'x.env'));
    expect(error).toMatchObject({ code, position });
    expect(`${error.message} ${error.stack}`).not.toContain(CANARY);
  });
});

describe('replaceVariable', () => {
  const rows: ReadonlyArray<readonly [before: string, after: string]> = [
    ['A=x', 'A="new"'],
    ['B=1\nA=x\nC=3\n', 'B=1\nA="new"\nC=3\n'],
    ['# top\r\nexport  A = \'x\'  # why\r\n\r\nC="\\""\r\n', '# top\r\nexport  A = "new"  # why\r\n\r\nC="\\""\r\n'],
    ['A=', 'A="new"'],
    ['A=x # why', 'A="new" # why'],
    ['not an assignment \u00e9\nA=x\n\n\n', 'not an assignment \u00e9\nA="new"\n\n\n'],
  ];
  it.each(rows)('%j becomes %j', (before, after) => {
    expect(replaceVariable(before, 'A', 'new', 'x.env')).toBe(after);
  });

  it('refuses a variable that is not there, because a new line would be read by nobody', () => {
    expect(refusalOf(() => replaceVariable('B=1\n', 'A', CANARY, 'x.env'))).toMatchObject({
      code: 'INPUT_INVALID',
      message: 'A is not set in the file',
    });
  });

  it.each(['a\nb', 'a\rb', 'a\0b'])('refuses %j, which does not fit a line', (value) => {
    expect(refusalOf(() => replaceVariable('A=1', 'A', value, 'x.env')).message).toMatch(/control characters/);
  });

  it('gives back any printable value, and leaves the lines around it alone', () => {
    const value = fc.string({ unit: 'binary' }).filter((text) => !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(value, (text) => {
        const after = replaceVariable('# c\nB="1"\nA=old\nC=\'3\'\n', 'A', text, 'x.env');
        expect(readVariable(after, 'A', 'x.env')).toBe(text);
        expect(after.startsWith('# c\nB="1"\nA="')).toBe(true);
        expect(after.endsWith("\"\nC='3'\n")).toBe(true);
      }),
    );
  });
});
