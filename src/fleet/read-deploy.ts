import type { SecretReference } from '../credential/reference.ts';
import type {
  AnsiblePlace,
  CommandPlace,
  Deploy,
  EnvFilePlace,
  GateFormat,
  IdPlaces,
  JsonFilePlace,
  KubernetesPlace,
  LoadCommands,
  Place,
  SecretsFormat,
  ValueFormat,
  Workload,
} from './deploy.ts';
import { DEFAULT_GATE_NAMES } from './deploy-fields.ts';
import type { DeployInput, PlaceInput } from './deploy-schema.ts';
import type { Client, Fleet } from './fleet.ts';
import { referenceOf, signerOf } from './read-secret.ts';
import type { FleetInput } from './schema.ts';

/** What reading a `deploy` goes by. */
export interface DeployContext {
  readonly protocol: Fleet['protocol'];
  /** Makes a path absolute, against the folder of the fleet file. */
  absolute(path: string): string;
  /** How many replicas of the fleet start anew with the process of this deploy, itself included. */
  podsOf(deploy: DeployInput): number;
}

type ClientInput = FleetInput['clients'][number];
type EnvFileInput = Extract<PlaceInput, { driver?: 'env-file' | undefined }>;
type AnsibleInput = Extract<PlaceInput, { driver: 'ansible' }>;
type CommandInput = Extract<PlaceInput, { driver: 'command' }>;
type KubernetesInput = Extract<PlaceInput, { driver: 'kubernetes' }>;
type JsonFileInput = Extract<PlaceInput, { driver: 'json-file' }>;

/** Whose `deploy` it is. */
export type Owner = CommandPlace['target'];

/** The `deploy` of a replica or a client, which the rules have passed. */
export function deployOf(input: DeployInput, owner: Owner, context: DeployContext): Deploy {
  if (input.driver === 'command') return { ...commandPlace(input, owner, context), loads: input.loads };
  if (input.driver === 'kubernetes') {
    const pods = owner.kind === 'client' ? undefined : context.podsOf(input);
    return { ...secretPlace(input, context), workload: workloadOf(input), deadlineMs: input.deadline, pods };
  }
  if (input.driver === 'json-file') return { ...jsonFile(input, context), ...commandsOf(input) };
  if (input.driver === 'ansible') return { ...ansible(input, context), ...commandsOf(input) };
  return { ...envFile(input, context), ...commandsOf(input) };
}

/** The `deploy` of a template, which the rules have passed. */
export function placeOf(input: PlaceInput, owner: Owner, context: DeployContext): Place {
  if (input.driver === 'command') return commandPlace(input, owner, context);
  if (input.driver === 'ansible') return ansible(input, context);
  if (input.driver === 'kubernetes') return secretPlace(input, context);
  return input.driver === 'json-file' ? jsonFile(input, context) : envFile(input, context);
}

/** The rules have seen to it that a client without a deploy has a secret. */
const NOWHERE: DeployInput = { driver: 'env-file', path: '', deadline: 0 };

/**
 * Where a client's present secret is read from: as given, or the place that its deploy writes, where that is an env file
 * with one secret in it. `undefined`: by the driver of its deploy, else from the sealed store.
 */
export function secretReference(
  { id, secret, deploy = NOWHERE }: ClientInput,
  { absolute }: DeployContext,
): SecretReference | undefined {
  const variable = variableOf(deploy as EnvFileInput);
  if (secret !== undefined) return referenceOf(secret, id, { absolute, variable });
  if (deploy.driver !== undefined && deploy.driver !== 'env-file') return undefined;
  if (deploy.format === 'list') return { from: 'sealed' };
  const { path, pointer } = deploy;
  return referenceOf({ from: 'dotenv', path, variable, pointer }, id, { absolute, variable });
}

/** Where a client's next secret comes from, and who signs for it. */
export function placesOf(
  { id, next, signer, deploy = NOWHERE }: ClientInput,
  { absolute }: DeployContext,
): Pick<Client, 'next' | 'signer'> {
  const variable = variableOf(deploy as EnvFileInput);
  return {
    next: next === undefined ? undefined : referenceOf(next, id, { absolute, variable }),
    signer: signer === undefined ? undefined : signerOf(signer),
  };
}

function commandsOf(input: {
  readonly reload?: readonly string[] | undefined;
  readonly restart?: readonly string[] | undefined;
  readonly deadline: number;
}): LoadCommands {
  return { reload: input.reload, restart: input.restart, deadlineMs: input.deadline };
}

function envFile(input: EnvFileInput, { protocol, absolute }: DeployContext): EnvFilePlace {
  return {
    driver: 'env-file',
    path: absolute(input.path),
    variable: variableOf(input),
    format: protocol === 'gate-v1' ? gateFormat(input, filesOf(input, absolute)) : formatOf(input),
    ...idPlaces(input, variableOf(input)),
  };
}

function jsonFile(input: JsonFileInput, { absolute }: DeployContext): JsonFilePlace {
  const { path, pointer } = input;
  return { driver: 'json-file', path: absolute(path), format: { kind: 'json', pointer }, ...idPlaces(input, '') };
}

interface IdFields {
  readonly idVariable?: string | undefined;
  readonly idPointer?: string | undefined;
  readonly defaultClient?: string | undefined;
}

/** @param name where the secrets stand, in which a pointer points; empty where the configuration is one text */
function idPlaces({ idVariable, idPointer, defaultClient }: IdFields, name: string): IdPlaces {
  const isWhole = name === '';
  return {
    ...((idVariable ?? idPointer) !== undefined && { idAt: { name: idVariable ?? name, pointer: idPointer } }),
    ...(defaultClient !== undefined && {
      defaultAt: isWhole ? { name, pointer: defaultClient } : { name: defaultClient },
    }),
  };
}

function commandPlace(
  { command, env, deadline, variables }: CommandInput,
  target: Owner,
  { protocol }: DeployContext,
): CommandPlace {
  const format = protocol === 'gate-v1' ? gateFormat({ variables }, undefined) : undefined;
  return { driver: 'command', command, pass: env, deadlineMs: deadline, target, format };
}

/** On a host a gate's secrets stand in the env file itself: files that its values name are not reached there. */
function ansible(input: AnsibleInput, { protocol, absolute }: DeployContext): AnsiblePlace {
  const { host, path, become, file, pointer = '', playbook } = input;
  const format: ValueFormat =
    file === 'json'
      ? { kind: 'json', pointer }
      : protocol === 'gate-v1'
        ? { kind: 'gate', names: input.variables ?? DEFAULT_GATE_NAMES, secretFiles: undefined }
        : formatOf(input);
  return {
    driver: 'ansible',
    inventory: absolute(input.inventory),
    host,
    path,
    become,
    playbook: playbook === undefined ? undefined : absolute(playbook),
    file,
    variable: file === 'json' ? '' : variableOf(input),
    format,
    ...idPlaces(input, file === 'json' ? '' : variableOf(input)),
    deadlineMs: input.deadline,
  };
}

function secretPlace(input: KubernetesInput, { protocol, absolute }: DeployContext): KubernetesPlace {
  const { kubeconfig, context, namespace, secret, takeOver, variables } = input;
  return {
    driver: 'kubernetes',
    cluster: {
      kubeconfig: kubeconfig === undefined ? undefined : absolute(kubeconfig),
      context,
      pass: ['KUBECONFIG', ...input.env],
    },
    namespace,
    secret,
    key: input.key ?? variables?.secret ?? DEFAULT_GATE_NAMES.secret,
    format: protocol === 'gate-v1' ? gateFormat({ variables }, undefined) : formatOf(input),
    takeOver,
  };
}

/** The schema has seen to its form. */
function workloadOf({ workload }: { readonly workload: string }): Workload {
  const [kind, name = ''] = workload.split('/');
  return { kind: kind === 'statefulset' ? 'statefulset' : 'deployment', name };
}

/** The variable that holds the secrets, or (of a gate) the primary one. */
function variableOf({ variable, variables }: Pick<EnvFileInput, 'variable' | 'variables'>): string {
  return variable ?? variables?.secret ?? DEFAULT_GATE_NAMES.secret;
}

type FormatInput = Pick<EnvFileInput, 'format' | 'separator' | 'pointer'>;

function formatOf({ format, separator = ',', pointer = '' }: FormatInput): SecretsFormat {
  if (format === 'list') return { kind: 'list', separator };
  return format === 'json' ? { kind: 'json', pointer } : { kind: 'single' };
}

function gateFormat(
  { variables }: Pick<EnvFileInput, 'variables'>,
  secretFiles: GateFormat['secretFiles'],
): GateFormat {
  return { kind: 'gate', names: variables ?? DEFAULT_GATE_NAMES, secretFiles };
}

function filesOf({ secretFiles }: EnvFileInput, absolute: DeployContext['absolute']): GateFormat['secretFiles'] {
  return secretFiles === undefined ? SECRETS : { ...secretFiles, folder: absolute(secretFiles.folder) };
}

/** Where the protocol has files of secrets, where nothing else is said. */
const SECRETS = { prefix: '/run/secrets/', folder: '/run/secrets' };
