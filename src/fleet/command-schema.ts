import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { command, gate, variableName } from './deploy-fields.ts';

const place = {
  driver: z
    .literal('command')
    .describe(
      'command: a program of yours is asked, one JSON request on stdin, one JSON answer on stdout (spec/deploy-command.md). For what no other driver fits: a start script, an API of your own.',
    ),
  command: command.describe(
    'The program and its arguments, such as [./deploy-signer.py, signer-1], run without a shell in the folder of this file. Secrets reach it on stdin alone.',
  ),
  env: z
    .array(variableName)
    .max(50)
    .prefault([])
    .describe(
      'Names of variables of your environment that the program gets, such as VAULT_TOKEN; without it PATH, HOME, LANG and TZ alone.',
    ),
  deadline: duration()
    .prefault('30s')
    .describe('Longest time for one answer; then the program is killed with all that it started.'),
  variables: gate.variables,
};

const loads = z
  .array(z.enum(['reload', 'restart']))
  .min(1)
  .max(2)
  .prefault(['restart'])
  .describe(
    'Which of reload (the running process reads its configuration again) and restart (it ends and starts anew) the program carries out; default [restart].',
  );

/** `deploy` of a replica or a client with driver `command`. */
export const ofProcess = z.strictObject({ ...place, loads });

/** `deploy` of a template with driver `command`. */
export const template = z.strictObject(place);
