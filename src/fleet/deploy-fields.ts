import * as z from 'zod';
import { duration } from '../document/scalars.ts';

/** A path as written; relative ones are against the fleet file's folder. */
export const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((text) => text.trim() === text && !text.includes('\0'), 'must not begin or end with a space');

/** Name of a variable in an env file. */
export const variable = z
  .string()
  .max(256)
  .regex(
    /^(?:[A-Za-z_]|\{client\}|\{CLIENT\})(?:[A-Za-z0-9_.-]|\{client\}|\{CLIENT\})*$/,
    'must be the name of a variable, in which {client} or {CLIENT} may stand',
  )
  .describe(
    'Variable in the env file that holds the secrets. {client} stands for the client id, {CLIENT} for it in upper case with _ for other characters: KEYS_{CLIENT} is KEYS_CLIENT_A for client-a. It must be in the file already.',
  );

/** JSON pointer of RFC 6901, other than the whole value. */
export const pointer = z
  .string()
  .max(1024)
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, 'must be a JSON pointer, such as /client-a/hmacSecrets');

/** A program with its arguments; there is no shell. */
export const command = z
  .array(
    z
      .string()
      .min(1)
      .refine((argument) => !argument.includes('\0'), 'must not hold a NUL'),
  )
  .min(1);

/** Name of a variable of an environment. */
export const variableName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable');
const name = variableName;

/** The names that the protocol gives to a gate's variables, where nothing else is said. */
export const DEFAULT_GATE_NAMES = {
  secret: 'INTERSERVICE_HMAC_SECRET',
  prev: 'INTERSERVICE_HMAC_SECRET_PREV',
  keyId: 'INTERSERVICE_HMAC_KEY_ID',
  keyIdPrev: 'INTERSERVICE_HMAC_KEY_ID_PREV',
  strict: 'INTERSERVICE_HMAC_STRICT_KEY_ID',
  revoked: 'INTERSERVICE_HMAC_REVOKED_IDS',
  dual: 'TOOL_GATE_DUAL_SIGN',
} as const;

/** Fields of a `deploy` that has a gate's settings in variables. */
export const gate = {
  variables: z
    .strictObject({
      secret: name
        .prefault(DEFAULT_GATE_NAMES.secret)
        .describe('The secret that signs and verifies. It must be in the file.'),
      prev: name.prefault(DEFAULT_GATE_NAMES.prev).describe('The previous secret, which verifies only.'),
      keyId: name.prefault(DEFAULT_GATE_NAMES.keyId).describe('Key id of the secret.'),
      keyIdPrev: name.prefault(DEFAULT_GATE_NAMES.keyIdPrev).describe('Key id of the previous secret.'),
      strict: name
        .prefault(DEFAULT_GATE_NAMES.strict)
        .describe('Whether a signature verifies only with the secret that its key id names.'),
      revoked: name.prefault(DEFAULT_GATE_NAMES.revoked).describe('Key ids that are refused, joined by commas.'),
      dual: name.prefault(DEFAULT_GATE_NAMES.dual).describe('Whether a signing service sends both signatures.'),
    })
    .optional()
    .describe(
      "For protocol gate-v1: the variables' names, where they are not the protocol's own. Those that a rotation needs are added to the file and removed from it.",
    ),
  secretFiles: z
    .strictObject({
      prefix: z
        .string()
        .min(1)
        .max(1024)
        .prefault('/run/secrets/')
        .describe('What a value begins with that is the path of a file holding the secret, as the process sees it.'),
      folder: path.describe('The folder that stands for that prefix here, where the files can be read and written.'),
    })
    .optional()
    .describe(
      'For protocol gate-v1: where the files are that hold secrets. Without it a value beginning with /run/secrets/ is a path on this machine.',
    ),
};

/** Fields of a `deploy` whose process is made to read what was written by commands. */
export const commands = {
  reload: command
    .optional()
    .describe(
      'Command that makes the running process read the file again, such as [systemctl, reload, signer-a]: a list of arguments, run without a shell in the folder of this file. Leave it out when the process reads the file only as it starts.',
    ),
  restart: command
    .optional()
    .describe(
      'Command that ends the process and starts it anew, such as [systemctl, restart, signer-a]: a list of arguments, run without a shell in the folder of this file. Needed when there is no reload.',
    ),
  deadline: duration()
    .prefault('30s')
    .describe('Longest time for one reload or restart command; then it is killed with all that it started.'),
};

/** Says of a `deploy` with commands that it has none. */
export function needsCommand(
  deploy: { readonly reload?: readonly string[] | undefined; readonly restart?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  if (deploy.reload !== undefined || deploy.restart !== undefined) return;
  const message = 'needs a reload or a restart command; there is no default for either';
  context.addIssue({ code: 'custom', path: [], message });
}

/** How secrets stand in the value of a variable, or of a key. */
export interface FormatShape {
  readonly format?: 'single' | 'list' | 'json' | undefined;
  readonly pointer?: string | undefined;
  readonly separator?: string | undefined;
}

/** Says of a `deploy` with a format that it has too little or too much for that. */
export function checkFormat(deploy: FormatShape, context: z.RefinementCtx): void {
  const refuse = (message: string, ...at: string[]) => context.addIssue({ code: 'custom', path: at, message });
  if (deploy.format === 'json' && deploy.pointer === undefined) refuse('needs a pointer with format json');
  if (deploy.format !== 'json' && deploy.pointer !== undefined) refuse('is only for format json', 'pointer');
  if (deploy.format !== 'list' && deploy.separator !== undefined) refuse('is only for format list', 'separator');
}

const formats = z.enum(['single', 'list', 'json']);

/** How accepted secrets stand in a value. */
export const acceptedFormat = formats
  .optional()
  .describe(
    'How the accepted secrets stand in the variable (not for gate-v1): list, joined by the separator; json, at the pointer. single holds one secret and so cannot accept old and new at once.',
  );

/** How the secret that a client signs with stands in a value. */
export const signingFormat = formats
  .optional()
  .describe(
    'How the secret stands in the variable (not for gate-v1): single (the default), as its whole value; list, as its only entry; json, at the pointer.',
  );

/** Fields that go with a format. */
export const formatFields = {
  separator: z
    .string()
    .min(1)
    .max(8)
    .optional()
    .describe(
      'What stands between the secrets of format list; default a comma. In a value without quotes use one that no reader splits at: a comma or a colon.',
    ),
  pointer: pointer
    .optional()
    .describe(
      'For format json: JSON pointer (RFC 6901) to the client\'s secrets in the variable\'s value, with {client} for the client id. In KEYS={"client-a":{"secrets":["..."]}} it is /{client}/secrets. There stands an array of texts, or one text where one secret is enough.',
    ),
};
