import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJson } from '../../src/credential/json-span.ts';
import { forClient, hasPlaceholder } from '../../src/credential/placeholder.ts';

const CANARY = 'CANARY-7f3a9c1e5b2d4f60';

function at(text: string, pointer: string): string | undefined {
  const span = findJson(text, pointer, 'KEYS');
  return span && text.slice(span.start, span.end);
}

describe('findJson', () => {
  const rows: ReadonlyArray<readonly [text: string, pointer: string, found: string | undefined]> = [
    ['{"a":{"b":["x","y"]}}', '/a/b', '["x","y"]'],
    [' { "a" : { "b" : [ "x" ] , "c": 1 } } ', '/a/b', '[ "x" ]'],
    ['{"a":[1,{"b":2.50}]}', '/a/1/b', '2.50'],
    ['{"a":[1,2,3]}', '/a/2', '3'],
    ['{"a":[1,2,3]}', '/a/3', undefined],
    ['{"a":"x"}', '/a/b', undefined],
    ['{"a":1}', '/b', undefined],
    ['{}', '/a', undefined],
    ['[]', '/0', undefined],
    ['{"a/b":1,"c~d":2}', '/a~1b', '1'],
    ['{"a/b":1,"c~d":2}', '/c~0d', '2'],
    ['{"~1":1}', '/~01', '1'],
    ['{"\\u0061":1}', '/a', '1'],
    ['{"a":"}]\\"","b":[{"c":"{["}]}', '/b/0/c', '"{["'],
    ['{"":{"":1}}', '//', '1'],
    ['\n[\n null ,\ttrue]\r\n', '/1', 'true'],
    [' 5 ', '', '5'],
  ];
  it.each(rows)('%j at %j is %j', (text, pointer, found) => {
    expect(at(text, pointer)).toBe(found);
  });

  it('finds what a parser finds, whatever the value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.json()), fc.integer({ min: 0, max: 3 }), (members, indent) => {
        const object = Object.fromEntries(
          Object.entries(members).map(([key, json]): [string, unknown] => [key, JSON.parse(json)]),
        );
        const text = JSON.stringify(object, null, indent);
        for (const [key, value] of Object.entries(object)) {
          const found = at(text, `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
          expect(JSON.parse(found ?? 'null')).toEqual(value);
        }
      }),
    );
  });

  it.each([CANARY, `{"a": "${CANARY}"`, `{"a": ${CANARY}}`, '', `{'a': '${CANARY}'}`])(
    'refuses %j without showing it',
    (text) => {
      const work = () => findJson(text, '/a', 'KEYS');
      expect(work).toThrow('KEYS: the value is not JSON');
      try {
        work();
      } catch (error) {
        expect(`${error} ${error instanceof Error ? `${error.stack} ${error.cause}` : ''}`).not.toContain(CANARY);
      }
    },
  );

  it('refuses a key that stands twice, where readers differ on which one counts', () => {
    expect(() => findJson('{"a":1,"a":2}', '/a', 'KEYS')).toThrow('stands twice');
    expect(at('{"b":1,"b":2,"a":3}', '/a')).toBe('3');
  });
});

describe('placeholders', () => {
  it.each([
    ['/{client}/keys', 'client-a', '/client-a/keys'],
    ['K_{CLIENT}', 'client-a.b_c9', 'K_CLIENT_A_B_C9'],
    ['{client}{CLIENT}', 'x', 'xX'],
    ['none', 'x', 'none'],
    ['{Client}', 'x', '{Client}'],
    ['/{client}', '$&', '/$&'],
  ])('%j for %j is %j', (template, id, text) => {
    expect(forClient(template, id)).toBe(text);
    expect(hasPlaceholder(template)).toBe(/\{client\}|\{CLIENT\}/.test(template));
  });
});
