import { join } from 'node:path';

/** What the fleet file says of a fleet. */
export interface FleetFile {
  readonly root: string;
  readonly signers: readonly number[];
  readonly balancer: number;
  /** How an id's secret stands in CLIENTS: in an object, in a list of which one is kept, or as it is. */
  readonly stands: 'object' | 'list' | 'text';
  /** Whether the callers own a second id each. */
  readonly second: boolean;
}

const POINTERS = { object: '/{client}/secret', list: '/{client}', text: '/{client}' } as const;

/** The `rotctl.yaml` that the fleet's operator writes. */
export function fleetText({ root, signers, balancer, stands, second }: FleetFile): string {
  const command = (action: string, unit: string) =>
    `[python3, ${join(root, 'test/support/foreign-signer.py')}, ctl, ${action}, run/${unit}.json]`;
  const replicas = signers.map(
    (port, n) => `  - name: signer-${n + 1}
    url: https://127.0.0.1:${port}
    serverName: signer-${n + 1}.words.example
    deploy:
      path: etc/signer-${n + 1}.env
      variable: CLIENTS
      format: json
      pointer: ${POINTERS[stands]}
${second ? '      defaultClient: DEFAULT_CLIENT\n' : ''}      restart: ${command('restart', `signer-${n + 1}`)}
`,
  );
  const client = (id: string) => `  - id: ${id}
${second ? `    second: ${id}-b\n` : ''}    deploy:
      path: etc/${id}.env
      variable: SIGNING_SECRET
${second ? '      idVariable: SIGNING_ID\n' : ''}      restart: ${command('restart', id)}
    cadence: 500ms
    atRest: 500ms
`;
  return `schema: rotctl.fleet.v1
name: words
environment: staging
replicas:
${replicas.join('')}balancer: { url: "https://127.0.0.1:${balancer}", serverName: signer.words.example }
clients:
${client('wallet')}${client('payouts')}tls: { ca: tls/ca.pem, cert: tls/rotctl.pem, key: tls/rotctl.key, required: true }
replay: { maxAge: 2s, nonceTtl: 6s, clockError: 400ms, storeTimeout: 250ms }
probe: { body: '{"probe":true}', causes: 'answered 400: a transaction without a transfer', deadline: 1500ms }
outcomes:
  - { when: { status: 400, pointer: { path: /error, matches: ^transaction has no transfer$ } }, outcome: ACCEPTED }
  - { when: { status: 404, pointer: { path: /error, matches: ^there is no such call$ } }, outcome: ACCEPTED }
  - { when: { status: 401, pointer: { path: /error, matches: "^(unknown client|missing client id)$" } }, outcome: AUTH_INVALID_CLIENT }
  - { when: { status: 401, pointer: { path: /error, matches: ^timestamp } }, outcome: AUTH_TIMESTAMP_SKEW }
  - { when: { status: 401, pointer: { path: /error, matches: ^nonce has the wrong form$ } }, outcome: AUTH_INVALID_NONCE }
  - { when: { status: 401, pointer: { path: /error, matches: ^signature has the wrong form$ } }, outcome: AUTH_INVALID_SIGNATURE_FORMAT }
  - { when: { status: 401, pointer: { path: /error, matches: ^signature does not match$ } }, outcome: AUTH_INVALID_HMAC }
  - { when: { status: 401, pointer: { path: /error, matches: ^nonce was used before$ } }, outcome: REPLAY_NONCE_USED }
  - { when: { status: 503, pointer: { path: /error, matches: ^replay store } }, outcome: STORE_FAILED }
readiness: { deadline: 8s }
canary: { ratePerSecond: 4, faultBudget: 0.2 }
usage:
  metric: words_signed_total
  labels: { client: id, fingerprint: secret, caller: by }
  fingerprint: sha256
policy: { minOverlap: 1s, soak: 1s }
`;
}
