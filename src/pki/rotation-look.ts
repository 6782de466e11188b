import type { X509Certificate } from 'node:crypto';
import { type ChainJudgement, judgeChain } from './chain.ts';
import type { ReadParty } from './parties.ts';

/** For how long certificates must hold. Unix milliseconds. */
export interface RotationSpan {
  readonly now: number;
  /** When nobody shows a certificate of the present any more, at the latest that is planned. */
  readonly movedBy: number;
  /** When the rotation is over, with a margin. */
  readonly until: number;
  /** How far any party's clock may be off, in milliseconds. */
  readonly skewMs: number;
}

/** All that certificates of a fleet are judged by. */
export interface RotationLook {
  readonly parties: readonly ReadParty[];
  readonly span: RotationSpan;
  /** The roots that parties are to trust; empty while no rotation is planned. */
  readonly authorities: readonly X509Certificate[];
  /** SHA-256 of roots that the public trusts, lower-case hex. */
  readonly publicRoots: ReadonlySet<string>;
  /** `judgeChain`, which is asked the same for every pair of parties. */
  readonly judge: typeof judgeChain;
}

/** What one check made of one party. */
export interface Judged {
  readonly seen: string;
  readonly faults: readonly string[];
  /** What could not be told; matters where there is no fault. */
  readonly unknown?: readonly string[];
  /** What is worth a word and no fault. */
  readonly remarks?: readonly string[];
}

/** `judgeChain` that remembers what it has judged. */
export function rememberingJudge(): typeof judgeChain {
  const known = new Map<string, ChainJudgement>();
  return (chain, trust) => {
    const key = [chain, trust].map((list) => list.map((one) => one.fingerprint256).join()).join(' ');
    const judged = known.get(key) ?? judgeChain(chain, trust);
    known.set(key, judged);
    return judged;
  };
}

/** Those that verify what a party shows. */
export function verifiersOf({ party }: ReadParty, { parties }: RotationLook): readonly ReadParty[] {
  return parties.filter((other) => other.party.purpose !== party.purpose);
}

/** Each text once, with those that it was said of: `for client-a, client-b: its chain …`. */
export function gathered(said: readonly { readonly of: string; readonly text: string }[]): readonly string[] {
  const byText = new Map<string, string[]>();
  for (const { of, text } of said) byText.set(text, [...new Set([...(byText.get(text) ?? []), of])]);
  return [...byText].map(([text, names]) => `for ${names.join(', ')}: ${text}`);
}
