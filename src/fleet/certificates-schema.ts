import { isIP } from 'node:net';
import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { command, path, variableName } from './deploy-fields.ts';
import { usage } from './evidence-schema.ts';

const days = (fallback: number) => z.number().int().min(1).max(36_500).prefault(fallback);

const KEYS = ['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const;

const commonName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII that begins and ends with no space');

const key = z
  .enum(KEYS)
  .optional()
  .describe(
    'Kind of the keys that rotctl makes: P-256, P-384, RSA-2048, RSA-3072 or RSA-4096; without it each party gets one of the kind that it has. Take what your oldest party can read.',
  );

const pass = z
  .array(variableName)
  .max(50)
  .prefault([])
  .describe(
    'Names of variables of your environment that the program gets, such as VAULT_TOKEN; without it PATH, HOME, LANG and TZ alone.',
  );

const ours = z.strictObject({
  from: z
    .literal('rotctl')
    .describe(
      'Who issues: rotctl makes the next authority itself and keeps its key sealed in the vault; command, programs of yours do.',
    ),
  commonName: commonName
    .max(46)
    .optional()
    .describe(
      'Common name of the next authority, to which the day and minute are added, so that each has its own; default the name of the fleet and CA.',
    ),
  key,
  days: z
    .strictObject({
      authority: days(3650).describe('For how many days the next authority is valid; default 3650.'),
      certificate: days(90).describe('For how many days each certificate that it issues is valid; default 90.'),
    })
    .prefault({})
    .describe('For how long what is issued is valid, in whole days.'),
});

const issued = z.strictObject({
  from: z
    .literal('command')
    .describe('command: programs of yours issue, so that rotctl never has the authority’s key.'),
  trust: command.describe(
    'Command that prints the PEM bundle of the next authority, the roots that parties are to trust and nothing else: [step, ca, root]. A list of arguments, run without a shell in the folder of this file.',
  ),
  issue: command.describe(
    'Command that gets a CSR in PEM on stdin and prints the PEM chain, the issued certificate first: [./issue, "{purpose}", "{name}"]. {purpose} is client or server, {name} the id or name of the party.',
  ),
  key,
  pass,
  deadline: duration().prefault('30s').describe('Longest time for one run of either command.'),
});

/** `authority`: who issues the certificates that a rotation leads to. */
export const authority = z.discriminatedUnion('from', [ours, issued]);

const files = {
  driver: z
    .literal('files')
    .optional()
    .describe(
      'Where the certificates stand: files (the default), PEM files that rotctl can write; command, wherever a program of yours keeps them (spec/certificate-command.md).',
    ),
  trust: path.describe(
    'PEM bundle of the authorities whose certificates it accepts, and nothing else; no other party’s. nginx: ssl_client_certificate; HAProxy: ca-file. Text around the certificates is not kept.',
  ),
  cert: path.describe(
    'PEM chain that it shows, its own certificate first. nginx: ssl_certificate; HAProxy: crt, which holds the key too.',
  ),
  key: path.describe(
    'PEM private key of that certificate, readable by its owner only; the same file as cert where one holds both.',
  ),
};

const program = {
  driver: z
    .literal('command')
    .describe(
      'command: a program of yours is asked, one JSON request on stdin, one JSON answer on stdout (spec/certificate-command.md). For certificates on another host, in a secret store, behind an API.',
    ),
  command: command.describe(
    'The program and its arguments, such as [./certificates.py, signer-1], run without a shell in the folder of this file.',
  ),
  pass,
  deadline: duration()
    .prefault('30s')
    .describe('Longest time for one answer; then the program is killed with all that it started.'),
  keys: z
    .enum(['kept', 'sent'])
    .prefault('kept')
    .describe(
      'kept (the default): the party makes its keys itself and gives a CSR, and no key ever travels; sent: rotctl makes them, and the program gets them on stdin.',
    ),
};

const LOADS = ['reload', 'restart', 'end-sessions'] as const;
type Load = (typeof LOADS)[number];

const loads = (possible: readonly [Load, ...Load[]]) =>
  z
    .array(z.enum(possible))
    .min(1)
    .max(LOADS.length)
    .prefault(['restart'])
    .describe(
      `Which of ${possible.join(', ')} the program carries out; default [restart]. What it does not, it is never asked.`,
    );

const commands = {
  reload: command
    .optional()
    .describe(
      'Command that makes the running process read these files again, such as [nginx, -s, reload]. Default reload and restart of deploy, where that has them; with either of the two given here none of deploy’s is used.',
    ),
  restart: command.optional().describe('Command that ends the process and starts it anew. Default as for reload.'),
  deadline: duration()
    .optional()
    .describe('Longest time for one of these commands; default the deadline of deploy, or else 30s.'),
};

const endSessions = command
  .optional()
  .describe(
    'Command that ends TLS sessions and kept connections: it changes the ticket keys, empties a shared session cache, and closes connections that are kept. Default restart, or else reload; whether that was enough is tried.',
  );

const certificateName = z
  .string()
  .max(253)
  .refine(
    (text) => isIP(text) !== 0 || /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.?)+$/.test(text),
    'must be a DNS name or an IP address, without port or brackets',
  );

const names = z
  .array(certificateName)
  .max(100)
  .prefault([])
  .describe(
    'DNS names and IP addresses that its new certificate is made for, besides its serverName and that of the balancer, which are always among them.',
  );

const clientOnly = {
  commonName: commonName
    .optional()
    .describe(
      'Common name of its new certificate, where the signers go by it; default that of its present certificate.',
    ),
  handshake: z
    .strictObject({
      command: command
        .refine((words) => ['{host}', '{port}'].every((mark) => words.some((word) => word.includes(mark))), {
          message: 'must hold {host} and {port}, the address that it is to connect to',
        })
        .describe(
          'Command that has the client make one TLS connection to {host}:{port}, for the name {serverName}, trusting what it trusts now and showing its certificate: [ssh, wallet, curl, -s, --connect-to, "{serverName}:443:{host}:{port}", …]. Its exit is not looked at, only the handshake that comes.',
        ),
      deadline: duration().prefault('5s').describe('Longest time until the handshake has come.'),
    })
    .optional()
    .describe(
      'How the client itself shows which authority it trusts, before the old one is removed. Without it somebody has to confirm it by name.',
    ),
  usage: usage
    .optional()
    .describe('Where it is seen with which certificate it makes its handshakes; default certificateUsage.'),
};

const replicaFiles = z.strictObject({ ...files, ...commands, endSessions, names });
const replicaProgram = z.strictObject({ ...program, loads: loads(LOADS), names });

/** `certificates` of a replica. */
export const replicaCertificates = z
  .discriminatedUnion('driver', [replicaFiles, replicaProgram])
  .optional()
  .describe(
    'Where the authorities that it accepts and the certificate that it shows stand, for rotating them (`authority`).',
  );

const clientFiles = z.strictObject({ ...files, ...commands, ...clientOnly });
const clientProgram = z.strictObject({ ...program, loads: loads(['reload', 'restart']), ...clientOnly });

/** `certificates` of a client. */
export const clientCertificates = z
  .discriminatedUnion('driver', [clientFiles, clientProgram])
  .optional()
  .describe(
    'Where the authorities that it trusts and the certificate that it shows stand, for rotating them (`authority`).',
  );

const templateFiles = z.strictObject({ ...files, names });
const templateProgram = z.strictObject({ ...program, names });

/** `certificates` of a template. */
export const templateCertificates = z
  .discriminatedUnion('driver', [templateFiles, templateProgram])
  .optional()
  .describe('Where the certificates stand that an instance made from it starts with.');

/** `certificateUsage`: where handshakes of clients are seen. */
export const certificateUsage = usage
  .optional()
  .describe(
    'Where to see with which certificate each client makes its handshakes: as `usage`, but what stands for the secret (the label fingerprint, the group key) is the SHA-256 (whole, or its first 16 digits or more) or SHA-1 of the certificate, or its serial number, in hex. Without it the old authority cannot be retired.',
  );

/** An `authority` as its schema gives it. */
export type AuthorityInput = z.output<typeof authority>;

/** `certificates` of a replica, as its schema gives it. */
export type ReplicaCertificatesInput = NonNullable<z.output<typeof replicaCertificates>>;
/** `certificates` of a client, as its schema gives it. */
export type ClientCertificatesInput = NonNullable<z.output<typeof clientCertificates>>;
/** `certificates` of a template, as its schema gives it. */
export type TemplateCertificatesInput = NonNullable<z.output<typeof templateCertificates>>;
