import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import {
  acceptedFormat,
  checkFormat,
  command,
  type FormatShape,
  formatFields,
  gate,
  needsCommand,
  path,
  signingFormat,
  variable,
} from './deploy-fields.ts';
import { defaultPlace, idPointer, idVariable } from './second-id-schema.ts';

const { variables } = gate;

const place = {
  driver: z
    .literal('ansible')
    .describe(
      'ansible: the file is on a host of an Ansible inventory; ansible-playbook reads and replaces it there, and runs the commands there, with the connection and settings that the inventory and your ansible.cfg have.',
    ),
  inventory: path.describe(
    'The inventory: a file, a folder or a script, as for ansible-playbook --inventory; relative to this file.',
  ),
  host: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/, 'must be the name of one host, not a group or a pattern')
    .describe('Name of the host in that inventory, such as signer-1. One host; no group and no pattern.'),
  path: z
    .string()
    .min(2)
    .max(4096)
    .regex(/^\/[^\0]*[^\0/ ]$/, 'must be an absolute path on the host')
    .describe(
      'Absolute path, on the host, of the file that the process reads its secrets from. It is replaced atomically and keeps owner, group and mode; one that every user of the host may read, and a link, are refused.',
    ),
  become: z
    .boolean()
    .prefault(false)
    .describe(
      'Whether files and commands need another user (root, unless the inventory says whom): sudo, in most places.',
    ),
  playbook: path
    .optional()
    .describe(
      'A playbook of your own in place of the shipped one (runbooks/ansible/rotctl.yml, whose head says what it must do); relative to this file.',
    ),
  file: z
    .enum(['env', 'json'])
    .prefault('env')
    .describe(
      'What the file is: env, lines of NAME=value (the default); json, a JSON text in which pointer leads to the secrets.',
    ),
  variable: variable.optional(),
  ...formatFields,
  variables,
  deadline: duration()
    .prefault('2m')
    .describe('Longest time for one run of ansible-playbook; then it is killed with all that it started here.'),
};

const commands = {
  reload: command
    .optional()
    .describe(
      'Command that makes the running process read the file again, run on the host without a shell: [systemctl, reload, signer]. Leave it out when the process reads the file only as it starts.',
    ),
  restart: command
    .optional()
    .describe(
      'Command that ends the process and starts it anew, run on the host without a shell: [systemctl, restart, signer]. Needed when there is no reload.',
    ),
};

type AnsibleShape = FormatShape & {
  readonly file: 'env' | 'json';
  readonly variable?: string | undefined;
  readonly variables?: object | undefined;
};

function checkFile(deploy: AnsibleShape, context: z.RefinementCtx): void {
  if (deploy.file === 'env') {
    checkFormat(deploy, context);
    return;
  }
  const refuse = (message: string, ...at: string[]) => context.addIssue({ code: 'custom', path: at, message });
  if (deploy.pointer === undefined) refuse('needs a pointer with file json');
  for (const name of ['variable', 'format', 'separator', 'variables'] as const)
    if (deploy[name] !== undefined) refuse('is not for file json, in which pointer leads to the secrets', name);
}

function check(deploy: AnsibleShape & Parameters<typeof needsCommand>[0], context: z.RefinementCtx): void {
  checkFile(deploy, context);
  needsCommand(deploy, context);
}

const accepting = { ...place, format: acceptedFormat, defaultClient: defaultPlace };

/** `deploy` of a replica with driver `ansible`. */
export const replica = z.strictObject({ ...accepting, ...commands }).superRefine(check);

/** `deploy` of a template with driver `ansible`. */
export const template = z.strictObject(accepting).superRefine(checkFile);

/** `deploy` of a client with driver `ansible`. */
export const client = z
  .strictObject({ ...place, ...commands, format: signingFormat, idVariable, idPointer })
  .superRefine(check);
