import * as z from 'zod';
import { pattern } from '../document/scalars.ts';

/** A path of HTTP, from its slash on. */
export const httpPath = z
  .string()
  .max(2048)
  .regex(/^\/[\x21-\x22\x24-\x7e]*$/, 'must begin with a slash and hold no space, # or character outside ASCII');

const label = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of a Prometheus label or metric');

const within = z
  .string()
  .max(1024)
  .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'must be a JSON pointer, such as /entries');

/** `usage`: where to see which secret each client signs with. Which fields belong to which kind is in `rules.ts`. */
export const usage = z.strictObject({
  from: z
    .enum(['metrics', 'ledger'])
    .prefault('metrics')
    .describe(
      'metrics: a Prometheus page of each replica with a counter of accepted requests; ledger: a JSON list of accepted requests that each replica shows, with the key id of each.',
    ),
  path: httpPath
    .optional()
    .describe('Path of that page or list, which each replica shows at its own url; default /metrics or /ledger.'),
  entries: within.optional().describe('ledger: JSON pointer to the list in the answer; default the answer itself.'),
  at: within
    .optional()
    .describe(
      'ledger: JSON pointer, in an entry, to when it was accepted: Unix seconds, Unix milliseconds, or ISO 8601.',
    ),
  client: within
    .optional()
    .describe('ledger: JSON pointer, in an entry, to whose request it was: the actor of a client.'),
  keyId: within.optional().describe('ledger: JSON pointer, in an entry, to the key id under which it was verified.'),
  metric: label
    .optional()
    .describe('metrics: name of the counter of accepted requests on that page, with the three labels below.'),
  labels: z
    .strictObject({
      client: label.describe('Name of its label that holds the client id.'),
      fingerprint: label.describe(
        'Name of its label that holds the fingerprint of the secret that the request was signed with, made as usage.fingerprint says.',
      ),
      caller: label.describe(
        "Name of its label that tells rotctl's own requests, whose User-Agent begins with rotctl/, from all others.",
      ),
    })
    .optional()
    .describe('metrics: which labels of that counter say what.'),
  fingerprint: z
    .enum(['rotctl', 'sha256', 'key-id'])
    .prefault('rotctl')
    .describe(
      'How your signers make a fingerprint from a secret. rotctl: HMAC-SHA256 with the secret (its UTF-8 bytes) as the key and the text "rotctl key fingerprint v1" as the message, of which the first 16 hex digits in lower case. sha256: the SHA-256 digest of the secret (its UTF-8 bytes) as hex in lower case, of which the first 8 digits or more; only for secrets of at least 32 characters, because a weak one can be guessed from it. key-id (gate-v1): the key id under which the request was verified.',
    ),
  ownCaller: z
    .string()
    .min(1)
    .max(128)
    .prefault('rotctl')
    .describe("metrics: what that label says for rotctl's own requests; every other value is a client."),
});

/** `logs`: how refused signatures show in the replicas' logs. */
export const logs = z.strictObject({
  refused: pattern().describe(
    'Regular expression of the lines that a replica logs when it refuses a signature: "invalid request signature".',
  ),
  own: pattern()
    .optional()
    .describe(
      "Regular expression of those of them that rotctl's own requests bring about, such as rotctl/ where the line has the User-Agent. Without it they are counted: as many as rotctl was refused are its own.",
    ),
  allowed: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .prefault(0)
    .describe('How many refusals of other callers, from one look to the next, are no spike; default 0.'),
});

/** `accepts`: defects that their owner knows. */
export const accepts = z
  .array(
    z.strictObject({
      check: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be the id of a check, such as replay.cross-replica')
        .describe('Id of the check that fails; spec/checks.md lists them.'),
      reason: z.string().trim().min(1).max(500).describe('Why that is taken as it is, for the record.'),
      owner: z.string().trim().min(1).max(128).describe('Who answers for it.'),
    }),
  )
  .max(50)
  .prefault([])
  .describe(
    'Defects of your service that you know. The checks run and show as fail all the same, and stop nothing; reason and owner stand in the record.',
  );
