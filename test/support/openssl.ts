import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Issued } from '../../src/pki/issue.ts';

/** What a certificate is to say; extensions as in a configuration of OpenSSL. */
export interface OpensslWish {
  readonly name: string;
  readonly extensions: readonly string[];
  /** Who signs it; itself, when nobody does. */
  readonly by?: Issued;
  /** The hash of the issuer's signature; by default SHA-256. */
  readonly digest?: 'sha1' | 'sha256';
}

/** Issues a certificate with OpenSSL's own command: what our own code would not issue, and shares no line with it. */
export function issueWithOpenssl({ name, extensions, by, digest = 'sha256' }: OpensslWish): Issued {
  const folder = mkdtempSync(join(tmpdir(), 'rotctl-openssl-'));
  const ssl = (...words: string[]): void => {
    execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  };
  try {
    const section = ['[req]', 'distinguished_name=dn', '[dn]', '[ext]', ...extensions, ''].join('\n');
    writeFileSync(join(folder, 'x.cnf'), section);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'x.key'];
    const about = ['-subj', `/CN=${name}`, '-config', 'x.cnf'];
    if (by === undefined) ssl('req', '-x509', ...key, ...about, '-extensions', 'ext', '-days', '2', '-out', 'x.pem');
    else {
      writeFileSync(join(folder, 'ca.pem'), by.cert);
      writeFileSync(join(folder, 'ca.key'), by.key);
      ssl('req', ...key, ...about, '-out', 'x.csr');
      const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
      ssl(
        'x509',
        '-req',
        `-${digest}`,
        '-in',
        'x.csr',
        ...signer,
        '-days',
        '2',
        '-extfile',
        'x.cnf',
        '-extensions',
        'ext',
        '-out',
        'x.pem',
      );
    }
    return { cert: readFileSync(join(folder, 'x.pem'), 'utf8'), key: readFileSync(join(folder, 'x.key'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
