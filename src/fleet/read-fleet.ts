import { hash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { forClient } from '../credential/placeholder.ts';
import type { SecretReference } from '../credential/reference.ts';
import { parseDocument } from '../document/parse.ts';
import { validate } from '../document/validate.ts';
import type { OutcomeRule } from '../protocol/outcome.ts';
import { hostOf } from './address.ts';
import { DEFAULT_GATE_NAMES, type DeployInput, type PlaceInput } from './deploy-schema.ts';
import type {
  Client,
  Endpoint,
  EnvFileDeploy,
  EnvFilePlace,
  Fleet,
  GateProbe,
  Policy,
  ReplayContract,
  UsageSource,
} from './fleet.ts';
import { checkFleet } from './rules.ts';
import { type FleetInput, fleetSchema } from './schema.ts';

const DAY_MS = 86_400_000;
/** A transform and not a refinement, because it must run only when every single field is right. */
const CHECKED = fleetSchema.transform((fleet, context) => {
  checkFleet(fleet, context);
  return fleet;
});

type Resolve = (path: string) => string;

/**
 * Reads the text of a `rotctl.yaml` into a checked `Fleet`. Pure: `file` is the absolute path, against whose folder
 * relative paths are resolved; no file is opened. `digest` is `sha256:<hex>` over the UTF-8 bytes of `text`.
 *
 * Throws `INPUT_UNREADABLE`, `INPUT_SYNTAX` or `INPUT_INVALID` with file, line and column.
 */
export function readFleet(text: string, file: string): Fleet {
  const input = validate(parseDocument(text, file), CHECKED);
  const absolute: Resolve = (path) => resolve(dirname(file), path);
  const replay = replayContract(input.replay, input.protocol);
  const { protocol } = input;
  const clients = input.clients.map((client) => toClient(client, protocol, replay, absolute));
  const fleet: Unbranded = {
    name: input.name,
    environment: input.environment,
    protocol,
    file,
    digest: `sha256:${hash('sha256', text, 'hex')}`,
    replicas: input.replicas.map((replica) => ({
      name: replica.name,
      ...endpoint(replica),
      deploy: deployOf(replica.deploy, protocol, absolute),
      log: replica.log === undefined ? undefined : absolute(replica.log),
    })),
    templates: input.templates.map(({ name, deploy }) => ({ name, deploy: placeOf(deploy, protocol, absolute) })),
    balancer: input.balancer === undefined ? undefined : endpoint(input.balancer),
    clients,
    tls: tlsFiles(input.tls, absolute),
    replay,
    probe: probeSettings(input.probe, protocol),
    outcomes: input.outcomes.map(outcomeRule),
    readiness: { deadlineMs: input.readiness.deadline, consecutive: input.readiness.consecutive },
    canary: input.canary,
    usage: usageSource(input.usage),
    logs: input.logs === undefined ? undefined : { ...input.logs, own: input.logs.own },
    accepts: input.accepts,
    policy: policyOf(input, clients, replay, absolute),
    vault: absolute(input.vault),
  };
  // The only place where a fleet gets its brand.
  return fleet as Fleet;
}

type Unbranded = { readonly [Key in Extract<keyof Fleet, string>]: Fleet[Key] };

function endpoint(input: { readonly url: string; readonly serverName?: string | undefined }): Endpoint {
  const url = new URL(input.url);
  return { url, serverName: input.serverName ?? hostOf(url) };
}

function toClient(
  input: FleetInput['clients'][number],
  protocol: Fleet['protocol'],
  replay: ReplayContract,
  absolute: Resolve,
): Client {
  return {
    id: input.id,
    actor: input.actor ?? input.id,
    secret: secretReference(input, absolute),
    deploy: deployOf(input.deploy, protocol, absolute),
    cadenceMs: input.cadence,
    atRestMs: input.atRest ?? replay.maxAgeMs,
  };
}

/** Where the secret is read from: as given, or the place that the client's deploy writes. */
function secretReference({ id, secret, deploy }: FleetInput['clients'][number], absolute: Resolve): SecretReference {
  if (secret?.from === 'file') return { from: 'file', path: absolute(secret.path) };
  const { path, pointer } = secret ?? deploy;
  const variable = secret?.variable ?? variableOf(deploy);
  const place = { from: 'dotenv', path: absolute(path), variable: forClient(variable, id) } as const;
  return pointer === undefined ? place : { ...place, pointer: forClient(pointer, id) };
}

/** The variable that holds the secrets, or (of a gate) the primary one. */
function variableOf({ variable, variables }: PlaceInput): string {
  return variable ?? variables?.secret ?? DEFAULT_GATE_NAMES.secret;
}

function deployOf(input: DeployInput, protocol: Fleet['protocol'], absolute: Resolve): EnvFileDeploy {
  return {
    ...placeOf(input, protocol, absolute),
    reload: input.reload,
    restart: input.restart,
    deadlineMs: input.deadline,
  };
}

function placeOf(input: PlaceInput, protocol: Fleet['protocol'], absolute: Resolve): EnvFilePlace {
  return {
    driver: input.driver,
    path: absolute(input.path),
    variable: variableOf(input),
    format: protocol === 'gate-v1' ? gateFormat(input, absolute) : formatOf(input),
  };
}

function formatOf({ format, separator = ',', pointer = '' }: PlaceInput): EnvFilePlace['format'] {
  if (format === 'list') return { kind: 'list', separator };
  return format === 'json' ? { kind: 'json', pointer } : { kind: 'single' };
}

function gateFormat({ variables, secretFiles }: PlaceInput, absolute: Resolve): EnvFilePlace['format'] {
  const files = secretFiles === undefined ? SECRETS : { ...secretFiles, folder: absolute(secretFiles.folder) };
  return { kind: 'gate', names: variables ?? DEFAULT_GATE_NAMES, secretFiles: files };
}

/** Where the protocol has files of secrets, where nothing else is said. */
const SECRETS = { prefix: '/run/secrets/', folder: '/run/secrets' };

/** `rules.ts` has seen to it that the fields of the kind are there. */
function usageSource(input: FleetInput['usage']): UsageSource | undefined {
  if (input === undefined) return undefined;
  const { from, path, metric = '', labels, fingerprint, ownCaller } = input;
  if (from === 'ledger') {
    const { entries = '', at = '', client = '', keyId = '' } = input;
    return { from, path: path ?? '/ledger', entries, at, client, keyId };
  }
  const named = labels ?? { client: '', fingerprint: '', caller: '' };
  return { from, path: path ?? '/metrics', metric, labels: named, fingerprint, ownCaller };
}

function tlsFiles({ ca, cert, key, required }: FleetInput['tls'], absolute: Resolve): Fleet['tls'] {
  return {
    ca: ca === undefined ? undefined : absolute(ca),
    cert: cert === undefined ? undefined : absolute(cert),
    key: key === undefined ? undefined : absolute(key),
    required: required ?? cert !== undefined,
  };
}

function replayContract(input: FleetInput['replay'], protocol: Fleet['protocol']): ReplayContract {
  return {
    maxAgeMs: input.maxAge,
    nonceTtlMs: input.nonceTtl,
    clockErrorMs: input.clockError,
    storeTimeoutMs: input.storeTimeout,
    ...(protocol === 'gate-v1' ? { unsignedMs: 1000 } : {}),
  };
}

function probeSettings(input: FleetInput['probe'], protocol: Fleet['protocol']): Fleet['probe'] {
  const { method, path, body = '{"probe":true}', causes, deadline, maxBytes, perSecond } = input;
  const common = { method, body, causes, deadlineMs: deadline, maxBytes, perSecond };
  if (protocol === 'gate-v1') return { ...common, path: path ?? '/gate/request', gate: gateProbe(input) };
  return { ...common, path: path ?? '/v1/sign/session-transaction', gate: undefined };
}

function gateProbe(input: FleetInput['probe']): GateProbe {
  const { tool = '', session = '', actor = 'rotctl', conviction = 0, params = {} } = input;
  return { tool, session, actor, conviction, params };
}

/** Leaves out the conditions that were not given. */
function outcomeRule({ when, outcome }: FleetInput['outcomes'][number]): OutcomeRule {
  const { status, header, pointer, body, fault } = when;
  return {
    when: {
      ...(status !== undefined && { status }),
      ...(header !== undefined && { header }),
      ...(pointer !== undefined && { pointer }),
      ...(body !== undefined && { body }),
      ...(fault !== undefined && { fault }),
    },
    outcome,
  };
}

/** Fills in what the policy leaves open, from the environment and from what the clients promise. */
function policyOf(
  { policy, environment }: FleetInput,
  clients: readonly Client[],
  replay: ReplayContract,
  absolute: Resolve,
): Policy {
  const cadenceMs = Math.max(...clients.map((client) => client.cadenceMs));
  const inFlightMs = Math.max(replay.maxAgeMs + 2 * replay.clockErrorMs, ...clients.map((client) => client.atRestMs));
  const production = environment === 'production';
  return {
    minOverlapMs: policy.minOverlap ?? cadenceMs + inFlightMs,
    soakMs: policy.soak ?? (production ? Math.max(cadenceMs, DAY_MS) : cadenceMs),
    failureBudget: policy.failureBudget,
    onFailedOverlap: policy.onFailedOverlap ?? (production ? 'hold' : 'roll-back'),
    safetyLever: absolute(policy.safetyLever),
  };
}
