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

const command = z
  .array(
    z
      .string()
      .min(1)
      .refine((argument) => !argument.includes('\0'), 'must not hold a NUL'),
  )
  .min(1);

const place = {
  driver: z
    .literal('env-file')
    .prefault('env-file')
    .describe('How configuration reaches the process: env-file, a variable in a file.'),
  path: path.describe(
    'Env file (lines of NAME=value) that the process reads its secrets from; relative to this file. Only the variable changes, in the quotes that it has; the file is replaced atomically with mode 0600.',
  ),
  variable,
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

const commands = {
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

interface PlaceShape {
  readonly format: 'single' | 'list' | 'json';
  readonly pointer?: string | undefined;
  readonly separator?: string | undefined;
}

interface DeployShape extends PlaceShape {
  readonly reload?: readonly string[] | undefined;
  readonly restart?: readonly string[] | undefined;
}

function checkPlace(deploy: PlaceShape, context: z.RefinementCtx): void {
  const refuse = (message: string, ...at: string[]) => context.addIssue({ code: 'custom', path: at, message });
  if (deploy.format === 'json' && deploy.pointer === undefined) refuse('needs a pointer with format json');
  if (deploy.format !== 'json' && deploy.pointer !== undefined) refuse('is only for format json', 'pointer');
  if (deploy.format !== 'list' && deploy.separator !== undefined) refuse('is only for format list', 'separator');
}

function check(deploy: DeployShape, context: z.RefinementCtx): void {
  checkPlace(deploy, context);
  if (deploy.reload !== undefined || deploy.restart !== undefined) return;
  const message = 'needs a reload or a restart command; there is no default for either';
  context.addIssue({ code: 'custom', path: [], message });
}

const formats = z.enum(['single', 'list', 'json']);

const acceptedFormat = formats.describe(
  'How the accepted secrets stand in the variable: list, joined by the separator; json, at the pointer. single holds one secret and so cannot accept old and new at once.',
);

/** `deploy` of a replica: where its accepted secrets stand, and how it is made to read them. */
export const replicaDeploy = z.strictObject({ ...place, ...commands, format: acceptedFormat }).superRefine(check);

/** `deploy` of a template: where the accepted secrets stand that an instance made from it starts with. */
export const templateDeploy = z.strictObject({ ...place, format: acceptedFormat }).superRefine(checkPlace);

/** `deploy` of a client: where the secret that it signs with stands. */
export const clientDeploy = z
  .strictObject({
    ...place,
    ...commands,
    format: formats
      .prefault('single')
      .describe(
        'How the secret stands in the variable: single, as its whole value; list, as its only entry; json, at the pointer.',
      ),
  })
  .superRefine(check);

/** What the `deploy` schemas of processes give. */
export type DeployInput = z.output<typeof replicaDeploy>;

/** What every `deploy` schema gives: the place alone. */
export type PlaceInput = z.output<typeof templateDeploy>;
