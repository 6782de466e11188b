import * as z from 'zod';
import { fleetSchema } from './schema.ts';

/**
 * JSON schema (draft 7, which editors read best) of what may be written in `rotctl.yaml`; `spec/rotctl.schema.json` is
 * this, and a test compares them. Rules across fields are not in it.
 */
export function fleetJsonSchema(): object {
  return { title: 'rotctl.yaml', ...z.toJSONSchema(fleetSchema, { target: 'draft-7', io: 'input' }) };
}
