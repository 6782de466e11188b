import type { X509Certificate } from 'node:crypto';
import type { ReadParty, ReadShown, TrustPhase } from './parties.ts';
import { gathered, type Judged, type RotationLook, verifiersOf } from './rotation-look.ts';

/** Which chain must be followed in which phase, and how that is said. */
const OBLIGATIONS: readonly {
  readonly shown: 'current' | 'next';
  readonly phase: TrustPhase;
  readonly said: string;
}[] = [
  { shown: 'current', phase: 'now', said: 'its chain' },
  { shown: 'current', phase: 'both', said: 'its present chain, in the window' },
  { shown: 'next', phase: 'both', said: 'its next chain, in the window' },
  { shown: 'next', phase: 'after', said: 'its next chain, after the window' },
];

interface Said {
  readonly of: string;
  readonly text: string;
}

/** Whether everyone who verifies a party can follow what it shows, in every phase in which it shows it. */
export function judgeChains(read: ReadParty, look: RotationLook): Judged {
  const faults: Said[] = [];
  const remarks: Said[] = [];
  const unknown: Said[] = [];
  const verifiers = verifiersOf(read, look);
  for (const verifier of verifiers) {
    const { name: of } = verifier.party;
    for (const { shown, phase, said } of OBLIGATIONS) {
      if (phase !== 'now' && verifier.party.next === undefined) continue;
      const trust = verifier.trust[phase];
      const chain = read[shown]?.chain;
      if (trust === undefined || chain === undefined) {
        if (isPlanned(read, shown))
          unknown.push({ of, text: `${said} could not be judged, as one of both could not be read` });
        continue;
      }
      const judged = look.judge(chain, trust);
      const isPresent = phase === 'now';
      faults.push(...judged.faults.map((text) => ({ of, text: `${said}: ${text}` })));
      const weak = judged.weaknesses.map((text) => ({ of, text: `${said}: ${text}` }));
      (isPresent || shown === 'current' ? remarks : faults).push(...weak);
      remarks.push(...judged.remarks.map((text) => ({ of, text: `${said}: ${text}` })));
    }
  }
  const doubtful = [...faults, ...unknown].map(({ of }) => of);
  const names = verifiers.map(({ party }) => party.name).filter((name) => !doubtful.includes(name));
  return {
    seen: `followed by ${names.join(', ') || 'nobody'}`,
    faults: gathered(faults),
    remarks: gathered(remarks),
    unknown: verifiers.length === 0 ? ['nobody here verifies it'] : gathered(unknown),
  };
}

function isPlanned({ party }: ReadParty, shown: 'current' | 'next'): boolean {
  return shown === 'current' || party.next !== undefined;
}

/** What is shown now by those whom a party verifies. */
export function presentOf(
  parties: readonly ReadParty[],
): readonly { readonly name: string; readonly shown: ReadShown }[] {
  return parties.flatMap(({ party, current }) => (current === undefined ? [] : [{ name: party.name, shown: current }]));
}

/** All certificates of some chains. */
export function allOf(shown: readonly { readonly shown: ReadShown }[]): readonly X509Certificate[] {
  return shown.flatMap(({ shown: { chain } }) => chain);
}
