import { randomBytes } from 'node:crypto';
import { envText } from '../env-file.ts';
import { kindOf } from '../kinds.ts';
import { type Layout, paths, SIGNER_IMAGE } from '../layout.ts';
import { writePrivate } from './files.ts';
import { NONCE_PREFIX, storeUrls } from './store-urls.ts';

const SECRET_BYTES = 32;
const SIGN_PATH = '/v1/sign/session-transaction';

/** Writes the env files of signers, their template and their clients; each client has a random secret of its own. */
export function writeSigners(layout: Layout): void {
  const secrets = new Map(kindOf(layout).clientIds.map((id) => [id, randomBytes(SECRET_BYTES).toString('hex')]));
  for (const replica of layout.replicas) writeSigner(layout, replica, secrets);
  writePrivate(
    paths.templateEnv(layout),
    envText('what practice signers are made from', {
      ...sharedBySigners(layout, secrets),
      ...tlsFilesOf(layout, SIGNER_IMAGE),
    }),
  );
  for (const [id, secret] of secrets) writeClient(layout, id, secret);
}

function writeSigner(layout: Layout, replica: Layout['replicas'][number], secrets: ReadonlyMap<string, string>): void {
  const variables = {
    KEYRING_NAME: replica.name,
    KEYRING_PORT: String(replica.port),
    ...sharedBySigners(layout, secrets),
    ...tlsFilesOf(layout, replica.name),
  };
  writePrivate(paths.replicaEnv(layout, replica.name), envText(`practice signer ${replica.name}`, variables));
}

/** What every signer is configured with alike. */
function sharedBySigners(layout: Layout, secrets: ReadonlyMap<string, string>): Record<string, string> {
  const clients = Object.fromEntries([...secrets].map(([id, secret]) => [id, { hmacSecrets: [secret] }]));
  return {
    KEYRING_PATH: SIGN_PATH,
    KEYRING_PROFILE: 'production',
    KEYRING_CLIENTS: JSON.stringify(clients),
    KEYRING_TIMESTAMP_MAX_AGE_MS: '2000',
    KEYRING_NONCE_TTL_MS: '5000',
    KEYRING_STORE_URL: storeUrls(layout),
    KEYRING_STORE_PREFIX: NONCE_PREFIX['keyring-v1'],
    KEYRING_STORE_TIMEOUT_MS: '500',
  };
}

/** Where a party finds whom it trusts and what it shows. */
function tlsFilesOf({ home }: Layout, party: string): Record<string, string> {
  return {
    KEYRING_TLS_CA: paths.trust(home, party),
    KEYRING_TLS_CERT: paths.cert(home, party),
    KEYRING_TLS_KEY: paths.key(home, party),
  };
}

function writeClient(layout: Layout, id: string, secret: string): void {
  const variables = {
    KEYRING_CLIENT_ID: id,
    KEYRING_SECRET: secret,
    KEYRING_TARGET: `https://127.0.0.1:${layout.balancerPort}`,
    KEYRING_SERVER_NAME: kindOf(layout).sharedName,
    KEYRING_PATH: SIGN_PATH,
    KEYRING_RATE_PER_SECOND: '10',
    ...tlsFilesOf(layout, id),
  };
  writePrivate(paths.clientEnv(layout, id), envText(`practice client ${id}`, variables));
}
