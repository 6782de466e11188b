import { readFileSync } from 'node:fs';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';

const SECRETS = /^KEYRING_CLIENTS=.*$/m;

/**
 * Reads what a signer's env file becomes with the secrets of the template; all else in it stays. Writes it when the
 * result is called. Throws when either file has no secrets.
 */
export function renewedSigner(layout: Layout, signer: string): () => void {
  const template = paths.templateEnv(layout);
  const path = paths.replicaEnv(layout, signer);
  const [line] = SECRETS.exec(readFileSync(template, 'utf8')) ?? [];
  const text = readFileSync(path, 'utf8');
  if (line === undefined || !SECRETS.test(text)) {
    throw new Error(`KEYRING_CLIENTS is not set in ${line === undefined ? template : path}`);
  }
  return () =>
    writePrivate(
      path,
      text.replace(SECRETS, () => line),
    );
}
