import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { fleetJsonSchema } from '../../src/fleet/json-schema.ts';

const file = new URL('../../spec/rotctl.schema.json', import.meta.url);

describe('the JSON schema of rotctl.yaml', () => {
  /** Compared as values, because the formatter has its own way with the file. */
  it('is what spec/rotctl.schema.json holds; delete that file and run this test to have it written anew', async () => {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text === '') await writeFile(file, `${JSON.stringify(fleetJsonSchema(), null, 2)}\n`);
    expect(text, 'the file was missing; it was written').not.toBe('');
    expect(JSON.parse(text)).toEqual(fleetJsonSchema());
  });

  it('closes every mapping, or says what its values are', () => {
    expect(openIn(fleetJsonSchema())).toEqual([]);
  });

  it.each([
    ['nothing said', { type: 'object' }, ['']],
    ['anything let in', { type: 'object', additionalProperties: true }, ['']],
    ['anything let in by an empty schema', { type: 'object', additionalProperties: {} }, ['']],
    ['values of one kind', { type: 'object', additionalProperties: { type: 'string' } }, []],
    ['values of some kinds', { type: 'object', additionalProperties: { anyOf: [{ type: 'string' }] } }, []],
    [
      'an open mapping for its values',
      { type: 'object', additionalProperties: { type: 'object' } },
      ['/additionalProperties'],
    ],
  ])('tells an open mapping from a closed one: %s', (_, schema, open) => {
    expect(openIn(schema)).toEqual(open);
  });

  it('describes every field', () => {
    const silent: string[] = [];
    walk(fleetJsonSchema(), '', ({ properties = {} }, path) => {
      if (typeof properties !== 'object' || properties === null) return;
      for (const [name, field] of Object.entries(properties)) {
        if (!('description' in field || 'const' in field)) silent.push(`${path}/${name}`);
      }
    });
    expect(silent).toEqual([]);
  });
});

/** Mappings that take any key with any value. */
function openIn(schema: unknown): string[] {
  const open: string[] = [];
  walk(schema, '', ({ type, additionalProperties: others }, path) => {
    const said = others === false || (typeof others === 'object' && others !== null && Object.keys(others).length > 0);
    if (type === 'object' && !said) open.push(path);
  });
  return open;
}

function walk(value: unknown, path: string, visit: (schema: Record<string, unknown>, path: string) => void): void {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  if ('type' in value) visit(Object.fromEntries(entries), path);
  for (const [key, child] of entries) walk(child, `${path}/${key}`, visit);
}
