import * as z from 'zod';
import { durationOrNone } from '../document/scalars.ts';
import { targetName } from './endpoint-schema.ts';
import { store } from './store-schema.ts';

/** A replica's name, or the beginning of several with `*` at its end. */
const member = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63}|[A-Za-z0-9._-]{0,63}\*)$/,
    'must be the name of a replica, or the beginning of names with * at its end, such as eu-*',
  );

const domain = z.strictObject({
  name: targetName.describe('Your name for the group, such as its region: eu. Reports and findings use it.'),
  replicas: z
    .array(member)
    .min(1)
    .max(1000)
    .describe(
      'Names of the replicas that share this replay store: [eu-1, eu-2]; with * at the end all that begin so: [eu-*]. Every replica of the fleet is in exactly one group.',
    ),
  store: store
    .optional()
    .describe('The Redis of this group, for looking into it as the single store says; without it that is not checked.'),
  lag: durationOrNone()
    .prefault('5s')
    .describe(
      'How long it may take until a nonce that was used here is known in the other groups; 0s where they share no nonces by design. A replay from group to group is tried at once, and again after this time.',
    ),
});

/** `stores`: replicas by the replay store that they share. */
export const stores = z
  .array(domain)
  .min(1)
  .max(50)
  .optional()
  .describe(
    'For a fleet with more than one replay store (regions): which replicas share which, in place of store. Within a group a request is accepted once; that one group accepts what another has accepted is a failure (replay.cross-domain) unless accepts names it.',
  );

/** `stores` as its schema gives it. */
export type StoresInput = z.output<typeof stores>;

/** `replay.nonceKey`. */
export const nonceKey = z
  .enum(['client', 'global'])
  .optional()
  .describe(
    'What a used nonce is remembered by: client, the client id and the nonce (two clients may use the same nonce); global, the nonce alone. It is tried. Default client, of protocol described what is found.',
  );
