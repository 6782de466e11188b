import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/document/decode.ts';
import { MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH, parseDocument } from '../../src/document/parse.ts';
import { refusalFrom } from '../support/refusal.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

const refusalOf = (text: string) => refusalFrom(() => parseDocument(text, 'file.yaml'));

describe('a document that is accepted', () => {
  const rows: ReadonlyArray<readonly [what: string, text: string, value: unknown]> = [
    ['a mapping', 'a: 1\nb: [x, "2"]\n', { a: 1, b: ['x', '2'] }],
    ['a byte order mark', '\ufeffa: 1\n', { a: 1 }],
    ['CRLF line ends', 'a: 1\r\nb: two\r\n', { a: 1, b: 'two' }],
    ['JSON', '{"a": [true, null, 1.5]}', { a: [true, null, 1.5] }],
    ['JSON indented by tabs', '{\n\t"a": 1\n}', { a: 1 }],
    ['one document between its markers', '---\na: 1\n...\n', { a: 1 }],
    ['an asterisk and an ampersand inside text', 'a: "*x"\nb: x & y\n', { a: '*x', b: 'x & y' }],
    ['a quoted number as a key', '"1": x', { '1': 'x' }],
    ['yes, which is text in YAML 1.2', 'a: yes', { a: 'yes' }],
  ];
  it.each(rows)('%s', (_, text, value) => {
    expect(parseDocument(text, 'file.yaml').value).toEqual(value);
  });

  it('is nested as deeply as is allowed', () => {
    const text = `${'['.repeat(MAX_DOCUMENT_DEPTH)}1${']'.repeat(MAX_DOCUMENT_DEPTH)}`;
    expect(() => parseDocument(text, 'file.json')).not.toThrow();
    const block = Array.from({ length: MAX_DOCUMENT_DEPTH }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    expect(() => parseDocument(block, 'file.yaml')).not.toThrow();
  });
});

describe('a document that is refused', () => {
  const syntax: ReadonlyArray<readonly [what: string, text: string, position: string, message: RegExp]> = [
    ['nothing at all', '', 'file.yaml', /empty/],
    ['only comments', '# nothing\n\n# here\n', 'file.yaml', /empty/],
    ['only a marker', '---\n', 'file.yaml', /empty/],
    ['a second document', 'a: 1\n---\nb: 2\n', 'file.yaml:2:1', /exactly one document/],
    ['a key twice', 'a: 1\nb: 2\na: 3\n', 'file.yaml:3:1', /twice/],
    ['a key twice in JSON', '{"a": 1,\n "a": 2}', 'file.yaml:2:2', /twice/],
    ['a key twice in other quotes', 'a: 1\n"a": 2\n', 'file.yaml:2:1', /twice/],
    ['an anchor', 'a: &x 1\n', 'file.yaml:1:7', /anchors/],
    ['an alias', 'a: 1\nb: *x\n', 'file.yaml:2:4', /anchors and aliases/],
    ['a merge key', 'a: 1\n<<: { b: 1 }\n', 'file.yaml:2:1', /merge keys/],
    ['a tag of YAML', 'a: !!str 1\n', 'file.yaml:1:10', /tags/],
    ['a tag of its own', 'a: !thing 1\n', 'file.yaml:1:11', /tags/],
    ['a directive', '%YAML 1.1\n---\na: 1\n', 'file.yaml:1:1', /directives/],
    ['a mapping as a key', '? { a: 1 }\n: 2\n', 'file.yaml:1:3', /key must be text/],
    ['the key __proto__', 'a: 1\n__proto__: { b: 1 }\n', 'file.yaml:2:1', /__proto__/],
    ['an open bracket', 'a: [1, 2\n', 'file.yaml:2:1', /bracket is not closed/],
    ['text after JSON', '{"a": 1} x', 'file.yaml:1:10', /does not expect/],
  ];
  it.each(syntax)('%s', (_, text, position, message) => {
    const error = refusalOf(text);
    expect(error.code).toBe('INPUT_SYNTAX');
    expect(error.message).toMatch(message);
    expect(error.position).toBe(position);
  });

  const unreadable: ReadonlyArray<readonly [what: string, text: string, message: RegExp]> = [
    ['a NUL byte', 'a: "x\0y"', /NUL/],
    ['bytes that were not UTF-8 when it was read', 'a: \ufffd', /UTF-8/],
    ['one byte too many', `a: "${'x'.repeat(MAX_DOCUMENT_BYTES)}"`, /bytes, more than 1048576/],
  ];
  it.each(unreadable)('%s', (_, text, message) => {
    expect(refusalOf(text)).toMatchObject({ code: 'INPUT_UNREADABLE', message: expect.stringMatching(message) });
  });
});

describe('a document made to exhaust the reader is refused within a second', () => {
  const billionLaughs = ['a: &a [x, x]', ...Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [*a, *a]`)].join('\n');
  const rows: ReadonlyArray<readonly [what: string, text: string]> = [
    ['one level too deep', `${'['.repeat(MAX_DOCUMENT_DEPTH + 1)}1${']'.repeat(MAX_DOCUMENT_DEPTH + 1)}`],
    ['10 000 brackets', '['.repeat(10_000)],
    ['10 000 braces', '{a: '.repeat(10_000)],
    ['10 000 nested dashes on a line', `${'- '.repeat(10_000)}x`],
    ['10 000 nested explicit keys', `${'? '.repeat(10_000)}x`],
    ['1 000 levels of indentation', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['a billion laughs', billionLaughs],
    ['100 MB', 'a'.repeat(100_000_000)],
  ];
  it.each(rows)('%s', (_, text) => {
    const started = performance.now();
    expect(['INPUT_SYNTAX', 'INPUT_UNREADABLE']).toContain(refusalOf(text).code);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('a megabyte of different keys is read, without comparing each with each', () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `key-${i}: ${i}`).join('\n');
    const started = performance.now();
    expect(Object.keys(parseDocument(text, 'file.yaml').value ?? {})).toHaveLength(60_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('a syntax error on a line that holds a secret', () => {
  const rows: readonly string[] = [
    `secret: "${CANARY}`,
    `secret: '${CANARY}`,
    `secret: "${CANARY}\\q"`,
    `secret: ${CANARY}: x: y`,
    `secret: !${CANARY} x`,
    `secret: !!${CANARY} x`,
    `secret: &${CANARY} x`,
    `secret: *${CANARY}`,
    `secret: @${CANARY}`,
    `secret: [${CANARY}`,
    `{"secret": "${CANARY}"} "${CANARY}"`,
    `secret: |${CANARY}\n  x`,
    `%${CANARY}\n---\na: 1`,
    `${CANARY}: 1\n${CANARY}: 2`,
    `secret: ${CANARY}\n\tx: 1`,
    `- ${CANARY}\nb: ${CANARY}`,
  ];
  it.each(rows)('is told without the text: %s', (text) => {
    const error = refusalOf(text);
    expect(error.code).toBe('INPUT_SYNTAX');
    expect(error.at?.line).toBeGreaterThan(0);
    expect(`${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`).not.toContain(CANARY);
    expect(error.message).not.toContain(CANARY.slice(0, 8));
  });
});

describe('decodeText', () => {
  it('keeps the byte order mark, so that a digest over the text is one over the bytes', () => {
    expect(decodeText(Buffer.from([0xef, 0xbb, 0xbf, 0x61]), 'file.yaml')).toBe('\ufeffa');
  });

  it.each([
    ['a lone byte ff', [0x61, 0xff]],
    ['a cut sequence', [0x61, 0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['UTF-16', [0xff, 0xfe, 0x61, 0x00]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeText(Buffer.from(bytes), 'file.yaml')).toThrow('not UTF-8');
  });
});
