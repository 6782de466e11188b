import { X509Certificate } from 'node:crypto';
import type { Fleet } from '../../fleet/fleet.ts';
import type { UsageNames } from '../../watch/usage-names.ts';
import type { Names } from '../usage-naming.ts';
import type { UsageParts } from '../usage-parts.ts';
import { partyKey } from './parties.ts';
import { type CertificateTerms, termsOf } from './terms.ts';

/** A fleet as evidence of certificates is looked for in it: where each client's handshakes are seen. */
export function seenByHandshakes(fleet: Fleet): Fleet {
  return {
    ...fleet,
    clients: fleet.clients.map((client) => ({ ...client, usage: client.certificates?.usage ?? [] })),
  };
}

/** What usage evidence of certificates goes by. */
export function handshakeUsage(parts: Omit<UsageParts, 'certificateNames'>, terms: CertificateTerms): UsageParts {
  return { ...parts, fleet: seenByHandshakes(parts.fleet), certificateNames: namesOfClients(parts.fleet, terms) };
}

/** How evidence may name each client's two certificates. */
function namesOfClients({ clients }: Fleet, terms: CertificateTerms): ReadonlyMap<string, Names> {
  return new Map(
    clients.map(({ id }) => {
      const { current, next } = termsOf(terms, partyKey({ kind: 'client', name: id }));
      return [id, { current: namesOf(current.chain), next: namesOf(next.chain) }];
    }),
  );
}

/** SHA-256 and SHA-1 of the certificate, and its serial number; lower-case hex without leading zeros. */
function namesOf(chain: string): UsageNames {
  const { fingerprint256, fingerprint, serialNumber } = new X509Certificate(chain);
  const digits = (text: string) => text.replaceAll(':', '').toLowerCase();
  return {
    by: 'certificate',
    texts: [digits(fingerprint256), digits(fingerprint), digits(serialNumber).replace(/^0+(?=.)/, '')],
  };
}
