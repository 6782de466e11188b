import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseDocument } from '../../src/document/parse.ts';
import { validate } from '../../src/document/validate.ts';
import { refusalFrom } from '../support/refusal.ts';

const CANARY = 'CANARY7f3a9c1e5b2d4f60a1';

const schema = z.strictObject({
  name: z.string().min(2).max(70),
  count: z.number().int().min(1).max(9).optional(),
  on: z.boolean().optional(),
  mode: z.enum(['slow', 'fast']).optional(),
  replicas: z
    .array(z.strictObject({ path: z.string(), port: z.number().optional() }))
    .min(1)
    .optional(),
  from: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('a'), x: z.string() }),
      z.strictObject({ kind: z.literal('b'), y: z.string() }),
    ])
    .optional(),
  either: z.union([z.string(), z.strictObject({ deep: z.strictObject({ z: z.number() }) })]).optional(),
  table: z.record(z.string().regex(/^[a-z]+$/, 'must be lower case'), z.number()).optional(),
  secret: z.strictObject({ path: z.string().max(5) }).optional(),
  word: z
    .string()
    .regex(/^[a-z]+$/)
    .optional(),
});

const refusalOf = (text: string) => refusalFrom(() => validate(parseDocument(text, 'file.yaml'), schema));

describe('validate', () => {
  it('gives the output of the schema', () => {
    expect(validate(parseDocument('name: fleet', 'f'), schema)).toEqual({ name: 'fleet' });
  });

  const rows: ReadonlyArray<readonly [text: string, position: string, message: string]> = [
    ['name: 5', '1:7', 'name: must be a quoted string, got 5'],
    ['name: 0x1F', '1:7', 'name: must be a quoted string, got 0x1F'],
    ['name: 1e5', '1:7', 'name: must be a quoted string, got 1e5'],
    ['name: true', '1:7', 'name: must be a quoted string, got true'],
    ['name: ~', '1:7', 'name: must be text, got ~'],
    ['name:', '1:6', 'name: must be text, got nothing'],
    ['name: [a]', '1:7', 'name: must be text, got a list of 1'],
    ['name: {a: 1}', '1:7', 'name: must be text, got a mapping'],
    ['name: x', '1:7', 'name: must have at least 2 characters, got "x"'],
    ['name: "a\\e[31m\\n"\nword: "A\\u0007"', '2:7', 'word: must match /^[a-z]+$/, got "A\\x07"'],
    ['count: 1', '1:1', 'name: is missing'],
    ['name: ok\ncount: 0', '2:8', 'count: must be at least 1, got 0'],
    ['name: ok\ncount: 10', '2:8', 'count: must be at most 9, got 10'],
    ['name: ok\ncount: 1.5', '2:8', 'count: must be a whole number, got 1.5'],
    ['name: ok\ncount: "2"', '2:8', 'count: must be a number, got "2"'],
    ['name: ok\non: yes', '2:5', 'on: must be true or false, got "yes"'],
    ['name: ok\nmode: medium', '2:7', 'mode: must be one of slow, fast, got "medium"'],
    ['name: ok\nreplicas: []', '2:11', 'replicas: must have at least 1 entries, got a list of 0'],
    ['name: ok\nreplicas:\n  - path: a\n  - path: 7', '4:11', 'replicas[1].path: must be a quoted string, got 7'],
    ['name: ok\nreplicas:\n  - path: a\n  - port: 7', '4:5', 'replicas[1].path: is missing'],
    ['name: ok\nreplica: []', '2:1', 'replica: is not a known key; did you mean replicas'],
    ['name: ok\nreplicas:\n  - path: a\n    prot: 1', '4:5', 'replicas[0].prot: is not a known key; did you mean port'],
    ['name: ok\nsomething: 1', '2:1', 'something: is not a known key'],
    ['name: ok\n"a b": 1', '2:1', '["a b"]: is not a known key'],
    ['name: ok\nfrom: { kind: c }', '2:15', 'from.kind: must be one of a, b, got "c"'],
    ['name: ok\nfrom: { x: y }', '2:7', 'from.kind: must be one of a, b'],
    ['name: ok\nfrom: { kind: a }', '2:7', 'from.x: is missing'],
    ['name: ok\neither: 5', '2:9', 'either: has none of the allowed shapes, got 5'],
    ['name: ok\neither: { deep: { z: x } }', '2:22', 'either.deep.z: must be a number, got "x"'],
    ['name: ok\ntable: { A: 1 }', '2:10', 'table.A: the key must be lower case'],
    ['[1]', '1:1', 'the document: must be a mapping, got a list of 1'],
    ['just text', '1:1', 'the document: must be a mapping, got "just text"'],
    ['name: 5\ncount: 0\nreplica: 1', '1:7', 'name: must be a quoted string, got 5 (+2 more)'],
  ];
  it.each(rows)('%j', (text, position, message) => {
    const error = refusalOf(text);
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toBe(message);
    expect(error.position).toBe(`file.yaml:${position}`);
  });

  it('reports the first problem in the order of the file', () => {
    expect(refusalOf('word: A\ncount: 0\nname: 5').message).toMatch(/^word: .* \(\+2 more\)$/);
  });

  it('cuts a long value at 60 characters', () => {
    expect(refusalOf(`name: ok\nmode: ${'long word '.repeat(20)}`).message).toBe(
      `mode: must be one of slow, fast, got "${'long word '.repeat(6)}…"`,
    );
  });
});

describe('a value that may be a secret is not shown', () => {
  const rows: ReadonlyArray<readonly [why: string, text: string]> = [
    ['below a key whose name says so', `secret: { path: ${CANARY.slice(0, 10)} }\nname: ok`],
    ['text that looks random', `name: ok\nmode: ${CANARY}`],
    ['text that looks random, in a longer text', `name: ok\nmode: "Bearer ${CANARY}"`],
    ['a number with many digits', 'name: ok\nmode: 123456789012345678901234567890'],
    ['an unknown key that looks random', `name: ok\n${CANARY}: 1`],
    ['an unknown key that looks random, in a record', `name: ok\ntable: { ${CANARY}: 1 }`],
    ['a user name and password in a URL', 'name: ok\nmode: "https://user:hunter2@host"'],
    ['a private key', 'name: ok\nmode: "-----BEGIN PRIVATE KEY-----"'],
  ];
  it.each(rows)('%s', (_, text) => {
    const error = refusalOf(text);
    expect(error.message).toContain('(hidden)');
    for (const part of [CANARY.slice(0, 10), '1234567890', '1.2345', 'hunter2', 'BEGIN']) {
      expect(`${error.message} ${error.stack}`).not.toContain(part);
    }
  });

  it.each([
    'signers/signer-a.env',
    'keyring_accepted_requests_total',
    'signer-a.practice.internal',
    '2026-11-21T20:43:00Z',
  ])('%s is shown', (text) => {
    expect(refusalOf(`name: ok\nmode: ${text}`).message).toContain(text);
  });
});
