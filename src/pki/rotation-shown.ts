import type { X509Certificate } from 'node:crypto';
import { nameOf, unionOf } from './bundle.ts';
import { certificateFacts } from './facts.ts';
import { keyKindOf } from './keys.ts';
import { issuerPurposeFaults, lifeFault, namesFault, purposeFault } from './leaf.ts';
import type { ReadParty, ReadShown, TrustPhase } from './parties.ts';
import { type Judged, type RotationLook, verifiersOf } from './rotation-look.ts';
import { oneLine } from './tls-files.ts';

const DAY_MS = 86_400_000;

/** Whether all that a party has can be read, and is whole. */
export function judgeWhole({ problems, trust, current }: ReadParty): Judged {
  const seen =
    problems.length > 0
      ? 'what cannot be read'
      : `${trust.now?.length ?? 0} trusted, ${current?.chain.length ?? 0} shown`;
  return { seen, faults: problems };
}

/** Whether each chain has its own key. */
export function judgeKeys({ current, next }: ReadParty): Judged {
  const each = shownBy(current, next);
  const faults = each.flatMap(({ of, shown: { leaf, key } }) =>
    key === undefined || leaf.checkPrivateKey(key)
      ? []
      : [`the key beside its ${of} chain is not that of ${nameOf(leaf)}`],
  );
  const kept = each.filter(({ shown }) => shown.key === undefined);
  const isSame = current !== undefined && next !== undefined && current.leaf.publicKey.equals(next.leaf.publicKey);
  return {
    seen: kept.length === each.length ? 'keys that it keeps to itself' : 'keys',
    faults,
    remarks: [
      ...(isSame ? ['its next certificate has the same key as the present one'] : []),
      ...otherKind(current, next),
    ],
  };
}

/** A peer that can read keys of one kind alone does not come to look at a certificate with one of another. */
function otherKind(current: ReadShown | undefined, next: ReadShown | undefined): readonly string[] {
  if (current === undefined || next === undefined) return [];
  const [before, after] = [current, next].map(({ leaf }) => keyKindOf(leaf.publicKey));
  return before?.[0] === after?.[0]
    ? []
    : [`its key changes from ${before} to ${after}: a peer that reads ${before} alone cannot connect to it any more`];
}

/** Whether what a party shows, and all that it leads over, holds as long as it is needed. */
export function judgeLife(party: ReadParty, look: RotationLook): Judged {
  const { now, movedBy, until, skewMs } = look.span;
  const { current, next } = party;
  const present = current === undefined ? [] : ledOver(party, current, ['now'], look);
  const planned = next === undefined ? [] : ledOver(party, next, ['both', 'after'], look);
  const hard = present.flatMap((one) => lifeFault(one, { now, until: movedBy }) ?? []);
  // What is shown already is known to work; on a clock that is off it fails now, and no rotation can help.
  const soft = present.flatMap((one) =>
    lifeFault(one, { now, until: movedBy }) === undefined
      ? (lifeFault(one, { now, until: movedBy, skewMs }) ?? [])
      : [],
  );
  const coming = planned.flatMap((one) => lifeFault(one, { now, until, skewMs }) ?? []);
  const all = [...present, ...planned].map((one) => certificateFacts(one).notAfter);
  const first = all.length === 0 ? undefined : Math.min(...all);
  return {
    seen: first === undefined ? 'nothing' : `in force until ${lifeOf(first, now)}`,
    faults: [...new Set([...hard, ...coming])],
    remarks: [...new Set(soft)],
  };
}

/** Whether certificates are for what they are shown for. */
export function judgePurpose(read: ReadParty, look: RotationLook): Judged {
  const { party, current, next } = read;
  const each = shownBy(current, next);
  const faults = each.flatMap(({ of, shown }) => {
    const path = ledOver(read, shown, of === 'present' ? ['now'] : ['both', 'after'], look);
    return [purposeFault(shown.leaf, party.purpose) ?? [], ...issuerPurposeFaults(path, party.purpose)].flat();
  });
  return {
    seen: `for ${each.map(({ shown }) => purposesOf(shown.leaf)).join(', next ')}`,
    faults: [...new Set(faults)],
  };
}

/** Whether a server's certificates cover the names by which it is dialled; what a client's says of it is to stay so. */
export function judgeNames({ party, current, next }: ReadParty): Judged {
  const each = shownBy(current, next);
  const seen = each.map(({ shown }) => namesOf(shown.leaf)).join(', next ');
  const changes = current === undefined || next === undefined ? [] : changesOf(current.leaf, next.leaf);
  if (party.purpose === 'client') return { seen, faults: [], remarks: changes };
  const faults = each.flatMap(({ of, shown }) => {
    const fault = namesFault(shown.leaf, party.dialled);
    return fault === undefined ? [] : [`its ${of} certificate ${fault}`];
  });
  return { seen, faults, remarks: changes };
}

function shownBy(
  current: ReadShown | undefined,
  next: ReadShown | undefined,
): readonly { readonly of: 'present' | 'next'; readonly shown: ReadShown }[] {
  return [
    ...(current === undefined ? [] : [{ of: 'present', shown: current } as const]),
    ...(next === undefined ? [] : [{ of: 'next', shown: next } as const]),
  ];
}

/** The certificate and all those over which any verifier comes to an authority. */
function ledOver(
  party: ReadParty,
  { chain, leaf }: ReadShown,
  phases: readonly TrustPhase[],
  look: RotationLook,
): readonly X509Certificate[] {
  const paths = verifiersOf(party, look).flatMap(({ trust }) =>
    phases.map((phase) => look.judge(chain, trust[phase] ?? []).path),
  );
  return unionOf([leaf], ...paths);
}

function changesOf(before: X509Certificate, after: X509Certificate): string[] {
  const lost = certificateFacts(before).altNames.filter((name) => !certificateFacts(after).altNames.includes(name));
  return [
    ...(before.subject === after.subject
      ? []
      : [
          `its subject changes from ${oneLine(before.subject)} to ${oneLine(after.subject)}: who knows it by that refuses it`,
        ]),
    ...(lost.length === 0 ? [] : [`its next certificate is not for ${lost.join(', ')} any more`]),
  ];
}

function namesOf(leaf: X509Certificate): string {
  const { altNames, subject } = certificateFacts(leaf);
  return altNames.length === 0 ? oneLine(subject) : altNames.join(', ');
}

function purposesOf(leaf: X509Certificate): string {
  return (
    certificateFacts(leaf)
      .purposes.map((purpose) => `${purpose}s`)
      .join(' and ') || 'neither'
  );
}

/** `2026-12-24T10:00Z (26 days)`. */
function lifeOf(expires: number, now: number): string {
  const days = Math.floor((expires - now) / DAY_MS);
  const left = days >= 2 ? `${days} days` : `${Math.floor((expires - now) / 3_600_000)} hours`;
  return `${new Date(expires).toISOString().slice(0, 16)}Z (${expires < now ? 'over' : left})`;
}
