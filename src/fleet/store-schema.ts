import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { path } from './deploy-fields.ts';
import { storeUrlProblem } from './store-address.ts';
import { storeDeclared } from './store-declared-schema.ts';

const node = z.string().superRefine((text, context) => {
  const problem = storeUrlProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const login = z.string().min(1).max(128);

const password = z.strictObject({
  from: z.literal('file'),
  path: path.describe('File that holds the password and nothing else, readable by its owner only.'),
});

/** `store`: the replay store of the signers, for looking into it with a login that may only read. */
export const store = z.strictObject({
  form: z
    .enum(['standalone', 'sentinel', 'cluster'])
    .prefault('standalone')
    .describe(
      'What the nodes are: standalone, one Redis; sentinel, the Sentinels that know which Redis is the primary; cluster, some nodes of a Redis Cluster.',
    ),
  nodes: z
    .array(node)
    .min(1)
    .max(100)
    .describe(
      'Addresses, redis://HOST:PORT or rediss://HOST:PORT for TLS, without user and password: of standalone exactly one.',
    ),
  primary: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be the name of a primary, such as mymaster')
    .optional()
    .describe('For sentinel: the name under which the Sentinels know the primary.'),
  user: login.optional().describe('User of a Redis ACL; one that may only read suffices, and the README has it.'),
  password: password.optional().describe('Where that login has its password; never the password itself.'),
  sentinelPassword: password
    .optional()
    .describe('For sentinel: where the password of the Sentinels is, when they want one.'),
  tls: z
    .strictObject({
      ca: path.describe(
        'PEM bundle of the CAs that sign the certificates of the store; the public roots are never used.',
      ),
      cert: path.optional().describe('PEM client certificate, when the store asks for one.'),
      key: path.optional().describe('PEM private key of that certificate, readable by its owner only.'),
      serverName: z
        .string()
        .min(1)
        .max(253)
        .optional()
        .describe('The name in its certificate, when it is not the host.'),
    })
    .optional()
    .describe('For rediss: how the store is known, and how rotctl is known to it.'),
  db: z
    .number()
    .int()
    .min(0)
    .max(1023)
    .prefault(0)
    .describe('Number of the database in which the signers keep nonces.'),
  key: z
    .string()
    .min(1)
    .max(256)
    .refine((text) => text.includes('{nonce}'), 'must hold {nonce}')
    .optional()
    .describe(
      'The key of a nonce, prefix and all, with {client} for the client id (of gate-v1 the session) and {nonce}. Default ["{client}","{nonce}"], for gate-v1 {client}:{nonce}.',
    ),
  rate: z
    .number()
    .positive()
    .max(1_000_000)
    .optional()
    .describe(
      'Signed requests a second at a peak, for the room that their nonces need; without it one second is counted.',
    ),
  clients: z
    .array(z.string().min(1).max(128))
    .max(200)
    .prefault([])
    .describe(
      'Who may be connected, by the name of the connection (CLIENT SETNAME) or its address, * for any text: signer-*, 10.1.*. Without it only the names of replicas are looked at.',
    ),
  declared: storeDeclared,
  deadline: duration().prefault('2s').describe('Longest time for one answer of the store.'),
});

/** A `store` as its schema gives it. */
export type StoreInput = z.output<typeof store>;
