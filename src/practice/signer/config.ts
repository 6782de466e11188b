import { readEnvFile, required, requiredNumber } from '../env-file.ts';
import { readStoreSettings, type StoreSettings } from '../replica/nonce-store.ts';
import { readTlsFiles, type TlsFiles } from '../tls-files.ts';

/** A signer's settings, as its env file has them. Times are milliseconds. */
export interface SignerConfig {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly maxAgeMs: number;
  readonly nonceTtlMs: number;
  /** In the `production` profile a verified client certificate is demanded. */
  readonly mtlsRequired: boolean;
  /** Allowed secrets of each client, in the order of the file. */
  readonly clients: ClientSecrets;
  readonly store: StoreSettings;
  readonly tls: TlsFiles;
  /** Where a certificate stands that is for no server, with its key, for the fault `wrong-purpose`. */
  readonly wrongPurpose: string;
}

/** Client id to its allowed secrets, as text. */
export type ClientSecrets = ReadonlyMap<string, readonly string[]>;

/** Reads a signer's env file and the PEM files that it names. Throws on the first thing wrong; never quotes a value. */
export function readSignerConfig(path: string): SignerConfig {
  const env = readEnvFile(path);
  return {
    name: required(env, 'KEYRING_NAME'),
    port: requiredNumber(env, 'KEYRING_PORT'),
    path: required(env, 'KEYRING_PATH'),
    maxAgeMs: requiredNumber(env, 'KEYRING_TIMESTAMP_MAX_AGE_MS'),
    nonceTtlMs: requiredNumber(env, 'KEYRING_NONCE_TTL_MS'),
    mtlsRequired: required(env, 'KEYRING_PROFILE') === 'production',
    clients: parseClients(required(env, 'KEYRING_CLIENTS')),
    store: readStoreSettings(env, 'KEYRING'),
    tls: readTlsFiles(env),
    wrongPurpose: required(env, 'KEYRING_TLS_CERT').replace(/(\.pem)?$/, '.wrong-purpose.pem'),
  };
}

function parseClients(text: string): ClientSecrets {
  const clients = new Map<string, readonly string[]>();
  for (const [id, entry] of Object.entries(parseObject(text))) {
    const secrets: unknown =
      typeof entry === 'object' && entry !== null && 'hmacSecrets' in entry ? entry.hmacSecrets : undefined;
    if (!Array.isArray(secrets) || !secrets.every((secret) => typeof secret === 'string' && secret !== '')) {
      throw new Error('KEYRING_CLIENTS must give each client an hmacSecrets list of non-empty strings');
    }
    clients.set(id, secrets);
  }
  return clients;
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('KEYRING_CLIENTS must be JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('KEYRING_CLIENTS must be a JSON object');
  }
  return value;
}
