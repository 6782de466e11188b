import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { path, pointer, variable } from './deploy-fields.ts';

const DEFAULT_DEADLINE = '10s';
const MOST_AT_ONCE = 64;

const environmentName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');

const argv = z
  .array(
    z
      .string()
      .min(1)
      .max(4096)
      .refine((argument) => !argument.includes('\0'), 'must not hold a NUL'),
  )
  .min(1)
  .max(100);

const pass = z
  .array(environmentName)
  .max(50)
  .prefault([])
  .describe(
    'Names of environment variables of rotctl that the command gets, such as [VAULT_ADDR, VAULT_TOKEN]; beside them it has PATH, HOME, LANG and TZ alone.',
  );

/** Where a secret is read from; never the secret itself. */
export const secretReference = z.discriminatedUnion('from', [
  z.strictObject({
    from: z.literal('file'),
    path: path.describe(
      'File that holds the secret and nothing else, readable by its owner only; one trailing newline is not part of it.',
    ),
  }),
  z.strictObject({
    from: z.literal('dotenv'),
    path: path.describe('Env file (lines of NAME=value) that holds the secret.'),
    variable,
    pointer: pointer
      .optional()
      .describe("JSON pointer to the secret, when the variable's value is JSON; {client} stands for the client id."),
  }),
  z.strictObject({
    from: z.literal('json'),
    path: path.describe('JSON file that holds the secret, readable by its owner only.'),
    pointer: pointer.describe(
      'JSON pointer (RFC 6901) to the secret in it, such as /clients/wallet/hmac; {client} stands for the client id. There stands a text, or an array of one text.',
    ),
  }),
  z.strictObject({
    from: z.literal('env'),
    variable: environmentName.describe(
      "Environment variable of rotctl that holds the secret. Weaker than the others: every process of the same user can read it for as long as rotctl runs. rotctl's own children do not get it.",
    ),
  }),
  z.strictObject({
    from: z.literal('fd'),
    fd: z
      .number()
      .int()
      .min(3)
      .max(1023)
      .describe(
        'Number of a file descriptor that rotctl is started with and that gives the secret, as in `rotctl overlap 3< FILE`; read once; one trailing newline is not part of it.',
      ),
  }),
  z.strictObject({
    from: z.literal('command'),
    command: argv.describe(
      'Command that prints the secret, such as [vault, kv, get, -field=hmac, secret/wallet] or [aws, secretsmanager, get-secret-value, --secret-id, wallet, --query, SecretString, --output, text]: a list of arguments, run without a shell in the folder of this file. One trailing newline is not part of the secret.',
    ),
    env: pass,
    deadline: duration()
      .prefault(DEFAULT_DEADLINE)
      .describe('Longest time for it; then it is killed with all that it started.'),
  }),
  z.strictObject({
    from: z
      .literal('sealed')
      .describe(
        'The sealed store in the vault folder, into which `rotctl seal CLIENT` puts the present secret and rotations put the new one.',
      ),
  }),
]);

/** `signer`: a command that signs with a client's key, where the key is never shown. */
export const signerCommand = z.strictObject({
  command: argv.describe(
    'Command that gets the bytes to sign on its standard input and prints their HMAC-SHA256: a list of arguments, run without a shell in the folder of this file. {client}, {generation} (current or next) and {keyId} in an argument are replaced: they say which key.',
  ),
  encoding: z
    .enum(['hex', 'base64'])
    .prefault('hex')
    .describe('How the MAC is printed. What tools print beside it (a file name, vault:v1:) is passed over.'),
  mode: z
    .enum(['once', 'lines'])
    .prefault('once')
    .describe(
      'once: the command is run for each signature. lines: it is kept running; each line that it reads is the base64 of the bytes to sign, and it answers each with one line. Take lines where starting it takes longer than 20 ms or so.',
    ),
  env: pass,
  deadline: duration()
    .prefault('5s')
    .describe(
      'Longest time for one signature; less than replay.maxAge, because a signature that comes late is refused.',
    ),
  atOnce: z
    .number()
    .int()
    .min(1)
    .max(MOST_AT_ONCE)
    .prefault(4)
    .describe('How many of the command may run at the same time (mode once).'),
  keyIds: z
    .strictObject({
      current: z.string().min(1).max(256).optional().describe('Id of the key in force, for {keyId}.'),
      next: z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('Id of the key to rotate to, for {keyId}; not needed when create prints it.'),
    })
    .prefault({})
    .describe(
      "The holder's ids of the keys, where the command has {keyId}. When a rotation is over, what was next is current: write it here before the next rotation.",
    ),
  create: argv
    .optional()
    .describe(
      'Command that makes the next key, run once for each rotation, with the same placeholders; it may print the id of the new key on one line. Without it the next key must be there already.',
    ),
});

/** Where a secret is read from, as the schema gives it. */
export type ReferenceInput = z.output<typeof secretReference>;

/** `signer`, as the schema gives it. */
export type SignerInput = z.output<typeof signerCommand>;
