/** The shortest production fleet that is accepted, with one client. */
export const SHORT_FLEET = `schema: rotctl.fleet.v1
name: payments
environment: production
replicas:
  - name: signer-a
    url: https://10.0.0.1:8443
    deploy: { path: signer-a.env, variable: KEYRING_SECRETS, format: list, restart: [systemctl, restart, signer-a] }
  - name: signer-b
    url: https://10.0.0.2:8443
    deploy: { path: signer-b.env, variable: KEYRING_SECRETS, format: list, restart: [systemctl, restart, signer-b] }
clients:
  - id: client-a
    deploy: { path: clients/client-a.env, variable: KEYRING_SECRET, restart: [systemctl, restart, client-a] }
tls: { ca: tls/ca.pem }
`;

/** A practice fleet with everything stated. */
export const FULL_FLEET = `schema: rotctl.fleet.v1
name: practice
environment: practice
protocol: keyring-v1
replicas:
  - name: signer-a
    url: https://127.0.0.1:21001
    serverName: signer-a.practice.internal
    deploy:
      driver: env-file
      path: signers/signer-a.env
      variable: KEYRING_CLIENTS
      format: json
      pointer: /{client}/hmacSecrets
      reload: [node, /abs/dist/practice.js, ctl, --home, /abs/home, reload, signer-a]
      restart: [node, /abs/dist/practice.js, ctl, --home, /abs/home, restart, signer-a]
      deadline: 10s
balancer: { url: https://127.0.0.1:21000, serverName: signer.practice.internal }
clients:
  - id: client-a
    secret: { from: dotenv, path: clients/client-a.env, variable: KEYRING_SECRET }
    deploy: { driver: env-file, path: clients/client-a.env, variable: KEYRING_SECRET, format: single, restart: [a] }
    cadence: 500ms
    atRest: 400ms
  - id: client-b
    secret: { from: file, path: /run/client-b.secret }
    deploy: { driver: env-file, path: clients/client-b.env, variable: KEYRING_SECRET, format: single, reload: [b] }
    cadence: 300ms
    atRest: 500ms
tls: { ca: tls/ca.pem, cert: tls/rotctl.pem, key: tls/rotctl.key, required: true }
replay: { maxAge: 2s, nonceTtl: 5s, clockError: 200ms, storeTimeout: 250ms }
probe: { method: POST, path: /v1/sign/session-transaction, body: '{"probe":true}', causes: 'refused by policy (422), signs nothing', deadline: 1s, maxBytes: 64KiB, perSecond: 20 }
outcomes: [{ when: { status: 401, header: { name: X-Why, matches: bad }, pointer: { path: /error, matches: 'bad signature' } }, outcome: AUTH_INVALID_HMAC }]
readiness: { deadline: 5s, consecutive: 3 }
canary: { ratePerSecond: 10, faultBudget: 0.2, minSamples: 50 }
usage: { path: /metrics, metric: keyring_accepted_requests_total, labels: { client: client, fingerprint: key, caller: caller }, ownCaller: rotctl }
policy: { minOverlap: 1s, soak: 1s, failureBudget: 0, onFailedOverlap: roll-back, safetyLever: STOP }
vault: rotctl-vault
`;

/** A fleet text with one piece of it replaced; the piece must be there, or the test would test nothing. */
export function edited(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the fleet text has no ${from}`);
  return text.replace(from, () => to);
}

/** A practice fleet of gates with everything stated that only gates have. */
export const GATE_FLEET = `schema: rotctl.fleet.v1
name: practice-gate
environment: practice
protocol: gate-v1
replicas:
  - name: gate-a
    url: https://127.0.0.1:22001
    serverName: gate-a.practice.internal
    log: logs/gate-a.log
    deploy: { path: gates/gate-a.env, restart: [node, ctl.js, restart, gate-a], deadline: 10s }
  - name: gate-b
    url: https://127.0.0.1:22002
    serverName: gate-b.practice.internal
    deploy:
      driver: env-file
      path: gates/gate-b.env
      variables: { secret: GATE_SECRET, keyIdPrev: GATE_OLD_ID }
      secretFiles: { prefix: /run/secrets/, folder: run/secrets/gate-b }
      restart: [node, ctl.js, restart, gate-b]
templates:
  - name: gate-image
    deploy: { path: gates/template.env }
balancer: { url: https://127.0.0.1:22000, serverName: gate.practice.internal }
clients:
  - id: langgraph
    actor: did:practice:langgraph
    deploy: { path: services/langgraph.env, restart: [node, ctl.js, restart, langgraph] }
    cadence: 500ms
    atRest: 500ms
  - id: scheduler
    deploy: { path: services/scheduler.env, restart: [node, ctl.js, restart, scheduler] }
tls: { ca: tls/ca.pem }
replay: { maxAge: 2s, nonceTtl: 6s, clockError: 200ms, storeTimeout: 250ms }
probe: { tool: practice.noop, session: practice-probe, actor: did:practice:rotctl, conviction: 0.5, params: { dry: true, depth: 3, note: x }, causes: one row in the gate ledger, deadline: 1500ms }
usage: { from: ledger, path: /ledger, entries: /entries, at: /at, client: /actor_did, keyId: /key_id }
logs: { refused: invalid request signature, own: rotctl/, allowed: 2 }
accepts:
  - { check: replay.cross-replica, reason: each gate has nonces of its own, owner: platform }
`;
