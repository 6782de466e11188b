import { kindOf } from '../kinds.ts';
import { hostOf, type Layout, SIGNER_IMAGE } from '../layout.ts';
import { chaosText } from './chaos-text.ts';

/** The `rotctl.yaml` of a practice fleet of signers, as its operator would write it. `ctl` makes a control command. */
export function signerFleetText(layout: Layout, ctl: (...words: string[]) => string): string {
  const { clientIds, sharedName } = kindOf(layout);
  return [
    HEAD,
    ...layout.replicas.map((replica) => replicaText(replica, ctl)),
    `
# What a signer that is made anew starts with: "ctl renew NAME" makes one. It is changed before the signers are.
templates:
  - name: signer-image
    deploy:
      driver: env-file
      path: signers/template.env
      variable: KEYRING_CLIENTS
      format: json
      pointer: /{client}/hmacSecrets
    certificates:
      ${tlsFiles(SIGNER_IMAGE)}
      names: [${[...layout.replicas.map(({ name }) => hostOf(name)), '127.0.0.1'].join(', ')}]

# Where the clients connect. Probed beside the replicas, never instead of them.
balancer: { url: https://127.0.0.1:${layout.balancerPort}, serverName: ${sharedName} }

# Every caller that signs has an id and a secret of its own. A client reads its file only when it starts.
clients:`,
    ...clientIds.map((id) => clientText(id, ctl)),
    TAIL + chaosText(layout, ctl),
  ].join('\n');
}

const HEAD = `# The practice fleet: real processes on this machine, thrown away with this folder.
schema: rotctl.fleet.v1
name: practice
environment: practice
protocol: keyring-v1

# Whoever signs shows a certificate, too: rotctl makes the next authority and issues all of them.
authority: { from: rotctl, commonName: practice CA }

# Each signer by its own address, never through the balancer.
replicas:`;

function replicaText({ name, port }: Layout['replicas'][number], ctl: (...words: string[]) => string): string {
  return `  - name: ${name}
    url: https://127.0.0.1:${port}
    serverName: ${hostOf(name)}
    deploy:
      driver: env-file
      path: signers/${name}.env
      variable: KEYRING_CLIENTS
      format: json
      pointer: /{client}/hmacSecrets     # the client's ordered list of allowed secrets
      reload: ${ctl('reload', name)}
      restart: ${ctl('restart', name)}
      deadline: 10s
    certificates:                        # whom it trusts, what it shows; taken up by the same commands
      ${tlsFiles(name)}
      names: [127.0.0.1]
      endSessions: ${ctl('end-sessions', name)}`;
}

function clientText(id: string, ctl: (...words: string[]) => string): string {
  return `  - id: ${id}
    secret: { from: dotenv, path: clients/${id}.env, variable: KEYRING_SECRET }
    deploy:
      driver: env-file
      path: clients/${id}.env
      variable: KEYRING_SECRET
      format: single
      restart: ${ctl('restart', id)}
      deadline: 10s
    cadence: 500ms                       # the longest time that it stays silent
    atRest: 500ms                        # the longest time that a signed request waits to be sent
    certificates:
      ${tlsFiles(id)}
      handshake:                         # the client itself connects to where it is told, with what it trusts now
        command: ${ctl('handshake', id, '{host}', '{port}', '{serverName}')}
        deadline: 5s`;
}

/** Where a party's certificates stand, no two parties' in one file. */
function tlsFiles(party: string): string {
  const at = (suffix: string): string => `tls/${party}${suffix}`;
  return `trust: ${at('-trust.pem')}\n      cert: ${at('.pem')}\n      key: ${at('.key')}`;
}

const TAIL = `
# The signers are of the production profile: a caller without a client certificate is refused.
tls: { ca: tls/ca.pem, cert: tls/rotctl.pem, key: tls/rotctl.key, required: true }

# A nonce lives longer than 2 * maxAge + 2 * clockError + storeTimeout = 4.9 s.
replay: { maxAge: 2s, nonceTtl: 5s, clockError: 200ms, storeTimeout: 500ms }

# Passes authentication, is then refused by policy, and signs nothing.
probe:
  method: POST
  path: /v1/sign/session-transaction
  body: '{"probe":true}'
  causes: 'refused by policy (422), signs nothing'
  deadline: 1500ms
  maxBytes: 64KiB

# The signers answer with the protocol's own codes: nothing to translate.
outcomes: []

readiness: { deadline: 8s, consecutive: 3 }
canary: { ratePerSecond: 10, faultBudget: 0.2, minSamples: 50 }

# Which secret each client's accepted requests were signed with; rotctl's own are told apart by their caller label.
usage:
  path: /metrics
  metric: keyring_accepted_requests_total
  labels: { client: client, fingerprint: key, caller: caller }
  ownCaller: rotctl

# Which certificate each client's accepted requests came with.
certificateUsage:
  path: /metrics
  metric: keyring_accepted_handshakes_total
  labels: { client: client, fingerprint: certificate, caller: caller }
  ownCaller: rotctl

policy: { minOverlap: 1s, soak: 1s, failureBudget: 0, onFailedOverlap: roll-back, safetyLever: STOP }
vault: rotctl-vault
`;
