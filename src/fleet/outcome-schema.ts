import * as z from 'zod';
import { pattern } from '../document/scalars.ts';
import { REFUSALS } from '../protocol/outcome.ts';
import { pointer } from './deploy-schema.ts';

const when = z
  .strictObject({
    status: z.number().int().min(100).max(599).optional().describe('The HTTP status is this.'),
    header: z
      .strictObject({
        name: z
          .string()
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be the name of a header')
          .transform((name) => name.toLowerCase())
          .describe('Name of the header.'),
        matches: pattern().describe('Regular expression that finds something in its value.'),
      })
      .optional()
      .describe('The answer has a header of this name (in any case), and its value matches the regular expression.'),
    pointer: z
      .strictObject({
        path: pointer.describe('JSON pointer to a text in the body.'),
        matches: pattern().describe('Regular expression that finds something in that text.'),
      })
      .optional()
      .describe(
        'The body is JSON, and the text at this JSON pointer matches the regular expression: { path: /error, matches: "^bad signature$" }.',
      ),
    body: pattern().optional().describe('The raw body matches this regular expression.'),
    fault: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{1,63}$/, 'must be the code of a fault, such as ECONNRESET')
      .optional()
      .describe('No answer came, and the fault has this code: ECONNRESET, ECONNREFUSED, TIMEOUT and so on.'),
  })
  .refine((conditions) => Object.values(conditions).some((one) => one !== undefined), 'needs at least one condition');

/** `outcomes`: how to read the answers of a signer that does not use the protocol's codes. */
export const outcomeRules = z
  .array(
    z.strictObject({
      when: when.describe('What the answer looks like; all conditions given must hold.'),
      outcome: z
        .enum(['ACCEPTED', ...REFUSALS, 'STORE_FAILED', 'UNKNOWN'])
        .describe(
          'What such an answer means: ACCEPTED, the signature was found right and the nonce taken, whatever came after; a refusal (AUTH_…, REPLAY_NONCE_USED), for exactly that reason; STORE_FAILED, the replay store could not be asked; UNKNOWN, nothing.',
        ),
    }),
  )
  .prefault([])
  .describe(
    "How to read the answers of your signers, when they do not use the protocol's codes in errorCode. Tried in order before the protocol's own rules; the first that matches wins.",
  );
