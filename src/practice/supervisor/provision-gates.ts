import { randomBytes } from 'node:crypto';
import { envText } from '../env-file.ts';
import { kindOf } from '../kinds.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import {
  actorOf,
  GATE_PATH,
  holdsSecretsInFiles,
  PROBE,
  SECRET,
  secretFileOf,
  secretsPrefixOf,
  sessionOf,
} from './gate-places.ts';
import { NONCE_PREFIX, storeUrls } from './store-urls.ts';

const SECRET_BYTES = 32;
const SERVICE_TOOL = 'practice.transfer';

/** Writes the env files of gates, their template and their services; all share one random secret. */
export function writeGates(layout: Layout): void {
  const secret = randomBytes(SECRET_BYTES).toString('hex');
  for (const replica of layout.replicas) writeGate(layout, replica, secret);
  const template = { [SECRET]: secret, ...sharedByGates(layout) };
  writePrivate(paths.templateEnv(layout), envText('what practice gates are made from', template));
  for (const id of kindOf(layout).clientIds) writeService(layout, id, secret);
}

function writeGate(layout: Layout, { name, port }: Layout['replicas'][number], secret: string): void {
  const { home } = layout;
  const variables = {
    GATE_NAME: name,
    GATE_PORT: String(port),
    ...materialOf(layout, name, secret),
    ...sharedByGates(layout),
    GATE_LEDGER: paths.accepted(home, name),
    GATE_TLS_CERT: paths.cert(home, name),
    GATE_TLS_KEY: paths.key(home, name),
  };
  // Its folder is there when the gate opens it.
  writePrivate(paths.accepted(home, name), '');
  writePrivate(paths.replicaEnv(layout, name), envText(`practice gate ${name}`, variables));
}

/** The secret itself, or the path of a file that is written with it. */
function materialOf({ home }: Layout, name: string, secret: string): Record<string, string> {
  if (!holdsSecretsInFiles(name)) return { [SECRET]: secret };
  const prefix = secretsPrefixOf(home, name);
  const path = secretFileOf(prefix, SECRET);
  writePrivate(path, secret);
  return { [SECRET]: path, GATE_SECRETS_PREFIX: prefix };
}

/** What every gate is configured with alike, besides the secret. */
function sharedByGates(layout: Layout): Record<string, string> {
  return {
    REQUIRE_SIGNATURE: 'true',
    NONCE_TTL_SECONDS: '6',
    SIGNATURE_SKEW_SECONDS: '2',
    GATE_TOOLS: [PROBE.tool, SERVICE_TOOL].join(','),
    GATE_SESSIONS: [PROBE.session, ...kindOf(layout).clientIds.map(sessionOf)].join(','),
    GATE_STORE_URL: storeUrls(layout),
    GATE_STORE_PREFIX: NONCE_PREFIX['gate-v1'],
    GATE_STORE_TIMEOUT_MS: '500',
  };
}

function writeService(layout: Layout, id: string, secret: string): void {
  const variables = {
    [SECRET]: secret,
    SERVICE_ACTOR: actorOf(id),
    SERVICE_SESSION: sessionOf(id),
    SERVICE_TOOL,
    SERVICE_TARGET: `https://127.0.0.1:${layout.balancerPort}`,
    SERVICE_SERVER_NAME: kindOf(layout).sharedName,
    SERVICE_PATH: GATE_PATH,
    SERVICE_RATE_PER_SECOND: '10',
    SERVICE_TLS_CA: paths.authority(layout.home),
  };
  writePrivate(paths.clientEnv(layout, id), envText(`practice service ${id}`, variables));
}
