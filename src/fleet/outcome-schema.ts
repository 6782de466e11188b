import * as z from 'zod';
import { pattern } from '../document/scalars.ts';
import { REFUSALS } from '../protocol/outcome.ts';
import { pointer } from './deploy-schema.ts';

const when = z
  .strictObject({
    status: z.number().int().min(100).max(599).optional().describe('HTTP status.'),
    header: z
      .strictObject({
        name: z
          .string()
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be the name of a header')
          .transform((name) => name.toLowerCase()),
        matches: pattern(),
      })
      .optional()
      .describe('A header and a pattern that its value matches.'),
    pointer: z
      .strictObject({ path: pointer, matches: pattern() })
      .optional()
      .describe('A place in the JSON body and a pattern that the text there matches.'),
    body: pattern().optional().describe('A pattern that the raw body matches.'),
    fault: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{1,63}$/, 'must be the code of a fault, such as ECONNRESET')
      .optional()
      .describe("Code of a transport's fault."),
  })
  .refine((conditions) => Object.values(conditions).some((one) => one !== undefined), 'needs at least one condition');

/** `outcomes`: how to read the answers of a signer that does not use the protocol's codes. */
export const outcomeRules = z
  .array(
    z.strictObject({
      when: when.describe('All conditions given must hold.'),
      outcome: z.enum(['ACCEPTED', ...REFUSALS, 'STORE_FAILED', 'UNKNOWN']).describe('What such an answer means.'),
    }),
  )
  .prefault([])
  .describe("Rules for answers, tried in order before the protocol's own; the first that matches wins.");
