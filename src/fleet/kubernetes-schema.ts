import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { acceptedFormat, checkFormat, formatFields, gate, path, signingFormat, variableName } from './deploy-fields.ts';

/** Name of an object: what Kubernetes calls a DNS subdomain. */
const objectName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/,
    'must be the name of an object: lower-case letters, digits, - and .',
  );

const place = {
  driver: z
    .literal('kubernetes')
    .describe(
      'kubernetes: secrets stand in a Secret of a cluster, which kubectl (on your PATH) applies server-side; the workload that reads it is restarted by a rollout.',
    ),
  context: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe(
      'Context of the kubeconfig; default its current one. Name it, so that a switch of context cannot reach another cluster.',
    ),
  kubeconfig: path
    .optional()
    .describe('Kubeconfig, relative to this file; default what kubectl takes: $KUBECONFIG, else ~/.kube/config.'),
  namespace: objectName.describe('Namespace of the Secret and of the workload.'),
  secret: objectName.describe(
    'Name of the Secret. It must be there; of its keys only those that hold secrets are applied.',
  ),
  key: z
    .string()
    .max(253)
    .regex(
      /^(?:[A-Za-z0-9._-]|\{client\}|\{CLIENT\})+$/,
      'must be a key of a Secret: letters, digits, dots, hyphens and underscores, in which {client} or {CLIENT} may stand',
    )
    .optional()
    .describe(
      'Key of the Secret whose value holds the secrets, such as KEYRING_CLIENTS for a variable or keys.json for a mounted file. {client} stands for the client id, {CLIENT} for it in upper case with _ for other characters. It must be there already.',
    ),
  ...formatFields,
  variables: gate.variables,
  takeOver: z
    .array(z.string().min(1).max(128))
    .max(20)
    .prefault(['kubectl-create', 'kubectl-edit', 'kubectl-patch'])
    .describe(
      'Field managers from which the keys are taken over: by default those of commands that a person typed. What applies the Secret again and again, such as Helm, Argo CD or a pipeline with kubectl apply, would put the old secrets back: have it leave these keys out, and name it here then.',
    ),
  env: z
    .array(variableName)
    .max(50)
    .prefault([])
    .describe(
      'Names of variables of your environment that kubectl gets besides KUBECONFIG, such as AWS_PROFILE for a login helper.',
    ),
};

const loading = {
  workload: z
    .string()
    .regex(
      /^(?:deployment|statefulset)\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/,
      'must be deployment/NAME or statefulset/NAME',
    )
    .describe(
      'What reads the Secret as it starts: deployment/NAME or statefulset/NAME. It is restarted by a rollout, which is waited for.',
    ),
  deadline: duration()
    .prefault('5m')
    .describe('Longest time for a rollout, until every pod of the workload is the new one and ready.'),
};

const together = z
  .boolean()
  .prefault(false)
  .describe(
    'Say true where several replicas are pods of one workload, or have one Secret: what is written for the first reaches them all, so that the first batch is not one replica but all of these. Without it they are refused; a workload and a Secret for each replica keep the first batch to one.',
  );

/** `deploy` of a replica with driver `kubernetes`. */
export const replica = z
  .strictObject({ ...place, ...loading, together, format: acceptedFormat })
  .superRefine(checkFormat);

/** `deploy` of a template with driver `kubernetes`. */
export const template = z.strictObject({ ...place, format: acceptedFormat }).superRefine(checkFormat);

/** `deploy` of a client with driver `kubernetes`. */
export const client = z.strictObject({ ...place, ...loading, format: signingFormat }).superRefine(checkFormat);
