import * as z from 'zod';
import * as ansible from './ansible-schema.ts';
import * as command from './command-schema.ts';
import {
  acceptedFormat,
  checkFormat,
  commands,
  type FormatShape,
  formatFields,
  gate,
  needsCommand,
  path,
  signingFormat,
  variable,
} from './deploy-fields.ts';
import * as jsonFile from './json-file-schema.ts';
import * as kubernetes from './kubernetes-schema.ts';
import { defaultVariable, idPointer, idVariable } from './second-id-schema.ts';

const envFile = {
  driver: z
    .literal('env-file')
    .optional()
    .describe(
      'How configuration reaches the process: env-file (the default), variables in a file of NAME=value lines; json-file, a place in a JSON file; ansible, either of the two on a host of an Ansible inventory; command, a program of yours; kubernetes, a Secret and a rollout. README.md says which fits what.',
    ),
  path: path.describe(
    'Env file (lines of NAME=value) that the process reads its secrets from; relative to this file. Only the variable changes, in the quotes that it has; the file is replaced atomically with mode 0600.',
  ),
  variable: variable.optional(),
  ...formatFields,
  ...gate,
};

function check(deploy: FormatShape & Parameters<typeof needsCommand>[0], context: z.RefinementCtx): void {
  checkFormat(deploy, context);
  needsCommand(deploy, context);
}

const accepting = { ...envFile, format: acceptedFormat, defaultClient: defaultVariable };
const envFileReplica = z.strictObject({ ...accepting, ...commands }).superRefine(check);
const envFileTemplate = z.strictObject(accepting).superRefine(checkFormat);
const envFileClient = z
  .strictObject({ ...envFile, ...commands, format: signingFormat, idVariable, idPointer })
  .superRefine(check);

/** `deploy` of a replica: where its accepted secrets stand, and how it is made to read them. */
export const replicaDeploy = z.discriminatedUnion('driver', [
  envFileReplica,
  jsonFile.replica,
  ansible.replica,
  command.ofProcess,
  kubernetes.replica,
]);

/** `deploy` of a template: where the accepted secrets stand that an instance made from it starts with. */
export const templateDeploy = z.discriminatedUnion('driver', [
  envFileTemplate,
  jsonFile.template,
  ansible.template,
  command.template,
  kubernetes.template,
]);

/** `deploy` of a client: where the secret that it signs with stands. */
export const clientDeploy = z.discriminatedUnion('driver', [
  envFileClient,
  jsonFile.client,
  ansible.client,
  command.ofProcess,
  kubernetes.client,
]);

/** What the `deploy` schemas of processes give. */
export type DeployInput = z.output<typeof replicaDeploy> | z.output<typeof clientDeploy>;

/** What every `deploy` schema gives: the place alone. */
export type PlaceInput = z.output<typeof templateDeploy>;
