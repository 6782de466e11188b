import type { Service } from './fleet.ts';

/** Where the parts of a fleet are. */
interface Places {
  readonly home: string;
  readonly ctl: string;
  readonly balancer: number;
  readonly ports: readonly number[];
  readonly remembers: boolean;
}

const command = ({ ctl }: Places, action: string, unit: string) =>
  `[python3, ${ctl}, ctl, ${action}, run/${unit}.json]`;

const replicasOf = (service: Service, variable: string, places: Places) =>
  places.ports
    .map((port, n) => {
      const name = `${service}-${n + 1}`;
      return `  - name: ${name}
    url: http://127.0.0.1:${port}
    deploy:
      path: etc/${name}.env
      variable: ${variable}
      format: list
      reload: ${command(places, 'reload', name)}
      restart: ${command(places, 'restart', name)}`;
    })
    .join('\n');

const clientsOf = (clients: readonly string[], places: Places) =>
  clients
    .map(
      (client) => `  - id: ${client}
    deploy: { path: etc/${client}.env, variable: SIGNING_SECRET, restart: ${command(places, 'restart', client)} }
    cadence: 800ms
    atRest: 500ms`,
    )
    .join('\n');

const POLICY = `readiness: { deadline: 8s }
canary: { ratePerSecond: 4, faultBudget: 0.3 }
policy: { minOverlap: 1s, soak: 1s, onFailedOverlap: roll-back }
`;

const HOOKS = (places: Places): string => `schema: rotctl.fleet.v1
name: hooks
environment: staging
protocol: described
scheme:
  signs: '{id}.{timestamp}.{body}'
  headers:
    webhook-id: '{id}'
    webhook-timestamp: '{timestamp}'
    webhook-signature: 'v1,{signature}'
  encoding: base64
  secret: { form: 'whsec_{key}', encoding: base64 }
  timestamp: seconds
  nonce: { prefix: msg_ }
  singleUse: ${places.remembers}
  between: ' '
replicas:
${replicasOf('hooks', 'WEBHOOK_SECRETS', places)}
balancer: { url: "http://127.0.0.1:${places.balancer}" }
clients:
${clientsOf(['billing'], places)}
replay: { maxAge: 3s, nonceTtl: 9s, clockError: 500ms, storeTimeout: 250ms }
probe: { path: /hooks, inert: [{ status: 204 }], causes: 'one webhook of a type that nobody handles', deadline: 1500ms }
outcomes:
  - { when: { status: 204 }, outcome: ACCEPTED }
  - { when: { status: 401, body: ^No matching signature found$ }, outcome: AUTH_INVALID_HMAC }
  - { when: { status: 401, body: ^Message timestamp too }, outcome: AUTH_TIMESTAMP_SKEW }
  - { when: { status: 401, body: ^Missing required headers$ }, outcome: AUTH_INVALID_SIGNATURE_FORMAT }
${places.remembers ? '  - { when: { status: 409 }, outcome: REPLAY_NONCE_USED }\n' : ''}usage:
  metric: hooks_accepted_total
  labels: { client: client, fingerprint: secret, caller: caller }
  fingerprint: sha256
${POLICY}`;

const ORDERS = (places: Places): string => `schema: rotctl.fleet.v1
name: orders
environment: staging
protocol: described
scheme:
  signs: "{method}\\n{target}\\n{timestamp}\\n{nonce}\\n{keyId}\\n{bodySha256}"
  algorithm: hmac-sha512
  secret: { form: '{keyId}.{key}' }
  headers:
    authorization: 'ORDERS key={keyId}, caller={client}, sig={signature}'
    x-orders-time: '{timestamp}'
    x-orders-nonce: '{nonce}'
    x-orders-digest: '{bodySha256}'
  timestamp: seconds
  nonce: { form: uuid }
replicas:
${replicasOf('orders', 'KEYS_{CLIENT}', places)}
balancer: { url: "http://127.0.0.1:${places.balancer}" }
clients:
${clientsOf(['shop', 'app'], places)}
replay: { maxAge: 3s, nonceTtl: 9s, clockError: 500ms, storeTimeout: 250ms }
probe: { path: '/orders?dry=1', inert: [{ status: 200 }], causes: 'nothing, it is a dry run', deadline: 1500ms }
outcomes:
  - { when: { status: 200 }, outcome: ACCEPTED }
  - { when: { status: 401, pointer: { path: /why, matches: ^(signature|digest|key)$ } }, outcome: AUTH_INVALID_HMAC }
  - { when: { status: 401, pointer: { path: /why, matches: ^time$ } }, outcome: AUTH_TIMESTAMP_SKEW }
  - { when: { status: 401, pointer: { path: /why, matches: ^caller$ } }, outcome: AUTH_INVALID_CLIENT }
  - { when: { status: 401, pointer: { path: /why, matches: ^form$ } }, outcome: AUTH_INVALID_SIGNATURE_FORMAT }
  - { when: { status: 409 }, outcome: REPLAY_NONCE_USED }
usage:
  metric: orders_accepted_total
  labels: { client: client, fingerprint: secret, caller: caller }
  fingerprint: key-id
${POLICY}`;

const HUB = (places: Places): string => `schema: rotctl.fleet.v1
name: hub
environment: staging
protocol: described
scheme:
  signs: '{body}'
  headers: { x-hub-signature-256: 'sha256={signature}' }
replicas:
${replicasOf('hub', 'WEBHOOK_SECRETS', places)}
balancer: { url: "http://127.0.0.1:${places.balancer}" }
clients:
${clientsOf(['billing'], places)}
probe: { path: /push, inert: [{ status: 202 }], causes: 'a push that names no branch', deadline: 1500ms }
outcomes:
  - { when: { status: 202 }, outcome: ACCEPTED }
  - { when: { status: 403 }, outcome: AUTH_INVALID_HMAC }
usage:
  metric: hub_accepted_total
  labels: { client: client, fingerprint: secret, caller: caller }
  fingerprint: sha256
${POLICY}`;

/** The fleet files, as an operator of each service would write them. */
export const FLEET_TEXTS: Readonly<Record<Service, (places: Places) => string>> = {
  hooks: HOOKS,
  orders: ORDERS,
  hub: HUB,
};
