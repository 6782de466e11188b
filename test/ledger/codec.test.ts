import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Secret } from '../../src/credential/secret.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import { decodeEntry } from '../../src/ledger/decode.ts';
import { encodeEntry, MAX_DEPTH, ZERO_HASH } from '../../src/ledger/encode.ts';
import { ENTRY_KINDS, type EntryDraft, type LedgerValue } from '../../src/ledger/entry.ts';
import { draft } from './support.ts';

const PLACE = { seq: 7, at: '2026-11-21T12:00:00.000Z', prev: ZERO_HASH };

function textOf(entry: EntryDraft): string {
  return Buffer.from(encodeEntry(entry, PLACE).bytes).toString('utf8');
}

function withData(data: EntryDraft['data']): string {
  return textOf(draft('write', data));
}

/** What the oracle reads, in either version of YAML; timestamps are quoted, so nothing may become a date. */
function oracle(text: string, version: '1.1' | '1.2'): unknown {
  return parse(text, { version, prettyErrors: false, strict: true, merge: version === '1.1' });
}

/** Words and shapes that some YAML parser takes for something else. */
const TRICKY = [
  '',
  ' ',
  'null',
  'Null',
  '~',
  'true',
  'TRUE',
  'yes',
  'No',
  'on',
  'OFF',
  'y',
  'N',
  '0',
  '-0',
  '007',
  '0x1f',
  '0o17',
  '1e5',
  '1_000',
  '12:30:45',
  '.5',
  '+1',
  '.inf',
  '-.INF',
  '.nan',
  'NaN',
  '2026-11-21',
  '2026-11-21T12:00:00Z',
  '---',
  '...',
  '--- x',
  '- a',
  '-',
  '?',
  ':',
  'a: b',
  'a:',
  ':a',
  'a :b',
  'a #b',
  '#',
  'a#b',
  '&a',
  '*a',
  '!a',
  '!!str a',
  '|',
  '>',
  '%YAML 1.2',
  '@a',
  '`a',
  '"',
  "'",
  "it's",
  '{}',
  '[]',
  '[a]',
  '{a: b}',
  'a, b',
  '<<',
  '=',
  '\\',
  'a\\nb',
  'a\nb',
  'a\n',
  '\na',
  '\n---\n',
  '\r',
  '\t',
  'a\tb',
  ' a',
  'a ',
  'a  b',
  'hash: sha256:00',
  '\u0000',
  '\u0085',
  '\u00a0',
  '\u2028',
  '\u2029',
  '\ufeff',
  'é',
  '日本',
  '😀',
  '\u202e',
  '\ufffd',
  'https://127.0.0.1:21001/x?y=z',
  'sha256:00',
  '__proto__',
  'constructor',
  'x'.repeat(5000),
  `${'word '.repeat(500)}end`,
  '/a b/c',
  '_',
  '0.0.0.0',
  'a::b',
  'a:b: c',
  'toString',
  'e100000000',
  'E7',
  'e+1',
  'e1_0',
  'e1a',
  'e',
];

/** Strings as they may come; a lone surrogate, which UTF-8 cannot hold, is a case of its own below. */
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TRICKY) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(...'ab0 :-#\'"\\\n,[]{}&*!|>%@`?.~é'), maxLength: 12 }) },
);
const key = fc.oneof(
  fc.constantFrom(...TRICKY.filter((word) => word.length <= 100)),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, -1),
);
const { value } = fc.letrec<{ value: LedgerValue; leaf: LedgerValue }>((tie) => ({
  leaf: fc.oneof(
    text,
    number.map((n) => (n === 0 ? 0 : n)),
    fc.boolean(),
    fc.constant(null),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const data = fc.dictionary(key, value, { maxKeys: 5, noNullPrototype: true });

describe('the form of an entry', () => {
  it('is a block of YAML that a person reads', () => {
    const entry = draft('write', {
      targets: ['signer-a', 'signer b'],
      url: 'https://127.0.0.1:21001',
      proofs: [{ check: 'replay', samples: 3, seen: null }, {}],
      matrix: [[1, 2], []],
      note: 'it said: "no"',
      version: '1.0',
    });
    expect(textOf(entry)).toBe(`---
seq: 7
at: "2026-11-21T12:00:00.000Z"
rotation: r-1
fleet: practice
runbook: keyring
phase: opening
step: write
kind: intent
data:
  targets:
    - signer-a
    - signer b
  url: https://127.0.0.1:21001
  proofs:
    - check: replay
      samples: 3
      seen: null
    - {}
  matrix:
    - - 1
      - 2
    - []
  note: "it said: \\"no\\""
  version: "1.0"
prev: ${ZERO_HASH}
${hashLine(textOf(entry))}
`);
  });

  it.each(TRICKY)('keeps the text %j, alone, as a key and in a list', (word) => {
    const data = { word, list: [word, [word]], ...(word.length <= 100 ? { map: { [word]: { [word]: word } } } : {}) };
    const written = withData(data);
    expect(decodeEntry(written).data).toEqual(data);
    expect(oracle(written, '1.2')).toMatchObject({ data });
    expect(oracle(written, '1.1')).toMatchObject({ data });
  });

  it('is read to the same value by us and by a YAML parser, of either version, whatever it holds', () => {
    fc.assert(
      fc.property(
        text,
        text,
        fc.option(text),
        fc.constantFrom(...ENTRY_KINDS),
        data,
        (rotation, fleet, step, kind, data) => {
          const entry = { rotation, fleet, runbook: fleet, phase: 'stable' as const, step, kind, data };
          const encoded = encodeEntry(entry, PLACE);
          const written = Buffer.from(encoded.bytes).toString('utf8');
          const expected = { ...PLACE, ...entry, hash: encoded.hash };
          expect(decodeEntry(written)).toEqual(expected);
          expect(oracle(written, '1.2')).toEqual(expected);
          expect(oracle(written, '1.1')).toEqual(expected);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('is never accepted by us with another value than a YAML parser reads, however it is changed', () => {
    let accepted = 0;
    const change = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...' \n:-#"\\[]{}0123456789aenu~.\t'));
    fc.assert(
      fc.property(data, fc.array(change, { minLength: 1, maxLength: 3 }), (data, changes) => {
        let written = withData(data);
        for (const [where, remove, insert] of changes) {
          const at = where % written.length;
          written = written.slice(0, at) + insert + written.slice(at + remove);
        }
        // the change may have cut a surrogate pair, which a file cannot hold
        written = Buffer.from(written).toString('utf8');
        const entry = attempt(() => decodeEntry(written));
        if (entry === undefined) return;
        accepted += 1;
        expect(oracle(written, '1.2')).toEqual(entry);
        expect(oracle(written, '1.1')).toEqual(entry);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('turns a lone surrogate, as cutting a text may leave, into the replacement character', () => {
    const written = withData({ cut: 'a\ud83d', pair: '\ud83d\ude00', low: '\ude00b' });
    expect(decodeEntry(written).data).toEqual({ cut: 'a\ufffd', pair: '😀', low: '\ufffdb' });
  });

  it('shows no raw control, line separator or bidirectional mark', () => {
    const nasty = '\u0000\u0007\u001b[2J\u007f\u0085\u2028\u202e\u2066\ufeff';
    expect(withData({ nasty, [nasty]: 1 })).toMatch(/^[\n\x20-\x7e]*$/);
  });
});

describe('the writer refuses', () => {
  const deep = (levels: number): LedgerValue => (levels === 0 ? 1 : [deep(levels - 1)]);
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ['a number that is not finite', Number.NaN, /data\.x: a finite number is needed, got NaN/],
    ['infinity', Number.NEGATIVE_INFINITY, /finite/],
    ['a value that is missing', undefined, /data\.x: plain data is needed, got undefined/],
    [
      'a secret, whose fields would be written',
      Secret.fromText('0123456789abcdef0123456789abcdef'),
      /plain data is needed, got an instance/,
    ],
    ['a date', new Date(0), /got an instance/],
    ['bytes', Buffer.from('abc'), /got an instance/],
    ['a function', () => 1, /got function/],
    ['a key that YAML would not take', { ['k'.repeat(161)]: 1 }, /a key of 161 characters/],
    ['what is nested too deep', deep(MAX_DEPTH + 1), /nested deeper/],
    ['a document of more than 1 MiB', 'x'.repeat(1024 * 1024), /bytes, at most 1048576/],
  ];

  it.each(refused)('%s', (_what, x, message) => {
    expect(() => encodeEntry(draft('write', { x: x as LedgerValue }), PLACE)).toThrow(message);
  });

  it('and takes what is nested as deep as allowed', () => {
    const data = { x: deep(MAX_DEPTH - 1) };
    expect(decodeEntry(withData(data)).data).toEqual(data);
  });

  it('and takes a key as long as allowed, all of it escaped', () => {
    const data = { ['\u0001'.repeat(160)]: 1 };
    const written = withData(data);
    expect(decodeEntry(written).data).toEqual(data);
    expect(oracle(written, '1.2')).toMatchObject({ data });
  });
});

describe('the reader refuses', () => {
  const good = withData({ a: 1, b: ['x', { c: 'y' }], e: 'é' });
  const cases: readonly (readonly [string, string, string])[] = [
    ['an unknown kind', 'kind: intent', 'kind: prophecy'],
    ['an unknown phase', 'phase: opening', 'phase: sideways'],
    ['an unknown field', 'kind: intent', 'kind: intent\nmood: good'],
    ['a field that is missing', 'fleet: practice\n', ''],
    ['fields in another order', 'rotation: r-1\nfleet: practice', 'fleet: practice\nrotation: r-1'],
    ['an unquoted time', '"2026-11-21T12:00:00.000Z"', '2026-11-21T12:00:00.000Z'],
    ['a time without its zone', '12:00:00.000Z', '12:00:00.0000'],
    ['a number for a text', 'rotation: r-1', 'rotation: 1'],
    ['seq 0', 'seq: 7', 'seq: 0'],
    ['a fraction for seq', 'seq: 7', 'seq: 7.5'],
    ['text for data', /data:\n( .*\n)+/.exec(good)?.[0] ?? '', 'data: x\n'],
    ['a list for data', /data:\n( .*\n)+/.exec(good)?.[0] ?? '', 'data:\n  - x\n'],
    ['a key that stands twice', '  a: 1', '  a: 1\n  a: 1'],
    ['a key that stands twice in two spellings', '  a: 1', '  a: 1\n  "\\u0061": 1'],
    ['a key that YAML does not take for its length', 'a: 1', `${'word '.repeat(250)}end: 1`],
    ['an anchor', 'a: 1', 'a: &x 1'],
    ['an alias', 'a: 1', 'a: *x'],
    ['a tag', 'a: 1', 'a: !!str 1'],
    ['a comment', 'a: 1', 'a: 1 # one'],
    ['single quotes', 'a: 1', "a: 'x'"],
    ['a block scalar', 'a: 1', 'a: |\n    x'],
    ['a flow list', 'a: 1', 'a: [1]'],
    ['a hexadecimal number', 'a: 1', 'a: 0x1f'],
    ['an octal number', 'a: 1', 'a: 017'],
    ['a number too large', 'a: 1', 'a: 1.5e+999'],
    ['an exponent without a fraction, which YAML 1.1 reads as text', 'a: 1', 'a: 1e+5'],
    ['an unquoted word with a meaning', 'a: 1', 'a: Yes'],
    ['an empty value', 'a: 1', 'a:'],
    ['two spaces after the colon', 'a: 1', 'a:  1'],
    ['a space at the end of a line', 'a: 1', 'a: 1 '],
    ['a tab', 'a: 1', 'a:\t1'],
    ['a wrong indent', '  a: 1', '   a: 1'],
    ['an indent that nothing opened', '  a: 1', '  a: 1\n    b: 1'],
    ['a carriage return', 'a: 1\n', 'a: 1\r\n'],
    ['an escaped surrogate', 'a: 1', 'a: "\\ud800"'],
    ['an escape that is YAML alone', 'a: 1', 'a: "\\x41"'],
    ['a quote that does not end', 'a: 1', 'a: "x'],
    ['a raw line separator', '"é"', '"\u2028"'],
    ['a short hash', ZERO_HASH, ZERO_HASH.slice(0, -1)],
    ['a hash without its algorithm', ZERO_HASH, '0'.repeat(64)],
    ['no marker', '---\n', ''],
    ['more after the hash', hashLine(good), `${hashLine(good)}\nmore: 1`],
    ['no newline at the end', `${hashLine(good)}\n`, hashLine(good)],
    ['an empty text', good, ''],
  ];

  it.each(cases)('%s', (_what, from, to) => {
    expect(good).toContain(from);
    expect(attemptCode(() => decodeEntry(good.replace(from, () => to)))).toBe('LEDGER_BROKEN');
  });

  it('bytes that are not UTF-8', async () => {
    const { decodeBytes } = await import('../../src/ledger/decode.ts');
    const bytes = Buffer.from(good);
    bytes[bytes.indexOf('é')] = 0xff;
    expect(() => decodeBytes(bytes)).toThrow(/not UTF-8/);
  });

  it('and says where in the file, without control characters', () => {
    const wrong = good.replace('kind: intent', 'kind: "pro\\u001bphecy"');
    expect(() => decodeEntry(wrong, { file: 'l.yaml', line: 101 })).toThrow(
      expect.objectContaining({
        position: 'l.yaml:109:1',
        message: expect.not.stringContaining('\u001b'),
      }),
    );
  });
});

function hashLine(text: string): string {
  return /\n(hash: sha256:[0-9a-f]{64})\n$/.exec(text)?.[1] ?? '';
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RotctlError) return undefined;
    throw error;
  }
}

function attemptCode(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof RotctlError ? error.code : String(error);
  }
}
