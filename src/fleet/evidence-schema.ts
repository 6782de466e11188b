import * as z from 'zod';
import { duration, durationOrNone, pattern } from '../document/scalars.ts';
import { path } from './deploy-fields.ts';

/** A path of HTTP, from its slash on. */
export const httpPath = z
  .string()
  .max(2048)
  .regex(/^\/[\x21-\x22\x24-\x7e]*$/, 'must begin with a slash and hold no space, # or character outside ASCII');

const within = z
  .string()
  .max(1024)
  .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'must be a JSON pointer, such as /entries');

const argv = z
  .array(
    z
      .string()
      .min(1)
      .refine((argument) => !argument.includes('\0'), 'must not hold a NUL'),
  )
  .min(1);

/** A regular expression; named groups may be written as in Python, `(?P<client>...)`. */
const linePattern = z
  .string()
  .min(1)
  .max(1000)
  .transform((source, context) => {
    try {
      return new RegExp(source.replaceAll('(?P<', '(?<'));
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a regular expression that compiles' });
      return z.NEVER;
    }
  });

/** Where a Prometheus server is, without the question. */
const server = {
  url: z
    .string()
    .regex(/^https?:\/\/[^\s?#]+$/, 'must be an http or https address, such as https://prometheus:9090')
    .describe('Address of the server, with the path below which /api/v1/query is, where there is one.'),
  query: z
    .string()
    .min(1)
    .max(4000)
    .describe(
      'PromQL that gives the counter itself, not a rate of it: sum by (client, key, caller, instance) (signer_accepted_requests_total). rotctl asks it before and after, and takes the difference.',
    ),
  serverName: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe("DNS name that the server's certificate must be for; default the host of url."),
  ca: path.optional().describe("PEM bundle of the CAs that sign the server's certificate; needed for https."),
  token: path
    .optional()
    .describe('File that holds a bearer token and nothing else, readable by its owner only. The token is never shown.'),
  deadline: duration().prefault('5s').describe('Longest time for one answer.'),
  scrape: duration()
    .prefault('1m')
    .describe(
      'How old what the server knows of a replica may be: its scrape interval and a little. The evidence is taken over that much more time.',
    ),
};

const label = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of a Prometheus label or metric');

const labels = z.strictObject({
  client: label.describe('Name of its label that holds the client id.'),
  fingerprint: label.describe(
    'Name of its label that holds the fingerprint of the secret that the request was signed with, made as usage.fingerprint says.',
  ),
  caller: label
    .optional()
    .describe(
      "Name of its label that tells rotctl's own requests, whose User-Agent begins with rotctl/, from all others. Without it rotctl sends nothing while it looks.",
    ),
  instance: label
    .optional()
    .describe(
      "Name of its label that tells the instances of a client apart, such as the caller's address. Needed for a client with instances above 1.",
    ),
  replica: label
    .optional()
    .describe(
      'prometheus: name of the label that says which replica counted, default instance: its value is the name of the replica, the host and port of its url, or its host; or else its seenAs.',
    ),
});

const oneUsage = z.strictObject({
  from: z
    .enum(['metrics', 'ledger', 'prometheus', 'log', 'command', 'confirmation'])
    .prefault('metrics')
    .describe(
      'metrics: a Prometheus page of each replica with a counter of accepted requests; prometheus: a Prometheus server that has that counter; log: a log file with a line for each accepted request; command: a command that prints such lines; ledger: a JSON list of accepted requests that each replica shows; confirmation: nothing can be seen, and somebody confirms by name that each client has moved (rotctl confirm).',
    ),
  path: httpPath
    .optional()
    .describe(
      'metrics, ledger: path of that page or list, which each replica shows at its own url; default /metrics or /ledger.',
    ),
  entries: within.optional().describe('ledger: JSON pointer to the list in the answer; default the answer itself.'),
  at: within
    .optional()
    .describe(
      'ledger: JSON pointer, in an entry, to when it was accepted: Unix seconds, Unix milliseconds, or ISO 8601.',
    ),
  client: within
    .optional()
    .describe('ledger: JSON pointer, in an entry, to whose request it was: the actor of a client.'),
  keyId: within
    .optional()
    .describe(
      'ledger: JSON pointer, in an entry, to the key id under which it was verified (or the fingerprint of the secret, as `fingerprint` says).',
    ),
  instance: within.optional().describe("ledger: JSON pointer, in an entry, to which of the client's instances it was."),
  metric: label
    .optional()
    .describe('metrics: name of the counter of accepted requests on that page, with the labels below.'),
  labels: labels.optional().describe('metrics, prometheus: which labels of that counter say what.'),
  prometheus: z.strictObject(server).optional().describe('prometheus: the server, and what it is asked for.'),
  pattern: linePattern
    .optional()
    .describe(
      'log, command: regular expression of the line of an accepted request, and of no other line, with the named groups client and key (the fingerprint of the secret, or its key id), and where the line has them time, caller (the User-Agent) and instance: accepted client=(?<client>\\S+) key=(?<key>\\S+) agent=(?<caller>\\S+).',
    ),
  own: pattern()
    .optional()
    .describe(
      "log, command: regular expression of those of these lines that rotctl's own requests bring about, where the pattern has no group caller. With neither rotctl sends nothing while it looks.",
    ),
  file: path.optional().describe('log: one log file of all replicas; default the file under `log` of each replica.'),
  command: argv
    .optional()
    .describe(
      'command: command that prints the lines, such as [journalctl, -u, signer, -o, cat, --since, "{since}"]: a list of arguments, run without a shell in the folder of this file. With {replica} it is run for each replica by its name. With {since}, an ISO time, it prints what came since then (the pattern then needs the group time); without, everything each time.',
    ),
  deadline: duration().prefault('30s').describe('command: longest time for one run of it.'),
  lag: durationOrNone()
    .prefault('1s')
    .describe('log, command: how late a line may be written. The evidence is taken over that much more time.'),
  fingerprint: z
    .enum(['rotctl', 'sha256', 'key-id'])
    .optional()
    .describe(
      'How your signers make a fingerprint from a secret. rotctl (the default): HMAC-SHA256 with the secret (its UTF-8 bytes) as the key and the text "rotctl key fingerprint v1" as the message, of which the first 16 hex digits in lower case. sha256: the SHA-256 digest of the secret (its UTF-8 bytes) as hex in lower case, of which the first 8 digits or more; only for secrets of at least 32 characters, because a weak one can be guessed from it. key-id (gate-v1, and its default): the key id under which the request was verified.',
    ),
  ownCaller: z
    .string()
    .min(1)
    .max(128)
    .prefault('rotctl')
    .describe(
      "What the label (or group) caller says for rotctl's own requests; every other value is a client. Of a log also what begins with it and a slash.",
    ),
});

const list = z.array(oneUsage).min(1).max(10);

/** `usage`: where to see which secret each client signs with, one place or several. Which fields belong to which kind is in `evidence-rules.ts`. */
export const usage = z.union([oneUsage, list]);

/** One entry of `usage`, as the schema gives it. */
export type UsageInput = z.output<typeof oneUsage>;

const refusals = z.strictObject({
  ...server,
  caller: label
    .optional()
    .describe(
      "The label that tells rotctl's requests from all others, whose value is then ownCaller, or begins with it and a slash as the User-Agent does. Without it they are counted.",
    ),
  replica: label
    .optional()
    .describe('The label that says which replica counted, default instance; as in usage.labels.'),
});

/** `logs`: how refused signatures show. */
export const logs = z.strictObject({
  refused: pattern()
    .optional()
    .describe(
      'Regular expression of the lines that a replica logs when it refuses a signature: "invalid request signature". Not with prometheus.',
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
    .describe(
      'How many refusals of other callers are no spike; default 0. From one look to the next, or with window in any time of that length.',
    ),
  window: duration()
    .optional()
    .describe(
      'In what time refusals are counted, such as 1m. Before a rotation begins, as long is watched for the baseline.',
    ),
  factor: z
    .number()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'How many times as many as before the rotation are no spike either, where your service has some all the time: a spike is more than allowed and more than factor times the baseline. Needs window.',
    ),
  command: argv
    .optional()
    .describe(
      'Command that prints the log, everything each time, where it is in no file that can be read here; with {replica} it is run for each replica. Default the file under `log` of each replica.',
    ),
  deadline: duration().prefault('30s').describe('Longest time for one run of that command.'),
  prometheus: refusals
    .optional()
    .describe(
      'A Prometheus server that counts refused signatures, instead of logs. replica: the label that says which replica counted, default instance; caller: the label that tells requests of rotctl, whose value is ownCaller.',
    ),
  ownCaller: z
    .string()
    .min(1)
    .max(128)
    .prefault('rotctl')
    .describe('prometheus: what the label caller says for rotctl.'),
});

/** What `logs` gives. */
export type LogsInput = z.output<typeof logs>;

/** What a client says of itself beside its secret: what the guards before its old secret's end go by. */
export const clientEvidence = {
  cacheTtl: durationOrNone()
    .prefault('0s')
    .describe(
      'How long it may go on with a secret that it has read before, as with a cache in front of a vault; default 0s. The overlap lasts at least cadence and cacheTtl.',
    ),
  instances: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .prefault(1)
    .describe(
      'How many instances sign in its name at once; default 1. Usage evidence then has to show as many, each with the new secret, so that its source must tell them apart.',
    ),
  owner: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .optional()
    .describe('Who answers for it: a team or a name, shown where rotctl waits for them.'),
  movable: z
    .enum(['us', 'owner', 'never'])
    .prefault('us')
    .describe(
      'Who makes it sign with the new secret. us (the default): rotctl, as its deploy says. owner: somebody else does, and rotctl waits for evidence or for `rotctl confirm`; it then needs `secret` and no `deploy`. never: nobody can, so that the overlap can be opened and the old secret never retired.',
    ),
  usage: usage
    .optional()
    .describe('Where to see which secret this client signs with, where that is elsewhere than the usage of the fleet.'),
};

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
