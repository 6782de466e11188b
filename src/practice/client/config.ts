import { readEnvFile, required, requiredNumber } from '../env-file.ts';
import { readTlsFiles, type TlsFiles } from '../tls-files.ts';
import type { Route } from '../traffic/sender.ts';

/** A client's settings, as its env file has them. */
export interface ClientConfig extends Route {
  readonly id: string;
  readonly secret: string;
  readonly tls: TlsFiles;
  readonly ratePerSecond: number;
}

/** Reads a client's env file and the PEM files that it names. Throws on the first thing wrong; never quotes a value. */
export function readClientConfig(path: string): ClientConfig {
  const env = readEnvFile(path);
  return {
    id: required(env, 'KEYRING_CLIENT_ID'),
    secret: required(env, 'KEYRING_SECRET'),
    target: new URL(required(env, 'KEYRING_TARGET')),
    serverName: required(env, 'KEYRING_SERVER_NAME'),
    path: required(env, 'KEYRING_PATH'),
    ratePerSecond: requiredNumber(env, 'KEYRING_RATE_PER_SECOND'),
    tls: readTlsFiles(env),
  };
}
