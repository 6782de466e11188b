import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../pki/issue.ts';
import { envText } from '../env-file.ts';
import { CLIENT_IDS, hostOf, type Layout, paths, SHARED_NAME } from '../layout.ts';
import { writePrivate } from './files.ts';
import { fleetFileText } from './fleet-file.ts';
import { pickPorts } from './ports.ts';

const DAYS = 30;
const SECRET_BYTES = 32;
const MAX_REPLICAS = 26;
const SIGN_PATH = '/v1/sign/session-transaction';

/** Makes a fleet's folder: certificates, secrets, configuration files, `rotctl.yaml`. Refuses one that is in use. */
export async function provision(home: string, replicas: number, program: string): Promise<Layout> {
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS) {
    throw new Error(`--replicas must be 1 to ${MAX_REPLICAS}`);
  }
  if (existsSync(paths.fleetFile(home)))
    throw new Error(`${paths.fleetFile(home)} exists and is not a practice fleet's`);
  const [balancerPort = 0, storePort = 0, controlPort = 0, ...ports] = await pickPorts(replicas + 3);
  const layout: Layout = {
    home,
    replicas: ports.map((port, index) => ({ name: `signer-${String.fromCharCode(97 + index)}`, port })),
    balancerPort,
    storePort,
    controlPort,
    token: randomBytes(SECRET_BYTES).toString('hex'),
  };
  await writeCertificates(layout);
  const secrets = new Map(CLIENT_IDS.map((id) => [id, randomBytes(SECRET_BYTES).toString('hex')]));
  for (const replica of layout.replicas) writeSigner(layout, replica, secrets);
  writePrivate(
    paths.templateEnv(home),
    envText('what practice signers are made from', sharedBySigners(layout, secrets)),
  );
  for (const [id, secret] of secrets) writeClient(layout, id, secret);
  writePrivate(paths.token(home), layout.token);
  writePrivate(paths.fleetFile(home), fleetFileText(layout, program));
  return layout;
}

async function writeCertificates({ home, replicas }: Layout): Promise<void> {
  const now = Date.now();
  const authority = await issueAuthority({ commonName: 'rotctl practice CA', now, days: DAYS });
  writePrivate(paths.tls(home, 'ca.pem'), authority.cert);
  const servers = replicas.map(async ({ name }) => {
    const names = { dnsNames: [hostOf(name), SHARED_NAME], ipv4: ['127.0.0.1'] };
    writeIdentity(home, name, await issueServer(authority, { commonName: hostOf(name), now, days: DAYS, ...names }));
  });
  const callers = [...CLIENT_IDS, 'rotctl'].map(async (name) => {
    writeIdentity(home, name, await issueClient(authority, { commonName: name, now, days: DAYS }));
  });
  await Promise.all([...servers, ...callers]);
}

function writeIdentity(home: string, name: string, issued: Issued): void {
  writePrivate(paths.tls(home, `${name}.pem`), issued.cert);
  writePrivate(paths.tls(home, `${name}.key`), issued.key);
}

function writeSigner(layout: Layout, replica: Layout['replicas'][number], secrets: ReadonlyMap<string, string>): void {
  const { home } = layout;
  const variables = {
    KEYRING_NAME: replica.name,
    KEYRING_PORT: String(replica.port),
    ...sharedBySigners(layout, secrets),
    KEYRING_TLS_CERT: paths.tls(home, `${replica.name}.pem`),
    KEYRING_TLS_KEY: paths.tls(home, `${replica.name}.key`),
  };
  writePrivate(paths.signerEnv(home, replica.name), envText(`practice signer ${replica.name}`, variables));
}

/** What every signer is configured with alike. */
function sharedBySigners({ home, storePort }: Layout, secrets: ReadonlyMap<string, string>): Record<string, string> {
  const clients = Object.fromEntries([...secrets].map(([id, secret]) => [id, { hmacSecrets: [secret] }]));
  return {
    KEYRING_PATH: SIGN_PATH,
    KEYRING_PROFILE: 'production',
    KEYRING_CLIENTS: JSON.stringify(clients),
    KEYRING_TIMESTAMP_MAX_AGE_MS: '2000',
    KEYRING_NONCE_TTL_MS: '5000',
    KEYRING_STORE_URL: `redis://127.0.0.1:${storePort}`,
    KEYRING_STORE_PREFIX: 'keyring:nonce:',
    KEYRING_STORE_TIMEOUT_MS: '250',
    KEYRING_TLS_CA: paths.tls(home, 'ca.pem'),
  };
}

function writeClient({ home, balancerPort }: Layout, id: string, secret: string): void {
  const variables = {
    KEYRING_CLIENT_ID: id,
    KEYRING_SECRET: secret,
    KEYRING_TARGET: `https://127.0.0.1:${balancerPort}`,
    KEYRING_SERVER_NAME: SHARED_NAME,
    KEYRING_PATH: SIGN_PATH,
    KEYRING_RATE_PER_SECOND: '10',
    KEYRING_TLS_CA: paths.tls(home, 'ca.pem'),
    KEYRING_TLS_CERT: paths.tls(home, `${id}.pem`),
    KEYRING_TLS_KEY: paths.tls(home, `${id}.key`),
  };
  writePrivate(paths.clientEnv(home, id), envText(`practice client ${id}`, variables));
}
