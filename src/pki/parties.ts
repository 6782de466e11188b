import type { KeyObject, X509Certificate } from 'node:crypto';
import { reveal, type Secret } from '../credential/secret.ts';
import type { Purpose } from './extensions.ts';
import { certificateFacts } from './facts.ts';
import { readPrivateKey } from './pem.ts';
import { type CertificateFile, certificatesIn } from './tls-files.ts';

/** What a party shows. */
export interface PartyShown {
  /** PEM, its own certificate first. */
  readonly chain: string;
  /** `undefined` where the party keeps its key to itself. */
  readonly key: Secret | undefined;
}

/** One that takes part in a rotation of certificates: what it has now, and what it is to have. */
export interface RotationParty {
  readonly kind: 'replica' | 'template' | 'client' | 'own';
  readonly name: string;
  /** What its certificate is for. Those of the one purpose verify those of the other. */
  readonly purpose: Purpose;
  /** Of a server, every name and address by which it is dialled: directly, and through the balancer. */
  readonly dialled: readonly string[];
  /** What it has now, as it was read; or why it could not be. */
  readonly now: { readonly trust: string; readonly shown: PartyShown } | { readonly problem: string };
  /** What it is to have; absent while nothing is planned. */
  readonly next?:
    | {
        /** The bundle while both authorities are trusted, in PEM. */
        readonly both: string;
        /** The bundle after that. */
        readonly after: string;
        readonly shown: PartyShown;
      }
    | undefined;
}

/** When a bundle is in force: as things stand, while both authorities are trusted, after that. */
export type TrustPhase = 'now' | 'both' | 'after';

/** What is shown, parsed. */
export interface ReadShown {
  readonly chain: readonly X509Certificate[];
  readonly leaf: X509Certificate;
  readonly key: KeyObject | undefined;
}

/** A party with everything parsed; what could not be is `undefined`, and among the problems. */
export interface ReadParty {
  readonly party: RotationParty;
  readonly problems: readonly string[];
  readonly trust: Readonly<Record<TrustPhase, readonly X509Certificate[] | undefined>>;
  readonly current: ReadShown | undefined;
  readonly next: ReadShown | undefined;
}

/** `certificatesIn` that remembers: most parties have the same bundles. */
export function rememberingReader(): typeof certificatesIn {
  const known = new Map<string, CertificateFile>();
  return (text, file, kind) => {
    const key = `${file} ${kind} ${String(text)}`;
    const made = known.get(key) ?? certificatesIn(text, file, kind);
    known.set(key, made);
    return made;
  };
}

/** Parses what a party has. Never throws for what that is. */
export function readParty(party: RotationParty, read = certificatesIn): ReadParty {
  const { now, next } = party;
  const problems = 'problem' in now ? [now.problem] : [];
  const parts = { read, problems };
  const present = 'problem' in now ? undefined : now;
  return {
    party,
    problems,
    trust: {
      now: bundleIn(present?.trust, 'bundle', parts),
      both: bundleIn(next?.both, 'bundle for the window', parts),
      after: bundleIn(next?.after, 'bundle for after the window', parts),
    },
    current: shownIn(present?.shown, 'chain', parts),
    next: shownIn(next?.shown, 'next chain', parts),
  };
}

/**
 * From when on everyone takes the next certificates of parties as valid, however slow a clock is; Unix milliseconds, or 0
 * where nothing is planned.
 *
 * @param skewMs how far any clock may be off
 */
export function usableFrom(parties: readonly RotationParty[], skewMs: number): number {
  const next = parties.flatMap((party) => readParty(party).next?.chain ?? []);
  return next.length === 0 ? 0 : Math.max(...next.map((one) => certificateFacts(one).notBefore)) + skewMs;
}

interface Parts {
  readonly read: typeof certificatesIn;
  readonly problems: string[];
}

function bundleIn(
  text: string | undefined,
  what: string,
  { read, problems }: Parts,
): readonly X509Certificate[] | undefined {
  if (text === undefined) return undefined;
  // That it is empty is for a check of its own.
  return text.trim() === '' ? [] : taken(read(text, what, 'bundle'), problems);
}

function shownIn(shown: PartyShown | undefined, what: string, { read, problems }: Parts): ReadShown | undefined {
  if (shown === undefined) return undefined;
  const chain = taken(read(shown.chain, what, 'chain'), problems);
  const [leaf] = chain ?? [];
  if (chain === undefined || leaf === undefined) return undefined;
  return { chain, leaf, key: keyOf(shown, what, problems) };
}

function taken({ file, problem, certificates }: CertificateFile, problems: string[]) {
  if (problem === undefined) return certificates;
  problems.push(`its ${file} ${problem}`);
  return undefined;
}

function keyOf({ key }: PartyShown, what: string, problems: string[]): KeyObject | undefined {
  if (key === undefined) return undefined;
  try {
    return readPrivateKey(reveal(key).toString('utf8'));
  } catch (error) {
    problems.push(`the key of its ${what} ${error instanceof Error ? error.message : 'does not parse'}`);
    return undefined;
  }
}
