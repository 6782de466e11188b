import { describe, expect, it } from 'vitest';
import { addJsonMember, hasJsonMember, removeJsonMember, replaceJsonText } from '../../src/credential/json-members.ts';

const ROWS = [
  { what: 'the only member', text: '{"a":{"s":"1"}}', pointer: '', like: 'a', with: '{"a":{"s":"1"},"b":{"s":"1"}}' },
  { what: 'the first of two', text: '{ "a": 1, "c": 2 }', pointer: '', like: 'a', with: '{ "a": 1, "b": 1, "c": 2 }' },
  { what: 'the last of two', text: '{"c":2,\n "a":1\n}', pointer: '', like: 'a', with: '{"c":2,\n "a":1,\n "b":1\n}' },
  {
    what: 'one in an object further in',
    text: '{"x":{"a":[",}"]},"y":0}',
    pointer: '/x',
    like: 'a',
    with: '{"x":{"a":[",}"],"b":[",}"]},"y":0}',
  },
] as const;

describe('members of a JSON object', () => {
  it.each(ROWS)('are added beside $what, and taken away again to the byte', ({ text, pointer, like, with: added }) => {
    expect(addJsonMember(text, pointer, 'b', like, 'KEYS')).toBe(added);
    expect(removeJsonMember(added, pointer, 'b', 'KEYS')).toBe(text);
  });

  it('may all go', () => {
    expect(removeJsonMember('{"a":1}', '', 'a', 'KEYS')).toBe('{}');
  });

  it('are told apart from what is no object', () => {
    expect(hasJsonMember('{"x":{"a":1}}', '/x', 'a', 'KEYS')).toBe(true);
    expect(hasJsonMember('{"x":{"a":1}}', '/x', 'b', 'KEYS')).toBe(false);
    expect(hasJsonMember('{"x":[1]}', '/x', '0', 'KEYS')).toBeUndefined();
  });

  it.each([
    () => addJsonMember('{"x":1}', '', 'b', 'a', 'KEYS'),
    () => removeJsonMember('[1]', '', '0', 'KEYS'),
    () => replaceJsonText('{"id":7}', '/id', 'wallet-b', 'KEYS'),
  ])('that are not there are refused', (work) => {
    expect(work).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  it('hold texts that can be replaced', () => {
    expect(replaceJsonText('{ "id": "wallet", "n": 1 }', '/id', 'wallet-b', 'KEYS')).toBe(
      '{ "id": "wallet-b", "n": 1 }',
    );
  });
});
