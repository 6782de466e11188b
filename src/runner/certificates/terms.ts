import { X509Certificate } from 'node:crypto';
import type { Material } from '../../credential/material.ts';
import { reveal, Secret } from '../../credential/secret.ts';
import type { Shown } from '../../deploy/certificates.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { LedgerValue } from '../../ledger/entry.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { certificatesOf } from '../../pki/bundle.ts';
import { certificateFacts } from '../../pki/facts.ts';
import { partyKey } from './parties.ts';

/** What a party had when the rotation began, and what it is to have. */
export interface PartyTerms {
  /** The bundle that it trusted, as it stood there. */
  readonly trustBefore: string;
  /** The same with the next authority beside it, and then without the one that is withdrawn. PEM. */
  readonly trustBoth: string;
  readonly trustAfter: string;
  readonly current: Shown;
  readonly next: Shown;
}

/** What a rotation of certificates is about: decided once, sealed, and taken up again as it was. */
export interface CertificateTerms {
  /** By party key. */
  readonly parties: ReadonlyMap<string, PartyTerms>;
  /** Bundles of the authorities: those that are withdrawn, and those that take their place. PEM. */
  readonly authorities: Readonly<Record<RotatingGeneration, string>>;
  /** The next authority's own key, where we made it. */
  readonly authorityKey: Secret | undefined;
  /** The key of the authority that is withdrawn, where it is known. */
  readonly currentAuthorityKey: Secret | undefined;
}

/** The terms of one rotation. */
export interface RotatedCertificates {
  readonly rotation: string;
  readonly terms: CertificateTerms;
}

const AUTHORITY = 'authority';
/** Digits of a short name. */
const SHORT = 16;

/** The terms of a party. @throws RotctlError `INTERNAL` for one that the rotation does not know */
export function termsOf({ parties }: CertificateTerms, key: string): PartyTerms {
  const terms = parties.get(key);
  if (terms === undefined) throw new RotctlError('INTERNAL', `no certificates of ${key} in this rotation`);
  return terms;
}

/** What a party trusts while it is to accept certificates of these generations. */
export function trustFor(terms: PartyTerms, accepts: readonly RotatingGeneration[]): string {
  const [current, next] = [accepts.includes('current'), accepts.includes('next')];
  if (current && next) return terms.trustBoth;
  return next ? terms.trustAfter : terms.trustBefore;
}

/** SHA-256 of a chain's own certificate, lower-case hex. */
export function leafOf({ chain }: Pick<Shown, 'chain'>): string {
  return certificateFacts(new X509Certificate(chain)).fingerprint;
}

/** The 16 digits by which the ledger and reports name a certificate. */
function shortLeaf(shown: Pick<Shown, 'chain'>): string {
  return leafOf(shown).slice(0, SHORT);
}

/** The certificates that each replica shows in a rotation, as SHA-256 of each in lower-case hex. */
export function shownByReplicas(
  { replicas }: Pick<Fleet, 'replicas'>,
  terms: CertificateTerms,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    replicas.map(({ name }) => {
      const { current, next } = termsOf(terms, partyKey({ kind: 'replica', name }));
      return [name, [leafOf(current), leafOf(next)]];
    }),
  );
}

/** Every private key in the terms. */
export function keysIn(terms: CertificateTerms | undefined): readonly Secret[] {
  if (terms === undefined) return [];
  const { parties, authorityKey, currentAuthorityKey } = terms;
  const keys = [...parties.values()].flatMap(({ current, next }) => [current.key, next.key]);
  return [...keys, authorityKey, currentAuthorityKey].filter((key) => key !== undefined);
}

/** The terms as they are sealed. */
export function sealedTerms(terms: CertificateTerms): Material {
  const parties = [...terms.parties].map(([key, party]) => {
    const { trustBefore, trustBoth, trustAfter, current, next } = party;
    const sealed = {
      current: packed({ trust: trustBefore, both: trustBoth, chain: current.chain, key: current.key }),
      next: packed({ trust: trustAfter, chain: next.chain, key: next.key }),
    };
    return [key, sealed] as const;
  });
  const { authorities, authorityKey, currentAuthorityKey } = terms;
  const authority = {
    current: packed({ trust: authorities.current, key: currentAuthorityKey }),
    next: packed({ trust: authorities.next, key: authorityKey }),
  };
  return Object.fromEntries([...parties, [AUTHORITY, authority]]);
}

/**
 * The terms that were sealed. Of a generation that is destroyed by design the other stands in, as nothing asks for it.
 *
 * @throws RotctlError `SECRET_REFUSED` when they are not those that the ledger names
 */
export function openedTerms(
  material: Material | undefined,
  named: Readonly<Record<string, { readonly current: string; readonly next: string }>>,
  rotation: string,
): CertificateTerms {
  const parties = new Map<string, PartyTerms>();
  const opened = (key: string) => {
    const { current, next } = material?.[key] ?? {};
    const [first, last] = [current ?? next, next ?? current];
    if (first !== undefined && last !== undefined) return { current: unpacked(first), next: unpacked(last) };
    throw new RotctlError('SECRET_REFUSED', `the sealed certificates of ${key} for rotation ${rotation} are missing`, {
      hint: 'restore the vault folder from a copy',
    });
  };
  for (const key of Object.keys(named).filter((each) => each !== AUTHORITY)) {
    const { current, next } = opened(key);
    const party = {
      trustBefore: current.trust,
      trustBoth: current.both ?? next.trust,
      trustAfter: next.trust,
      current: { chain: current.chain, key: current.key },
      next: { chain: next.chain, key: next.key },
    };
    const isThere = material?.[key]?.next !== undefined;
    if (isThere && shortLeaf(party.next) !== named[key]?.next) {
      const what = `the sealed next certificate of ${key} is not the one that the ledger names`;
      throw new RotctlError('SECRET_REFUSED', what);
    }
    parties.set(key, party);
  }
  const { current, next } = opened(AUTHORITY);
  return {
    parties,
    authorities: { current: current.trust, next: next.trust },
    authorityKey: next.key,
    currentAuthorityKey: current.key,
  };
}

/** What the ledger's header keeps of the terms: certificates by their fingerprints. */
export function termsRecord({ parties, authorities }: CertificateTerms): { [key: string]: LedgerValue } {
  const named = [...parties].map(([key, { current, next }]): [string, LedgerValue] => [
    key,
    { current: shortLeaf(current), next: shortLeaf(next) },
  ]);
  const authority = { current: authoritiesText(authorities.current), next: authoritiesText(authorities.next) };
  return Object.fromEntries([...named, [AUTHORITY, authority]]);
}

/** The key of an authority in sealed terms, where it is known. */
export function authorityKeyIn(material: Material | undefined, generation: RotatingGeneration): Secret | undefined {
  const sealed = material?.[AUTHORITY]?.[generation];
  return sealed === undefined ? undefined : unpacked(sealed).key;
}

function authoritiesText(bundle: string): string {
  return certificatesOf(bundle)
    .map((one) => certificateFacts(one).fingerprint.slice(0, SHORT))
    .join(' ');
}

interface Packed {
  readonly trust: string;
  readonly both?: string;
  readonly chain: string;
  readonly key: Secret | undefined;
}

function packed({ key, ...texts }: Omit<Packed, 'chain'> & { readonly chain?: string }): Secret {
  const text = key === undefined ? {} : { key: reveal(key).toString('utf8') };
  return Secret.fromText(JSON.stringify({ ...texts, ...text }));
}

/** What `packed` has made. */
function unpacked(secret: Secret): Packed {
  const read = JSON.parse(reveal(secret).toString('utf8')) as Omit<Packed, 'key'> & { readonly key?: string };
  return { ...read, key: read.key === undefined ? undefined : Secret.fromText(read.key) };
}
