import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { readBundle } from '../pki/pem.ts';
import { required, type Variables } from './env-file.ts';

/** What a party trusts and shows, as PEM texts: a bundle of authorities, its chain, its key. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the files that an env file names. Node's own TLS takes of a torn bundle what it can read, and of an empty one
 * nothing: so each block is counted here. Throws for one that does not read, or a key that is not the chain's.
 */
export function readTlsFiles(env: Variables): TlsFiles {
  const files = {
    ca: bundleIn(required(env, 'KEYRING_TLS_CA')),
    cert: bundleIn(required(env, 'KEYRING_TLS_CERT')),
    key: readFileSync(required(env, 'KEYRING_TLS_KEY'), 'utf8'),
  };
  createSecureContext(files);
  return files;
}

function bundleIn(path: string): string {
  const text = readFileSync(path, 'utf8');
  readBundle(text, path);
  return text;
}
