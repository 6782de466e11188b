import { describe, expect, it } from 'vitest';
import { fleetJsonSchema } from '../../src/fleet/json-schema.ts';

const file = new URL('../../spec/rotctl.schema.json', import.meta.url);

describe('the JSON schema of rotctl.yaml', () => {
  it('is what spec/rotctl.schema.json holds (written anew by `vitest -u`)', async () => {
    await expect(`${JSON.stringify(fleetJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(file.pathname);
  });

  it('describes every field and closes every mapping', () => {
    const open: string[] = [];
    walk(fleetJsonSchema(), '', (schema, path) => {
      if (schema.type === 'object' && schema.additionalProperties !== false) open.push(path);
    });
    expect(open).toEqual([]);
    const top: unknown = Reflect.get(fleetJsonSchema(), 'properties');
    for (const [name, field] of Object.entries(top ?? {})) {
      if (name !== 'tls') expect(field, name).toHaveProperty('description');
    }
  });
});

function walk(value: unknown, path: string, visit: (schema: Record<string, unknown>, path: string) => void): void {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  if ('type' in value) visit(Object.fromEntries(entries), path);
  for (const [key, child] of entries) walk(child, `${path}/${key}`, visit);
}
