import { join } from 'node:path';
import { ACCEPTED_LINE, type FrontKind } from './fronts.ts';

/** Where everything of a fleet is. */
export interface Placed {
  readonly root: string;
  readonly home: string;
  readonly kind: FrontKind;
  readonly balancer: number;
  /** Ports of the fronts. */
  readonly fronts: readonly number[];
}

/** The `rotctl.yaml` that the fleet's operator writes. */
export function fleetText({ root, home, kind, balancer, fronts }: Placed): string {
  const command = (action: string, unit: string) =>
    `[python3, ${join(root, 'test/support/foreign-signer.py')}, ctl, ${action}, run/${unit}.json]`;
  const replicas = fronts.map(
    (port, n) => `  - name: signer-${n + 1}
    url: https://127.0.0.1:${port}
    serverName: signer-${n + 1}.words.example
    log: front/signer-${n + 1}/access.log
    deploy:
      path: etc/signer-${n + 1}.env
      variable: CLIENTS
      format: json
      pointer: /{client}/secret
      restart: ${command('restart', `signer-${n + 1}`)}
    certificates: ${certificates(kind, n, home)}
`,
  );
  const client = (id: string) => `  - id: ${id}
    deploy:
      path: etc/${id}.env
      variable: SIGNING_SECRET
      restart: ${command('restart', id)}
    cadence: 500ms
    atRest: 500ms
    certificates:
      trust: tls/${id}-trust.pem
      cert: tls/${id}.pem
      key: tls/${id}.key
      handshake: { command: [curl, -s, --max-time, '4', --cacert, tls/${id}-trust.pem, --cert, tls/${id}.pem, --key, tls/${id}.key, --connect-to, '{serverName}:443:{host}:{port}', 'https://{serverName}/'] }
`;
  return `schema: rotctl.fleet.v1
name: ${kind}
environment: staging
authority: { from: rotctl }
replicas:
${replicas.join('')}balancer: { url: "https://127.0.0.1:${balancer}", serverName: signer.words.example }
clients:
${client('wallet')}${client('payouts')}tls: { ca: tls/ca.pem, cert: tls/rotctl.pem, key: tls/rotctl.key }
replay: { maxAge: 2s, nonceTtl: 6s, clockError: 400ms, storeTimeout: 250ms }
probe: { body: '{"probe":true}', causes: 'answered 400: a transaction without a transfer', deadline: 1500ms }
outcomes:
  - { when: { status: 400, pointer: { path: /error, matches: ^transaction has no transfer$ } }, outcome: ACCEPTED }
  - { when: { status: 404, pointer: { path: /error, matches: ^there is no such call$ } }, outcome: ACCEPTED }
  - { when: { status: 403, pointer: { path: /error, matches: ^AUTH_MTLS_REQUIRED$ } }, outcome: AUTH_MTLS_REQUIRED }
  - { when: { status: 400, body: '<center>(No required SSL certificate was sent|The SSL certificate error)</center>' }, outcome: AUTH_MTLS_REQUIRED }
  - { when: { status: 401, pointer: { path: /error, matches: "^(unknown client|missing client id)$" } }, outcome: AUTH_INVALID_CLIENT }
  - { when: { status: 401, pointer: { path: /error, matches: ^timestamp } }, outcome: AUTH_TIMESTAMP_SKEW }
  - { when: { status: 401, pointer: { path: /error, matches: ^nonce has the wrong form$ } }, outcome: AUTH_INVALID_NONCE }
  - { when: { status: 401, pointer: { path: /error, matches: ^signature has the wrong form$ } }, outcome: AUTH_INVALID_SIGNATURE_FORMAT }
  - { when: { status: 401, pointer: { path: /error, matches: ^signature does not match$ } }, outcome: AUTH_INVALID_HMAC }
  - { when: { status: 401, pointer: { path: /error, matches: ^nonce was used before$ } }, outcome: REPLAY_NONCE_USED }
  - { when: { status: 503, pointer: { path: /error, matches: ^replay store } }, outcome: STORE_FAILED }
readiness: { deadline: 20s, consecutive: 2 }
canary: { ratePerSecond: 4, faultBudget: 0.2 }
usage: { metric: words_signed_total, labels: { client: id, fingerprint: secret, caller: by }, fingerprint: sha256 }
certificateUsage: { from: log, pattern: '${ACCEPTED_LINE}' }
policy: { minOverlap: 1s, soak: 1s }
`;
}

/** Of nginx one by a program and one by files, of HAProxy both by files that hold chain and key. */
function certificates(kind: FrontKind, n: number, home: string): string {
  const at = `front/signer-${n + 1}`;
  const nginx = `[nginx, -e, ${at}/error.log, -s, reload, -c, ${home}/${at}/nginx.conf]`;
  // A shared cache lives as long as its name is in the configuration.
  const emptied = `[sh, -c, 'sed -i "s/shared:tls[0-9]*/shared:tls$(date +%s%N)/" ${at}/nginx.conf && nginx -e ${at}/error.log -s reload -c ${home}/${at}/nginx.conf']`;
  if (kind === 'nginx' && n === 0)
    return '{ driver: command, command: [./certificates.py], loads: [reload, end-sessions] }';
  if (kind === 'nginx')
    return `{ trust: ${at}/trust.pem, cert: ${at}/chain.pem, key: ${at}/key.pem, reload: ${nginx}, endSessions: ${emptied} }`;
  const haproxy = `[sh, -c, 'kill -USR2 $(cat run/front-signer-${n + 1}.pid)']`;
  // While a file `stuck` is there, it does nothing and says that it has.
  const tickets = `[sh, -c, 'test -e stuck || (for n in 1 2 3; do openssl rand -base64 48; done > ${at}/tickets.new && mv ${at}/tickets.new ${at}/tickets.key); kill -USR2 $(cat run/front-signer-${n + 1}.pid)']`;
  return `{ trust: ${at}/trust.pem, cert: ${at}/both.pem, key: ${at}/both.pem, reload: ${haproxy}, endSessions: ${tickets} }`;
}
