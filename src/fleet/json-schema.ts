import * as z from 'zod';
import { discovery } from './discovery-schema.ts';
import { fleetSchema } from './schema.ts';

const WRITTEN = { target: 'draft-7', io: 'input' } as const;

/**
 * JSON schema (draft 7, which editors read best) of what may be written in `rotctl.yaml`; `spec/rotctl.schema.json` is
 * this, and a test compares them. Rules across fields are not in it.
 */
export function fleetJsonSchema(): object {
  const { properties = {}, ...schema } = z.toJSONSchema(fleetSchema, WRITTEN);
  return { title: 'rotctl.yaml', ...schema, properties: { ...properties, replicas: replicas(properties.replicas) } };
}

/** The replicas themselves, or where the list of them comes from, which becomes that list before the file is checked. */
function replicas(listed: unknown): object {
  const { $schema: _, ...sourced } = z.toJSONSchema(discovery, WRITTEN);
  const description =
    'Every running instance of the service that checks signatures, each by its own address; or, as a mapping, where the list of them comes from.';
  return { description, anyOf: [listed, sourced] };
}
