import { X509Certificate } from 'node:crypto';
import { reveal, Secret } from '../credential/secret.ts';
import { type Issued, issueAuthority, issueClient, issueServer, type Wish } from './issue.ts';

const DAY_MS = 86_400_000;
/** For how long one has expired, or one that is not valid yet has to wait: longer than any clock is off. */
const AWAY_MS = 2 * DAY_MS;

/** How a client certificate is wrong. */
export type Oddity = 'unknown CA' | 'expired' | 'wrong purpose' | 'not yet valid';

/** A client certificate that no server may accept. */
export interface OddIdentity {
  readonly name: Oddity;
  /** PEM, its own certificate first. */
  readonly chain: string;
  readonly key: Secret;
}

/** What odd certificates are made from. */
export interface OddWish {
  /**
   * The authority that servers trust: its chain in PEM and, where it is at hand, its key. Without the key there is one of
   * an unknown authority only.
   */
  readonly authority?: { readonly cert: string; readonly key: Secret | undefined } | undefined;
  /** The common name that a right certificate has, so that nothing is wrong but what the name says. */
  readonly commonName: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/**
 * Makes client certificates that are wrong in one way each: of an authority that nobody trusts and that bears the trusted
 * one's name, expired, for servers only, not yet valid. The last three are issued by the authority itself.
 */
export async function oddIdentities({ authority, commonName, now }: OddWish): Promise<readonly OddIdentity[]> {
  const leaf = { commonName, now, days: 1 };
  const twin = await issueAuthority({ commonName: authorityName(authority?.cert), now, days: 1 });
  const unknown = odd('unknown CA', await issueClient(twin, leaf));
  if (authority?.key === undefined) return [unknown];
  const trusted: Issued = { cert: authority.cert, key: reveal(authority.key).toString('utf8') };
  const at = (moved: Partial<Wish>): Promise<Issued> => issueClient(trusted, { ...leaf, ...moved });
  return [
    unknown,
    odd('expired', await at({ now: now - AWAY_MS })),
    odd('wrong purpose', await issueServer(trusted, { ...leaf, dnsNames: [], ipv4: [] })),
    odd('not yet valid', await at({ now: now + AWAY_MS })),
  ];
}

function odd(name: Oddity, { cert, key }: Issued): OddIdentity {
  return { name, chain: cert, key: Secret.fromText(key) };
}

function authorityName(cert: string | undefined): string {
  const [, name] = (cert === undefined ? undefined : /^CN=(.{1,64})$/m.exec(new X509Certificate(cert).subject)) ?? [];
  return name ?? 'unknown authority';
}
