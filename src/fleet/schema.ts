import * as z from 'zod';
import { duration, durationOrNone, size } from '../document/scalars.ts';
import { SPOKEN } from '../protocol/protocol.ts';
import { announce } from './announce.ts';
import { approvals, batch } from './approval-schema.ts';
import {
  authority,
  certificateUsage,
  clientCertificates,
  replicaCertificates,
  templateCertificates,
} from './certificates-schema.ts';
import { chaos } from './chaos-schema.ts';
import { path } from './deploy-fields.ts';
import { clientDeploy, replicaDeploy, templateDeploy } from './deploy-schema.ts';
import { resolver } from './discovery-schema.ts';
import { endpoint, name, targetName } from './endpoint-schema.ts';
import { accepts, clientEvidence, httpPath, logs, usage } from './evidence-schema.ts';
import { lockout } from './lockout.ts';
import { inertAnswers, outcomeRules } from './outcome-schema.ts';
import { PROFILE_NAMES } from './profiles.ts';
import { scheme } from './scheme-schema.ts';
import { second } from './second-id-schema.ts';
import { secretReference, signerCommand } from './secret-schema.ts';
import { store } from './store-schema.ts';
import { nonceKey, stores } from './stores-schema.ts';
import { allowedWindows, blockedWindows } from './window-schema.ts';

const MOST_BODY_BYTES = 16 * 1024 * 1024;

const clientId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 letters, digits, dots, hyphens or underscores')
  .refine((id) => id !== '__proto__', 'may not be __proto__');

const replica = z.strictObject({
  name: targetName.describe('Your name for the instance; the ledger, reports and the command line use it.'),
  ...endpoint,
  log: path
    .optional()
    .describe(
      'Its log file, in which refused signatures are watched as `logs` says, and accepted ones with `usage.from: log`.',
    ),
  seenAs: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe(
      'What a Prometheus server calls it (the value of its label instance), where that is neither its name nor the host, or host and port, of its url.',
    ),
  deploy: replicaDeploy.describe('Where the secrets that it accepts stand, and how it is made to read them.'),
  certificates: replicaCertificates,
});

const template = z.strictObject({
  name: targetName.describe('Your name for the source; it must differ from those of the replicas.'),
  deploy: templateDeploy.describe('Where the secrets stand that an instance made from it starts with.'),
  certificates: templateCertificates,
});

const client = z.strictObject({
  id: clientId.describe(
    'Client id, exactly as its requests carry it to the signers (X-Keyring-Client-Id); for gate-v1 your name for the signing service.',
  ),
  second,
  actor: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('For gate-v1: what its requests bear as actor_did; default its id.'),
  secret: secretReference
    .optional()
    .describe(
      'Where its present secret is read from; default the place that its deploy writes (formats single and json), and where that cannot be read the sealed store.',
    ),
  next: secretReference
    .optional()
    .describe('Where the secret to rotate to is read from, once for each rotation; default: rotctl makes one.'),
  signer: signerCommand
    .optional()
    .describe(
      'In place of secret: a command that signs with its key, where the key is never shown (Vault transit, a KMS, an HSM). rotctl then holds no secret of this client, and its replicas need a deploy driver that works by generation.',
    ),
  deploy: clientDeploy
    .optional()
    .describe(
      'Where the secret that it signs with stands, and how it is made to read it. Only where movable is owner or never it is left out.',
    ),
  cadence: duration()
    .prefault('24h')
    .describe(
      'The longest time that may go by between two of its requests when all is well: for a caller that works each minute 1m, for a nightly job 24h (the default). That long rotctl waits for it to show itself, so too short gives unknown results and too long only takes time.',
    ),
  atRest: durationOrNone()
    .optional()
    .describe(
      'The longest time between signing a request and its last arrival at a signer: in a queue, an outbox or for a retry that is not signed anew; 0s when each is signed as it is sent. The old secret stays accepted that long after its last use. Default replay.maxAge.',
    ),
  ...clientEvidence,
  certificates: clientCertificates,
});

const tls = z.strictObject({
  ca: path
    .optional()
    .describe(
      "PEM bundle of the CAs that sign the replicas' certificates, and nothing else; the public roots are never used. Needed for https.",
    ),
  cert: path
    .optional()
    .describe('PEM client certificate that rotctl shows to the replicas, for a fleet of mutual TLS.'),
  key: path.optional().describe('PEM private key of that certificate, readable by its owner only.'),
  required: z
    .boolean()
    .optional()
    .describe(
      'Whether the signers refuse callers without a client certificate, which is then checked; default true when cert is given.',
    ),
});

const replay = z.strictObject({
  maxAge: duration()
    .prefault('60s')
    .describe(
      'The age at which your signers stop accepting a timestamp, in the past as in the future: their setting, not a wish. It is measured on every replica and must agree.',
    ),
  nonceTtl: duration()
    .prefault('120s')
    .describe(
      'How long your signers remember a nonce that was used (the TTL in their replay store). At least 2·maxAge, and for a proof 2·maxAge + 2·clockError + storeTimeout.',
    ),
  clockError: durationOrNone()
    .prefault('1s')
    .describe(
      'The most by which the clock of a replica may be wrong, either way, before you would call it broken (the alarm limit of your time service). Each replica is measured against it.',
    ),
  storeTimeout: durationOrNone()
    .prefault('5s')
    .describe(
      'The longest time that a signer waits for its replay store before it gives up and refuses: the time limit of its store client.',
    ),
  nonceKey,
});

/** What a gate takes as it is: its sanitising removes other characters before it verifies. */
const gateText = z
  .string()
  .regex(/^[A-Za-z0-9:._-]{1,128}$/, 'must be 1 to 128 letters, digits, colons, dots, hyphens or underscores');

const probe = z.strictObject({
  method: z
    .enum(['POST', 'PUT', 'PATCH', 'GET', 'DELETE'])
    .prefault('POST')
    .describe('HTTP method of a probe; it is signed.'),
  path: httpPath
    .optional()
    .describe(
      'Path of a probe, a route of your service that demands a signature; it is signed. Default /v1/sign/session-transaction, for gate-v1 /gate/request.',
    ),
  body: z
    .string()
    .max(65_536)
    .optional()
    .describe(
      'Body of a probe, default {"probe":true} (not for gate-v1): one that your service takes as signed right and then does nothing with, such as one that fails its own validation with 422. It is sent very many times.',
    ),
  tool: gateText
    .optional()
    .describe(
      "For gate-v1: the tool that a probe asks for: one that the gate allows the probe's session, and that then does nothing or is denied by policy.",
    ),
  session: gateText.optional().describe('For gate-v1: a session that the gate trusts, used by probes alone.'),
  actor: gateText
    .optional()
    .describe('For gate-v1: the actor_did of all that rotctl sends, and of nobody else; default rotctl.'),
  conviction: z
    .number()
    .min(0)
    .max(10)
    .optional()
    .describe('For gate-v1: the conviction of a probe, low enough that the gate approves nothing; default 0.'),
  params: z
    .record(z.string().max(128), z.union([z.string().max(1024), z.number(), z.boolean()]))
    .optional()
    .describe('For gate-v1: the params of a probe; default none.'),
  causes: z
    .string()
    .min(1)
    .max(500)
    .prefault('not stated in the fleet file')
    .describe(
      'What an accepted probe does in your service, in one sentence for whoever approves the plan: "refused with 422, writes one line of audit log". rotctl only shows it.',
    ),
  inert: inertAnswers,
  deadline: duration()
    .prefault('2s')
    .describe(
      'Longest time for one probe, from connecting to the last byte; less than replay.maxAge, because a probe that comes late is refused for its age.',
    ),
  maxBytes: size(MOST_BODY_BYTES)
    .prefault('64KiB')
    .describe('Longest answer to a probe that is read; a longer one counts as none.'),
  perSecond: z
    .number()
    .positive()
    .max(10_000)
    .optional()
    .describe(
      'At most this many probes a second to one replica, below the rate limit that your service puts on a caller; default unlimited.',
    ),
});

const readiness = z.strictObject({
  deadline: duration()
    .prefault('30s')
    .describe(
      'How long a replica may take after its reload or restart until it accepts signed probes; then the step has failed.',
    ),
  consecutive: z
    .number()
    .int()
    .min(1)
    .max(100)
    .prefault(3)
    .describe('How many accepted probes in a row make it ready.'),
});

const canary = z.strictObject({
  ratePerSecond: z
    .number()
    .positive()
    .max(10_000)
    .prefault(5)
    .describe(
      'Requests a second for each client on each route (every replica, and the balancer): 2 clients and 3 replicas behind a balancer at 5 make 40 a second.',
    ),
  faultBudget: z
    .number()
    .min(0)
    .max(1)
    .prefault(0.01)
    .describe(
      'Share of requests that may fail for reasons other than authentication (a reset, a timeout, 503), beyond the share that failed before the change: 0.01 is one in a hundred. A refused valid request is never within it.',
    ),
  minSamples: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .prefault(50)
    .describe('Answers that a phase must have had; with fewer its traffic proves nothing.'),
});

const policy = z.strictObject({
  minOverlap: durationOrNone()
    .optional()
    .describe(
      'For how long old and new are accepted together, at least; default the longest cadence, plus the longest of atRest and maxAge + 2·clockError.',
    ),
  soak: durationOrNone()
    .optional()
    .describe(
      'How long the retired secret is kept sealed, for a way back, before it is destroyed; default the longest cadence, in production at least 24h.',
    ),
  failureBudget: z
    .number()
    .int()
    .min(0)
    .max(100)
    .prefault(0)
    .describe(
      'Replicas that may be down beside the batch at hand. Before each batch is reloaded or restarted on the way forward, the other replicas are asked; when more of them than this do not serve, the roll stops before it touches the batch. 0 (the default) wants all the others up.',
    ),
  onFailedOverlap: z
    .enum(['hold', 'roll-back'])
    .optional()
    .describe(
      'What to do when the overlap could not be opened on every replica, while no client signs with the new secret yet: hold, and wait for you; or roll-back by itself. Default hold in production, else roll-back.',
    ),
  onSpike: z
    .enum(['hold', 'roll-back'])
    .optional()
    .describe(
      'What to do when refused signatures spike (see `logs`) while no client signs with the new secret yet: hold, and wait for you; or roll-back by itself. Later a spike always holds. Default as onFailedOverlap.',
    ),
  batch,
  approvals,
  blockedWindows,
  allowedWindows,
  safetyLever: path
    .prefault('STOP')
    .describe('File that you create to stop: while it exists, work ends at the next safe point and none begins.'),
});

/** Schema of `rotctl.yaml`, `rotctl.fleet.v1`; the rules across fields are in `rules.ts`, and `readFleet` joins the two. */
export const fleetSchema = z.strictObject({
  schema: z.literal('rotctl.fleet.v1').describe('Version of this format.'),
  extends: z
    .enum(PROFILE_NAMES)
    .optional()
    .describe(
      'A shipped profile whose settings hold wherever this file says nothing else (mappings are joined, a value of null takes one away); spec/profiles.md lists them.',
    ),
  name: name.describe('Name of the fleet; it is typed to confirm what cannot be undone.'),
  environment: z
    .enum(['production', 'staging', 'practice'])
    .describe('What the fleet is for; production has the careful defaults of policy.'),
  protocol: z
    .enum(SPOKEN)
    .prefault('keyring-v1')
    .describe(
      'How the signers talk on the wire: keyring-v1, a signer proxy with X-Keyring headers; gate-v1, an interservice gate with INTERSERVICE_HMAC_SECRET; described, an HMAC scheme of your own, which `scheme` describes.',
    ),
  scheme: scheme
    .optional()
    .describe('For protocol described: how your requests are signed, and where each part travels.'),
  replicas: z
    .array(replica)
    .min(1)
    .max(1000)
    .describe('Every running instance of the service that checks signatures, each by its own address.'),
  resolver,
  templates: z
    .array(template)
    .max(100)
    .prefault([])
    .describe(
      'Sources that instances are made from anew, or that a reconciler restores: an image, a config repository. Each step writes them before the replicas, so that no instance that is made meanwhile has an older set. Leave it out when instances keep what is written to them.',
    ),
  balancer: z
    .strictObject(endpoint)
    .optional()
    .describe('The address that clients send to, when a load balancer stands before the replicas.'),
  clients: z
    .array(client)
    .min(1)
    .max(1000)
    .describe(
      'Every caller that signs requests to this fleet, each with an id and a secret of its own; one that is left out is not rotated.',
    ),
  tls: tls.prefault({}).describe('How rotctl connects to the replicas and knows them.'),
  authority: authority
    .optional()
    .describe(
      'Who issues the certificates that a rotation of certificates (rotctl overlap --material mtls) leads to. Without it they are not rotated.',
    ),
  replay: replay.prefault({}).describe('How your signers guard against replay, as they are configured; it is checked.'),
  store: store
    .optional()
    .describe(
      'The Redis in which your signers keep nonces, for looking into it with a login that may only read: eviction, the life of nonces, its clock. Without it these are not checked.',
    ),
  stores,
  probe: probe.prefault({}).describe('The signed request that rotctl sends to see what a replica accepts.'),
  outcomes: outcomeRules,
  readiness: readiness.prefault({}).describe('When a replica that was reloaded or restarted counts as ready.'),
  canary: canary
    .prefault({})
    .describe(
      'Steady signed traffic that rotctl sends while it changes anything, to see that nobody would be refused.',
    ),
  usage: usage
    .optional()
    .describe(
      'Where to see which secret each client signs with: one place, or a list of several, of which one has to show it and none the contrary. Without it a rotation cannot prove that clients moved, and holds before the first.',
    ),
  certificateUsage,
  logs: logs.optional().describe("How refused signatures show in the replicas' logs, for noticing a spike of them."),
  accepts,
  lockout,
  announce,
  chaos,
  policy: policy.prefault({}).describe('What operations demand of a rotation.'),
  vault: path
    .prefault('rotctl-vault')
    .describe('Folder in which the secrets of a rotation are kept sealed; default rotctl-vault beside this file.'),
});

/** A fleet file as the schema gives it, before paths are resolved and defaults across fields are filled in. */
export type FleetInput = z.output<typeof fleetSchema>;
