import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { replicaCertificates } from './certificates-schema.ts';
import { path } from './deploy-fields.ts';
import { replicaDeploy } from './deploy-schema.ts';
import { endpoint, serverName, targetName } from './endpoint-schema.ts';

/** Host and port, with a scheme where it is not https. */
const service = z
  .string()
  .regex(
    /^(?:https?:\/\/)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?:[0-9]{1,5}$/,
    'must be HOST:PORT, such as signer.internal:8443',
  );

const source = z
  .strictObject({
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'A command that prints the replicas: a JSON array, or one JSON object a line, each {"name", "url", "serverName" where it differs}. A list of arguments, run without a shell in the folder of this file, with PATH, HOME, LANG and TZ alone.',
      ),
    dns: service
      .optional()
      .describe(
        'A name and a port, such as signer.internal:8443: each address that the name has is a replica, named by its address; the certificate must be for the name, unless serverName says otherwise.',
      ),
    file: path
      .optional()
      .describe('A YAML or JSON file with the list, each {name, url, serverName}; written by an orchestrator, say.'),
    deadline: duration().prefault('10s').describe('Longest time for the command, or for the name server.'),
  })
  .superRefine((given, context) => {
    const named = [given.command, given.dns, given.file].filter((one) => one !== undefined);
    if (named.length !== 1) context.addIssue({ code: 'custom', message: 'needs exactly one of command, dns and file' });
  });

/** `replicas` as a mapping: where the list of replicas comes from, and what holds for each of them. */
export const discovery = z.strictObject({
  discover: source.describe(
    'Where the list of replicas comes from; it is asked at each command, and before each step that cannot be undone.',
  ),
  atLeast: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .prefault(2)
    .describe('With fewer replicas than this in the list, nothing is done; default 2.'),
  serverName: serverName
    .optional()
    .describe(
      'Name that the certificates must be for, where the list says none; default the host of each url (or of dns).',
    ),
  log: path.optional().describe('Log file of a replica, in which {name}, {host} and {port} stand for its own.'),
  deploy: replicaDeploy.describe(
    'Where the secrets of a replica stand, and how it is made to read them; {name}, {host} and {port} in its texts stand for those of the replica.',
  ),
  certificates: replicaCertificates,
});

/** A checked `replicas` mapping. */
export type Discovery = z.output<typeof discovery>;

/** `resolver`: the name server that is asked in place of the system's. */
export const resolver = z
  .string()
  .regex(
    /^(?:[0-9.]{7,15}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/,
    'must be the address of a name server, such as 10.0.0.2 or 127.0.0.1:8600',
  )
  .optional()
  .describe(
    "Address of a name server (port 53 where none is given) that is asked for the addresses of replicas in place of the system's own look-up.",
  );

/** A list of replicas as a source gives it; what else it says of them is not looked at. */
export const listedReplicas = z.array(z.object({ name: targetName, ...endpoint })).max(1000);

/** One replica of such a list. */
export type ListedReplica = z.output<typeof listedReplicas>[number];
