import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVariable, replaceVariable } from '../../src/credential/env-file.ts';
import { refusalFrom } from '../support/refusal.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

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
    const error = refusalFrom(() => readVariable(text, 'A', 'x.env'));
    expect(error).toMatchObject({ code, position });
    expect(`${error.message} ${error.stack}`).not.toContain(CANARY);
  });
});

describe('replaceVariable', () => {
  const rows: ReadonlyArray<readonly [before: string, after: string]> = [
    ['A=x', 'A=new'],
    ['A="x"', 'A="new"'],
    ["A='x'", "A='new'"],
    ['B=1\nA=x\nC=3\n', 'B=1\nA=new\nC=3\n'],
    ['# top\r\nexport  A = \'x\'  # why\r\n\r\nC="\\""\r\n', '# top\r\nexport  A = \'new\'  # why\r\n\r\nC="\\""\r\n'],
    ['A=', 'A=new'],
    ['A=""', 'A="new"'],
    ['A=  # why', 'A=new  # why'],
    ['A=x # why', 'A=new # why'],
    ['A=x\r\n', 'A=new\r\n'],
    ['not an assignment \u00e9\nA=x\n\n\n', 'not an assignment \u00e9\nA=new\n\n\n'],
  ];
  it.each(rows)('%j becomes %j', (before, after) => {
    expect(replaceVariable(before, 'A', 'new', 'x.env')).toBe(after);
  });

  it.each([
    ['JSON without quotes', 'A={"a":["b"]}', '{"a":["b","c"]}', 'A={"a":["b","c"]}'],
    ['JSON in single quotes', 'A=\'{"a":["b"]}\'', '{"a":["c"]}', 'A=\'{"a":["c"]}\''],
    ['JSON in double quotes', 'A="{\\"a\\":[]}"', '{"a":["c"]}', 'A="{\\"a\\":[\\"c\\"]}"'],
    ['spaces where there are some', 'A=b c', 'd e f', 'A=d e f'],
    ['a # where there is one', 'A=b#c # why', 'd#e', 'A=d#e # why'],
    ['base64 where there is none', 'A=b', 'c+/=', 'A=c+/='],
    ['lone backslashes where there are some', 'A="C:\\k"', 'D:\\k "x" \\\\ \\', 'A="D:\\k \\"x\\" \\\\\\ \\\\"'],
  ])('keeps %s', (_, before, value, after) => {
    expect(replaceVariable(before, 'A', value, 'x.env')).toBe(after);
    expect(readVariable(after, 'A', 'x.env')).toBe(value);
  });

  it.each([
    ['a space in a bare value', 'B=1\nA=x', `${CANARY} y`],
    ['a # in a bare value', 'B=1\nA=x', `${CANARY}#y`],
    ['a quote in a bare value', 'B=1\nA=x', `${CANARY}"`],
    ['a dollar in a bare value', 'B=1\nA=x', `$${CANARY}`],
    ['a letter outside ASCII in a bare value', 'B=1\nA=x', `${CANARY}\u00e9`],
    ['a # where only a space is', 'B=1\nA=x y', `${CANARY} #`],
    ['a comment in a bare value that has both signs', 'B=1\nA=x# y', `${CANARY} #y`],
    ['quotes around a bare value', 'B=1\nA=x"y', `"${CANARY}"`],
    ['a space at the end of a bare value', 'B=1\nA=x y', `${CANARY} `],
    ['a # at the start of a bare value', 'B=1\nA=x#y', `#${CANARY}`],
    ['a single quote in single quotes', "B=1\nA='x'", `${CANARY}'`],
  ])('refuses %s, with the line and without showing it', (_, before, value) => {
    const error = refusalFrom(() => replaceVariable(before, 'A', value, 'x.env'));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', position: 'x.env:2' });
    expect(error.message).toMatch(/^A cannot be replaced: it stands (?:without|in single) quotes/);
    expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain(CANARY);
  });

  it('refuses a value that what follows it would become part of', () => {
    expect(refusalFrom(() => replaceVariable('A=# why', 'A', CANARY, 'x.env'))).toMatchObject({
      code: 'DRIVER_FAILED',
      message: 'A cannot be replaced: what stands after it in its line would be read as part of it',
    });
  });

  it('lets a sign back in that is known to have stood there, but nothing that would be read otherwise', () => {
    expect(replaceVariable('A=x', 'A', 'a#b c', 'x.env', ' #')).toBe('A=a#b c');
    expect(refusalFrom(() => replaceVariable('A=x', 'A', 'a #b', 'x.env', ' #')).code).toBe('DRIVER_FAILED');
  });

  it('refuses a variable that is not there, because a new line would be read by nobody', () => {
    expect(refusalFrom(() => replaceVariable('B=1\n', 'A', CANARY, 'x.env'))).toMatchObject({
      code: 'INPUT_INVALID',
      message: 'A is not set in the file',
    });
  });

  it.each(['a\nb', 'a\rb', 'a\0b'])('refuses %j, which does not fit a line', (value) => {
    expect(refusalFrom(() => replaceVariable('A=1', 'A', value, 'x.env')).message).toMatch(/control characters/);
  });

  const printable = fc.string({ unit: 'binary' }).filter((text) => !/\p{Cc}/u.test(text));
  const around = (written: string) => `# c\nB="1"\nexport A=${written} # why\nC='3'\n`;

  it('gives back any printable value in double quotes, and leaves the lines around it alone', () => {
    const old = fc.constantFrom('"old"', '"C:\\old"');
    fc.assert(
      fc.property(printable, old, (text, before) => {
        const after = replaceVariable(around(before), 'A', text, 'x.env');
        expect(readVariable(after, 'A', 'x.env')).toBe(text);
        expect(after.startsWith('# c\nB="1"\nexport A="')).toBe(true);
        expect(after.endsWith("\" # why\nC='3'\n")).toBe(true);
      }),
    );
  });

  it('gives the first bytes back when a fresh value is replaced by the old one, in every style', () => {
    const fresh = fc.stringMatching(/^[A-Za-z0-9_@%+=:,./-]{1,64}$/);
    const written = fc
      .oneof(
        printable.map((text) => `"${text.replace(/[\\"]/g, '\\$&')}"`),
        printable.map((text) => `'${text.replaceAll("'", '')}'`),
        printable.filter((text) => readVariable(`A=${text}`, 'A', 'x.env') === text || text === ''),
        fc
          .stringMatching(/^[a-c#$ {}[\]"',:]{1,12}$/)
          .filter((text) => /^[^"'#\s](?:.*[^\s])?$/.test(text) && !/\s#/.test(text)),
      )
      .filter((text) => !/[\u2028\u2029]/.test(text));
    fc.assert(
      fc.property(written, fresh, (raw, next) => {
        const before = around(raw);
        const old = readVariable(before, 'A', 'x.env') ?? '';
        const after = replaceVariable(before, 'A', next, 'x.env');
        expect(readVariable(after, 'A', 'x.env')).toBe(next);
        expect(replaceVariable(after, 'A', old, 'x.env', old)).toBe(before);
      }),
    );
  });
});
