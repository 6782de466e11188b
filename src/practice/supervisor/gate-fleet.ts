import { relative } from 'node:path';
import { kindOf } from '../kinds.ts';
import { hostOf, type Layout, paths } from '../layout.ts';
import { chaosText } from './chaos-text.ts';
import { actorOf, GATE_PATH, holdsSecretsInFiles, PROBE, secretsPrefixOf } from './gate-places.ts';

/** The `rotctl.yaml` of a practice fleet of gates, as its operator would write it. `ctl` makes a control command. */
export function gateFleetText(layout: Layout, ctl: (...words: string[]) => string): string {
  const { clientIds, sharedName } = kindOf(layout);
  return [
    HEAD,
    ...layout.replicas.map((replica) => replicaText(layout.home, replica, ctl)),
    `
# What a gate that is made anew starts with: "ctl renew NAME" makes one. It is changed before the gates are.
templates:
  - name: gate-image
    deploy: { driver: env-file, path: gates/template.env }

# Where the services connect. Probed beside the replicas, never instead of them.
balancer: { url: https://127.0.0.1:${layout.balancerPort}, serverName: ${sharedName} }

# Every service that signs. All share the one INTERSERVICE_HMAC_SECRET; one reads its file only when it starts.
clients:`,
    ...clientIds.map((id) => serviceText(id, ctl)),
    TAIL + chaosText(layout, ctl),
  ].join('\n');
}

const HEAD = `# The practice fleet: real processes on this machine, thrown away with this folder.
schema: rotctl.fleet.v1
name: practice-gate
environment: practice
protocol: gate-v1

# Each gate by its own address, never through the balancer.
replicas:`;

function replicaText(
  home: string,
  { name, port }: Layout['replicas'][number],
  ctl: (...words: string[]) => string,
): string {
  const prefix = secretsPrefixOf(home, name);
  const folder = relative(home, paths.secrets(home, name));
  const secretFiles = holdsSecretsInFiles(name)
    ? `
      # A value that begins with the prefix is the path of a file, which the gate reads at each use.
      secretFiles: { prefix: ${JSON.stringify(prefix)}, folder: ${folder} }`
    : '';
  return `  - name: ${name}
    url: https://127.0.0.1:${port}
    serverName: ${hostOf(name)}
    log: logs/${name}.log
    deploy:
      driver: env-file
      path: gates/${name}.env             # read only as the gate starts${secretFiles}
      restart: ${ctl('restart', name)}
      deadline: 10s`;
}

function serviceText(id: string, ctl: (...words: string[]) => string): string {
  return `  - id: ${id}
    actor: ${actorOf(id)}        # what its requests bear as actor_did
    deploy:
      driver: env-file
      path: services/${id}.env
      restart: ${ctl('restart', id)}
      deadline: 10s
    cadence: 500ms                       # the longest time that it stays silent
    atRest: 500ms                        # the longest time that a signed request waits to be sent`;
}

const TAIL = `
# The gates ask for no client certificate.
tls: { ca: tls/ca.pem }

# maxAge is SIGNATURE_SKEW_SECONDS, nonceTtl is NONCE_TTL_SECONDS. A nonce lives longer than
# 2 * maxAge + 2 * clockError + storeTimeout + the second whose fraction is not signed = 5.9 s.
replay: { maxAge: 2s, nonceTtl: 6s, clockError: 200ms, storeTimeout: 500ms }

# Passes everything that is verified, and is then denied by policy. By its actor it is told apart from all others.
probe:
  path: ${GATE_PATH}
  tool: ${PROBE.tool}
  session: ${PROBE.session}
  actor: ${PROBE.actor}
  causes: 'denied by policy: approved is false; one row in the gate ledger'
  deadline: 1500ms

readiness: { deadline: 8s, consecutive: 3 }
canary: { ratePerSecond: 10, faultBudget: 0.2, minSamples: 50 }

# Which key id each accepted request was verified under: the last 2000 of each gate.
usage:
  from: ledger
  path: /ledger
  entries: /entries
  at: /at                                # Unix seconds
  client: /actor_did
  keyId: /key_id

# Lines of the gates' logs: refused signatures, and those of rotctl's own requests among them.
logs: { refused: 'invalid request signature', own: 'rotctl/' }

policy: { minOverlap: 1s, soak: 1s, failureBudget: 0, onFailedOverlap: roll-back, safetyLever: STOP }
vault: rotctl-vault
`;
