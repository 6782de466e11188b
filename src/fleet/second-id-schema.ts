import * as z from 'zod';
import { pointer } from './deploy-fields.ts';

const name = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, 'must be the name of a variable');

/** `second` of a client. */
export const second = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 letters, digits, dots, hyphens or underscores')
  .refine((id) => id !== '__proto__', 'may not be __proto__')
  .optional()
  .describe(
    'For signers that hold one secret for each client id: a second id that this client owns beside its first, such as wallet-b. A rotation gives next to the id that is not in use, moves the client to it (id and secret together), and then removes the entry of the other; the next rotation goes the other way round. Leave it out where a client has a list of secrets.',
  );

/** Where a client reads which id it sends, of an env file. */
export const idVariable = name
  .optional()
  .describe(
    'For a client with a second id: the variable of this file that holds the client id that it sends. It changes together with the secret.',
  );

/** The same, in JSON. */
export const idPointer = pointer
  .optional()
  .describe(
    'For a client with a second id: JSON pointer to the client id that it sends, in the same value or file as its secret. It changes together with the secret.',
  );

/** Where a signer reads for whom it takes requests that name no client, of an env file. */
export const defaultVariable = name
  .optional()
  .describe(
    'For clients with a second id: the variable of this file that holds the default client id, for which requests are taken that name none. It is moved to the other id before the entry of the first goes.',
  );

/** The same, in JSON. */
export const defaultPointer = pointer
  .optional()
  .describe(
    'For clients with a second id: JSON pointer to the default client id, for which requests are taken that name none. It is moved to the other id before the entry of the first goes.',
  );

/** The same, of a file that is either. */
export const defaultPlace = z
  .union([name, pointer])
  .optional()
  .describe(
    'For clients with a second id: where the default client id stands, for which requests are taken that name none: a variable of an env file, or a JSON pointer. It is moved to the other id before the entry of the first goes.',
  );
