import { hash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { parseDocument } from '../document/parse.ts';
import { validate } from '../document/validate.ts';
import type { InertAnswer } from '../protocol/inert.ts';
import type { OutcomeRule } from '../protocol/outcome.ts';
import { hostOf } from './address.ts';
import { announceOf } from './announce.ts';
import { batchOf } from './approval-schema.ts';
import { assumedIn } from './assumed.ts';
import { chaosOf } from './chaos-schema.ts';
import { sameWorkload } from './deploy-place.ts';
import { withReplicas } from './discovered.ts';
import type { ListedReplica } from './discovery-schema.ts';
import { domainsOf } from './domains.ts';
import type { Client, Deploy, Endpoint, Fleet, GateProbe, Policy, ReplayContract } from './fleet.ts';
import { lockoutOf } from './lockout.ts';
import { withProfile } from './profiles.ts';
import { authorityOf, clientCertificates, replicaCertificates, templateCertificates } from './read-certificates.ts';
import { type DeployContext, deployOf, placeOf, placesOf, secretReference } from './read-deploy.ts';
import { logWatch, usageSources } from './read-evidence.ts';
import { describedScheme } from './read-scheme.ts';
import { checkFleet } from './rules.ts';
import { type FleetInput, fleetSchema } from './schema.ts';
import { storeSource } from './store.ts';
import { windowOf } from './window-schema.ts';

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
 * @param listed the replicas, where the file names only a source of them (`discoveryOf`)
 * Throws `INPUT_UNREADABLE`, `INPUT_SYNTAX` or `INPUT_INVALID` with file, line and column.
 */
export function readFleet(text: string, file: string, listed?: readonly ListedReplica[]): Fleet {
  const document = withReplicas(withProfile(parseDocument(text, file)), listed);
  const input = validate(document, CHECKED);
  const absolute: Resolve = (path) => resolve(dirname(file), path);
  const replay = replayContract(input, document.value);
  const { protocol } = input;
  const podsOf: DeployContext['podsOf'] = (deploy) =>
    input.replicas.filter((one) => sameWorkload(one.deploy) === sameWorkload(deploy)).length;
  const context = { protocol, absolute, podsOf };
  const clients = input.clients.map((client) => toClient(client, input, replay, context));
  const fleet: Unbranded = {
    name: input.name,
    environment: input.environment,
    protocol,
    file,
    digest: `sha256:${hash('sha256', text, 'hex')}`,
    replicas: input.replicas.map((replica) => ({
      name: replica.name,
      ...endpoint(replica),
      deploy: deployOf(replica.deploy, { kind: 'replica', name: replica.name }, context),
      log: replica.log === undefined ? undefined : absolute(replica.log),
      ...(replica.seenAs === undefined ? {} : { seenAs: replica.seenAs }),
      ...replicaCertificates(replica, input, absolute),
    })),
    pins: [],
    resolver: input.resolver,
    templates: input.templates.map((template) => ({
      name: template.name,
      deploy: placeOf(template.deploy, { kind: 'template', name: template.name }, context),
      ...templateCertificates(template, input, absolute),
    })),
    balancer: input.balancer === undefined ? undefined : endpoint(input.balancer),
    clients,
    tls: tlsFiles(input.tls, absolute),
    authority: authorityOf(input),
    replay,
    store: storeSource(input.store, protocol, absolute),
    domains: domainsOf(input, protocol, absolute),
    probe: probeSettings(input),
    outcomes: input.outcomes.map(outcomeRule),
    readiness: { deadlineMs: input.readiness.deadline, consecutive: input.readiness.consecutive },
    canary: input.canary,
    usage: usageSources(input.usage, protocol, absolute),
    logs: logWatch(input.logs, absolute),
    accepts: input.accepts,
    lockout: lockoutOf(input.lockout),
    announce: announceOf(input.announce),
    chaos: chaosOf(input.chaos),
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
  fleet: Pick<FleetInput, 'protocol' | 'usage' | 'certificateUsage'>,
  replay: ReplayContract,
  context: DeployContext,
): Client {
  const { absolute } = context;
  return {
    id: input.id,
    ...(input.second !== undefined && { second: input.second }),
    actor: input.actor ?? input.id,
    secret: secretReference(input, context),
    ...placesOf(input, context),
    deploy:
      input.deploy === undefined ? LEFT_ALONE : deployOf(input.deploy, { kind: 'client', name: input.id }, context),
    cadenceMs: input.cadence,
    atRestMs: input.atRest ?? replay.maxAgeMs,
    cacheTtlMs: input.cacheTtl,
    instances: input.instances,
    owner: input.owner,
    movable: input.movable,
    usage: usageSources(input.usage ?? fleet.usage, fleet.protocol, absolute),
    ...clientCertificates(input, fleet, absolute),
  };
}

/** Of a client that we do not move: nothing of it is used. */
const LEFT_ALONE: Deploy = {
  ...{ driver: 'env-file', path: '', variable: '', format: { kind: 'single' } },
  ...{ reload: undefined, restart: undefined, deadlineMs: 0 },
};

function tlsFiles({ ca, cert, key, required }: FleetInput['tls'], absolute: Resolve): Fleet['tls'] {
  return {
    ca: ca === undefined ? undefined : absolute(ca),
    cert: cert === undefined ? undefined : absolute(cert),
    key: key === undefined ? undefined : absolute(key),
    required: required ?? cert !== undefined,
  };
}

function replayContract({ replay, protocol, scheme }: FleetInput, written: unknown): ReplayContract {
  const whole = protocol === 'gate-v1' || scheme?.timestamp === 'seconds';
  const nonceKey = replay.nonceKey ?? (protocol === 'keyring-v1' ? 'client' : undefined);
  const assumed = assumedIn(written);
  return {
    // Where requests have no timestamp, none of them is refused for its age.
    maxAgeMs: protocol === 'described' && scheme?.timestamp === undefined ? 0 : replay.maxAge,
    nonceTtlMs: replay.nonceTtl,
    clockErrorMs: replay.clockError,
    storeTimeoutMs: replay.storeTimeout,
    ...(whole ? { unsignedMs: 1000 } : {}),
    ...(nonceKey === undefined ? {} : { nonceKey }),
    ...(assumed.length === 0 ? {} : { assumed }),
  };
}

function probeSettings(input: FleetInput): Fleet['probe'] {
  const { method, path, body = '{"probe":true}', causes, deadline, maxBytes, perSecond } = input.probe;
  const inert = input.probe.inert.map(conditionsOf);
  const common = { method, body, causes, inert, deadlineMs: deadline, maxBytes, perSecond };
  const { protocol, scheme } = input;
  if (protocol === 'gate-v1') return { ...common, path: path ?? '/gate/request', gate: gateProbe(input.probe) };
  const described = scheme === undefined ? undefined : describedScheme(input, scheme);
  return { ...common, path: path ?? '/v1/sign/session-transaction', gate: undefined, scheme: described };
}

function gateProbe(input: FleetInput['probe']): GateProbe {
  const { tool = '', session = '', actor = 'rotctl', conviction = 0, params = {} } = input;
  return { tool, session, actor, conviction, params };
}

function outcomeRule({ when, outcome }: FleetInput['outcomes'][number]): OutcomeRule {
  const { fault } = when;
  return { when: { ...conditionsOf(when), ...(fault !== undefined && { fault }) }, outcome };
}

/** Leaves out the conditions that were not given. */
function conditionsOf({ status, header, pointer, body }: FleetInput['probe']['inert'][number]): InertAnswer {
  return {
    ...(status !== undefined && { status }),
    ...(header !== undefined && { header }),
    ...(pointer !== undefined && { pointer }),
    ...(body !== undefined && { body }),
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
  const settledMs = Math.max(...clients.map((client) => client.cadenceMs + client.cacheTtlMs));
  const inFlightMs = Math.max(replay.maxAgeMs + 2 * replay.clockErrorMs, ...clients.map((client) => client.atRestMs));
  const production = environment === 'production';
  return {
    minOverlapMs: policy.minOverlap ?? settledMs + inFlightMs,
    soakMs: policy.soak ?? (production ? Math.max(cadenceMs, DAY_MS) : cadenceMs),
    batch: batchOf(policy.batch),
    approvals: policy.approvals === undefined ? undefined : { ...policy.approvals, from: policy.approvals.from },
    failureBudget: policy.failureBudget,
    onFailedOverlap: policy.onFailedOverlap ?? (production ? 'hold' : 'roll-back'),
    onSpike: policy.onSpike ?? policy.onFailedOverlap ?? (production ? 'hold' : 'roll-back'),
    windows: { blocked: policy.blockedWindows.map(windowOf), allowed: policy.allowedWindows.map(windowOf) },
    safetyLever: absolute(policy.safetyLever),
  };
}
