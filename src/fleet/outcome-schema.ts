import * as z from 'zod';
import { pattern } from '../document/scalars.ts';
import { REFUSALS } from '../protocol/outcome.ts';
import { pointer } from './deploy-fields.ts';

const conditions = {
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
};

const some = (given: object): boolean => Object.values(given).some((one) => one !== undefined);
const NONE = 'needs at least one condition';

const when = z
  .strictObject({
    ...conditions,
    fault: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{1,63}$/, 'must be the code of a fault, such as ECONNRESET')
      .optional()
      .describe('No answer came, and the fault has this code: ECONNRESET, ECONNREFUSED, TIMEOUT and so on.'),
  })
  .refine(some, NONE);

/** `probe.inert`: answers to an accepted probe after which the service has done nothing. */
export const inertAnswers = z
  .array(z.strictObject(conditions).refine(some, NONE))
  .max(50)
  .prefault([])
  .describe(
    "Answers below 400 that an accepted probe may get because your service then does nothing: { status: 200, pointer: { path: /status, matches: '^denied$' } }. Answers of 400 and above, and of a gate approved: false, need not be listed. Any other answer to an accepted probe may mean that it did something: all probing stops at once (exit 12).",
  );

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
