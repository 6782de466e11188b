import { readFileSync } from 'node:fs';
import { readEnvFile, required, type Variables } from '../env-file.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';

const SECRETS = /^KEYRING_CLIENTS=.*$/m;
/** The files of the template that a signer gets copies of. */
const CERTIFICATES = ['KEYRING_TLS_CA', 'KEYRING_TLS_CERT', 'KEYRING_TLS_KEY'] as const;

/**
 * Reads what a signer becomes with the secrets and the certificates of the template; all else in its env file stays.
 * Writes it when the result is called. Throws when either file has no secrets, or a certificate of the template does not
 * read.
 */
export function renewedSigner(layout: Layout, signer: string): () => void {
  const template = paths.templateEnv(layout);
  const path = paths.replicaEnv(layout, signer);
  const [line] = SECRETS.exec(readFileSync(template, 'utf8')) ?? [];
  const text = readFileSync(path, 'utf8');
  if (line === undefined || !SECRETS.test(text)) {
    throw new Error(`KEYRING_CLIENTS is not set in ${line === undefined ? template : path}`);
  }
  const certificates = renewedCertificates(readEnvFile(template), readEnvFile(path));
  return () => {
    for (const { to, content } of certificates) writePrivate(to, content);
    writePrivate(
      path,
      text.replace(SECRETS, () => line),
    );
  };
}

function renewedCertificates(template: Variables, signer: Variables): readonly { to: string; content: string }[] {
  return CERTIFICATES.flatMap((name) => {
    const from = template.get(name);
    // The template of a fleet that was made before templates had certificates has none.
    if (from === undefined) return [];
    const to = required(signer, name);
    return from === to ? [] : [{ to, content: readFileSync(from, 'utf8') }];
  });
}
