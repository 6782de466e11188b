import { createHash } from 'node:crypto';
import { rootCertificates } from 'node:tls';

let known: ReadonlySet<string> | undefined;

/** SHA-256 of the DER of every root that this runtime trusts by itself (Mozilla's list), lower-case hex. */
export function publicRoots(): ReadonlySet<string> {
  known ??= new Set(
    rootCertificates.map((pem) => {
      const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
      return createHash('sha256').update(der).digest('hex');
    }),
  );
  return known;
}
