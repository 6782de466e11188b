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
    'Variable in the env file. {client} stands for the client id, {CLIENT} for it in upper case with _ for other characters.',
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

const base = {
  driver: z.literal('env-file').prefault('env-file').describe('How configuration reaches the process.'),
  path: path.describe('Env file (lines of NAME=value), replaced atomically with mode 0600.'),
  variable,
  separator: z.string().min(1).max(8).optional().describe('Between the values of format list; default a comma.'),
  pointer: pointer
    .optional()
    .describe("Place in the variable's JSON value, for format json. {client} stands for the client id."),
  reload: command
    .optional()
    .describe('Command, as a list of arguments without a shell, that makes the process read the file.'),
  restart: command
    .optional()
    .describe('Command, as a list of arguments without a shell, that starts the process anew.'),
  deadline: duration().prefault('30s').describe('Longest time for one command; then its whole process group is ended.'),
};

interface DeployShape {
  readonly format: 'single' | 'list' | 'json';
  readonly pointer?: string | undefined;
  readonly separator?: string | undefined;
  readonly reload?: readonly string[] | undefined;
  readonly restart?: readonly string[] | undefined;
}

function check(deploy: DeployShape, context: z.RefinementCtx): void {
  const refuse = (message: string, ...at: string[]) => context.addIssue({ code: 'custom', path: at, message });
  if (deploy.format === 'json' && deploy.pointer === undefined) refuse('needs a pointer with format json');
  if (deploy.format !== 'json' && deploy.pointer !== undefined) refuse('is only for format json', 'pointer');
  if (deploy.format !== 'list' && deploy.separator !== undefined) refuse('is only for format list', 'separator');
  if (deploy.reload === undefined && deploy.restart === undefined) {
    refuse('needs a reload or a restart command; there is no default for either');
  }
}

const formats = z.enum(['single', 'list', 'json']);

/** `deploy` of a replica: where its accepted secrets stand. */
export const replicaDeploy = z
  .strictObject({
    ...base,
    format: formats.describe('How the accepted secrets stand in the variable; single cannot hold an overlap.'),
  })
  .superRefine(check);

/** `deploy` of a client: where the secret that it signs with stands. */
export const clientDeploy = z
  .strictObject({ ...base, format: formats.prefault('single').describe('How the secret stands in the variable.') })
  .superRefine(check);

/** What the two `deploy` schemas give. */
export type DeployInput = z.output<typeof replicaDeploy>;
