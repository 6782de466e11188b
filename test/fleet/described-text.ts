/** A fleet of webhook receivers, as Standard Webhooks describes them, with everything stated that such a fleet needs. */
export const WEBHOOK_FLEET = `schema: rotctl.fleet.v1
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
  singleUse: false
  between: ' '
replicas:
  - { name: hook-a, url: 'http://127.0.0.1:9001', deploy: { path: a.env, variable: SECRETS, format: list, restart: [a] } }
  - { name: hook-b, url: 'http://127.0.0.1:9002', deploy: { path: b.env, variable: SECRETS, format: list, restart: [b] } }
clients:
  - { id: sender, deploy: { path: sender.env, variable: SECRET, restart: [c] } }
replay: { maxAge: 5m }
probe: { path: /hooks, inert: [{ status: 204 }] }
outcomes:
  - { when: { status: 204 }, outcome: ACCEPTED }
  - { when: { status: 401, body: No matching signature }, outcome: AUTH_INVALID_HMAC }
  - { when: { status: 401, body: timestamp too }, outcome: AUTH_TIMESTAMP_SKEW }
  - { when: { status: 401, body: Missing required headers }, outcome: AUTH_INVALID_SIGNATURE_FORMAT }
`;

/** A scheme with headers of its own: a timestamp, a nonce that is remembered, a client id and a key id. */
export const HEADER_FLEET = `schema: rotctl.fleet.v1
name: orders
environment: staging
protocol: described
scheme:
  signs: "{method}\\n{target}\\n{timestamp}\\n{nonce}\\n{keyId}\\n{bodySha256}"
  algorithm: hmac-sha512
  encoding: hex
  secret: { form: '{keyId}.{key}', encoding: utf8 }
  headers:
    authorization: 'ORDERS key={keyId}, caller={client}, sig={signature}'
    x-orders-time: '{timestamp}'
    x-orders-nonce: '{nonce}'
  timestamp: seconds
  nonce: { form: uuid }
replicas:
  - { name: orders-a, url: 'http://127.0.0.1:9001', deploy: { path: a.env, variable: 'KEYS_{CLIENT}', format: list, restart: [a] } }
  - { name: orders-b, url: 'http://127.0.0.1:9002', deploy: { path: b.env, variable: 'KEYS_{CLIENT}', format: list, restart: [b] } }
clients:
  - { id: shop, deploy: { path: shop.env, variable: KEY, restart: [c] } }
  - { id: app, deploy: { path: app.env, variable: KEY, restart: [c] } }
probe: { path: '/orders?dry=1', inert: [{ status: 200 }] }
outcomes:
  - { when: { status: 200 }, outcome: ACCEPTED }
  - { when: { status: 401, pointer: { path: /why, matches: ^signature$ } }, outcome: AUTH_INVALID_HMAC }
  - { when: { status: 401, pointer: { path: /why, matches: ^time$ } }, outcome: AUTH_TIMESTAMP_SKEW }
  - { when: { status: 409 }, outcome: REPLAY_NONCE_USED }
`;
