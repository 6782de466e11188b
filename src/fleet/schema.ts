import * as z from 'zod';
import { duration, durationOrNone, size } from '../document/scalars.ts';
import { urlProblem } from './address.ts';
import { clientDeploy, path, pointer, replicaDeploy, variable } from './deploy-schema.ts';
import { outcomeRules } from './outcome-schema.ts';

const MOST_BODY_BYTES = 16 * 1024 * 1024;

const url = z.string().superRefine((text, context) => {
  const problem = urlProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens or underscores');

const endpoint = {
  url: url.describe('Scheme, host and port; https, or http on loopback only.'),
  serverName: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/, 'must be a host name or an address')
    .optional()
    .describe("Name that the server's certificate must hold; default the host of url."),
};

const httpPath = z
  .string()
  .max(2048)
  .regex(/^\/[\x21-\x22\x24-\x7e]*$/, 'must begin with a slash and hold no space, # or character outside ASCII');

const secretReference = z.discriminatedUnion('from', [
  z.strictObject({
    from: z.literal('file'),
    path: path.describe('File that holds the secret and nothing else; one trailing newline is stripped.'),
  }),
  z.strictObject({
    from: z.literal('dotenv'),
    path: path.describe('Env file.'),
    variable,
    pointer: pointer.optional(),
  }),
]);

const clientId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 letters, digits, dots, hyphens or underscores')
  .refine((id) => id !== '__proto__', 'may not be __proto__');

const replica = z.strictObject({
  name: name
    .refine((text) => text !== 'balancer' && text !== 'fleet', 'may not be balancer or fleet')
    .describe('Name of the replica in the ledger, in reports and on the command line.'),
  ...endpoint,
  deploy: replicaDeploy,
});

const client = z.strictObject({
  id: clientId.describe('Client id, as it is sent to the signers.'),
  secret: secretReference
    .optional()
    .describe(
      'Where its present secret is read from; default the place that its deploy writes (formats single and json).',
    ),
  deploy: clientDeploy,
  cadence: duration().prefault('24h').describe('The longest time that the client stays silent; default 24h.'),
  atRest: durationOrNone()
    .optional()
    .describe('The longest time that a signed request may wait in a queue or for a retry; default replay.maxAge.'),
});

const tls = z.strictObject({
  ca: path.describe("PEM bundle of the CAs that sign the replicas' certificates; never the public roots."),
  cert: path.optional().describe('PEM client certificate of rotctl.'),
  key: path.optional().describe('PEM private key of that certificate.'),
  required: z
    .boolean()
    .optional()
    .describe('Whether the fleet refuses callers without a client certificate; default true when cert is given.'),
});

const replay = z.strictObject({
  maxAge: duration().prefault('60s').describe('Largest age of a timestamp that a signer accepts, either way.'),
  nonceTtl: duration().prefault('120s').describe('How long a nonce is remembered; at least 2·maxAge.'),
  clockError: durationOrNone()
    .prefault('1s')
    .describe('E: the largest clock error of a replica that operations allow.'),
  storeTimeout: durationOrNone().prefault('5s').describe('D: how long a signer may wait for its replay store.'),
});

const probe = z.strictObject({
  method: z.enum(['POST', 'PUT', 'PATCH', 'GET', 'DELETE']).prefault('POST').describe('HTTP method of a probe.'),
  path: httpPath.prefault('/v1/sign/session-transaction').describe('Path of a probe; it is signed.'),
  body: z
    .string()
    .max(65_536)
    .prefault('{"probe":true}')
    .describe('Body of a probe: one that passes authentication and then has no effect.'),
  causes: z
    .string()
    .min(1)
    .max(500)
    .prefault('not stated in the fleet file')
    .describe('What an accepted probe causes, in your words; it is shown in the plan.'),
  deadline: duration().prefault('2s').describe('Longest time for one probe, from connecting to the last byte.'),
  maxBytes: size(MOST_BODY_BYTES).prefault('64KiB').describe('Longest answer that is read.'),
  perSecond: z
    .number()
    .positive()
    .max(10_000)
    .optional()
    .describe('At most this many probes a second to one replica; default unlimited.'),
});

const readiness = z.strictObject({
  deadline: duration().prefault('30s').describe('How long a changed replica may take until it accepts signed probes.'),
  consecutive: z.number().int().min(1).max(100).prefault(3).describe('Accepted probes in a row that make it ready.'),
});

const canary = z.strictObject({
  ratePerSecond: z
    .number()
    .positive()
    .max(10_000)
    .prefault(5)
    .describe('Requests a second, for each client on each route.'),
  faultBudget: z
    .number()
    .min(0)
    .max(1)
    .prefault(0.01)
    .describe('Share of requests that may fail for reasons other than authentication, above the baseline.'),
  minSamples: z.number().int().min(1).max(1_000_000).prefault(50).describe('Fewer requests than this prove nothing.'),
});

const label = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of a Prometheus label or metric');

const usage = z.strictObject({
  path: httpPath.prefault('/metrics').describe("Path of each replica's Prometheus page."),
  metric: label.describe('Counter of accepted requests.'),
  labels: z.strictObject({
    client: label.describe('Label with the client id.'),
    fingerprint: label.describe('Label with the fingerprint of the secret that the request was signed with.'),
    caller: label.describe("Label that tells rotctl's own requests apart."),
  }),
  ownCaller: z
    .string()
    .min(1)
    .max(128)
    .prefault('rotctl')
    .describe("Value of the caller label for rotctl's own requests."),
});

const policy = z.strictObject({
  minOverlap: durationOrNone()
    .optional()
    .describe('Shortest overlap; default the longest cadence, plus the longest of atRest and maxAge + 2·clockError.'),
  soak: durationOrNone()
    .optional()
    .describe('From proven retirement to destruction; default the longest cadence, in production at least 24h.'),
  failureBudget: z
    .number()
    .int()
    .min(0)
    .max(100)
    .prefault(0)
    .describe('Replicas that may be failed at once during a roll.'),
  onFailedOverlap: z
    .enum(['hold', 'roll-back'])
    .optional()
    .describe(
      'What to do with a failed opening while no client can have moved; default hold in production, else roll-back.',
    ),
  safetyLever: path.prefault('STOP').describe('While this file exists, work stops at the next safe point.'),
});

/** Schema of `rotctl.yaml`, `rotctl.fleet.v1`; the rules across fields are in `rules.ts`, and `readFleet` joins the two. */
export const fleetSchema = z.strictObject({
  schema: z.literal('rotctl.fleet.v1').describe('Version of this format.'),
  name: name.describe('Name of the fleet; it is typed to confirm what cannot be undone.'),
  environment: z.enum(['production', 'staging', 'practice']).describe('Decides the defaults of policy.'),
  protocol: z.enum(['keyring-v1']).prefault('keyring-v1').describe('How the signers talk on the wire.'),
  replicas: z.array(replica).min(1).max(1000).describe('Every running instance, each by its own address.'),
  balancer: z.strictObject(endpoint).optional().describe('The load balancer before the replicas.'),
  clients: z.array(client).min(1).max(1000).describe('Every caller that signs.'),
  tls,
  replay: replay.prefault({}).describe('What the fleet promises about replay.'),
  probe: probe.prefault({}).describe('The request that a probe is.'),
  outcomes: outcomeRules,
  readiness: readiness.prefault({}).describe('When a changed replica counts as ready.'),
  canary: canary.prefault({}).describe('Steady signed traffic during a roll.'),
  usage: usage.optional().describe('Where to see which secret each client uses.'),
  policy: policy.prefault({}).describe('What operations demand of a rotation.'),
  vault: path.prefault('rotctl-vault').describe('Folder of sealed material, beside the fleet file by default.'),
});

/** A fleet file as the schema gives it, before paths are resolved and defaults across fields are filled in. */
export type FleetInput = z.output<typeof fleetSchema>;
