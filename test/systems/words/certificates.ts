import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../foreign/processes.ts';

/** Makes an authority, a certificate for each server (`NAME.words.example` and `signer.words.example`) and for each caller. */
export async function makeCertificates(
  folder: string,
  servers: readonly string[],
  callers: readonly string[],
): Promise<void> {
  const ssl = (...words: string[]) => run('openssl', words, folder);
  const key = (name: string) =>
    ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`] as const;
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  await ssl('req', '-x509', ...key('ca'), '-out', 'ca.pem', '-days', '2', '-subj', '/CN=words ca', ...usage);
  for (const name of [...servers, ...callers]) {
    await ssl('req', ...key(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const names = `subjectAltName=DNS:${name}.words.example,DNS:signer.words.example`;
    const extensions = servers.includes(name)
      ? `extendedKeyUsage=serverAuth\n${names}\n`
      : 'extendedKeyUsage=clientAuth\n';
    writeFileSync(join(folder, `${name}.ext`), extensions);
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    await ssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`, '-extfile', `${name}.ext`);
  }
}
