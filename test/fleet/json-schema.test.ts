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

  it('describes every field and closes every mapping', () => {
    const open: string[] = [];
    walk(fleetJsonSchema(), '', (schema, path) => {
      if (schema.type === 'object' && schema.additionalProperties !== false) open.push(path);
    });
    // Its fields are the service's own.
    expect(open).toEqual(['/properties/probe/properties/params']);
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

function walk(value: unknown, path: string, visit: (schema: Record<string, unknown>, path: string) => void): void {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  if ('type' in value) visit(Object.fromEntries(entries), path);
  for (const [key, child] of entries) walk(child, `${path}/${key}`, visit);
}
