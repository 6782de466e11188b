import type { X509Certificate } from 'node:crypto';
import { bundleDifference, nameOf, unionOf, without } from './bundle.ts';
import { authoritiesOf } from './chain.ts';
import { certificateFacts } from './facts.ts';
import { keyIdentifiers } from './key-identifiers.ts';
import { lifeFault } from './leaf.ts';
import type { ReadParty, TrustPhase } from './parties.ts';
import { findPath, isSelfSigned } from './path.ts';
import { allOf, presentOf } from './rotation-chains.ts';
import { type Judged, type RotationLook, verifiersOf } from './rotation-look.ts';
import { oneLine } from './tls-files.ts';

/** No bundle of pinned authorities has as many; those of systems and browsers have 130 and more. */
const MOST_AUTHORITIES = 32;
const PHASES: readonly TrustPhase[] = ['now', 'both', 'after'];
const SAID: Readonly<Record<TrustPhase, string>> = {
  now: 'its bundle',
  both: 'its bundle for the window',
  after: 'its bundle for after the window',
};

type Bundle = readonly X509Certificate[];

/** Whether each bundle has an authority, in force. */
export function judgeTrust({ trust }: ReadParty, { span }: RotationLook): Judged {
  const remarks: string[] = [];
  const faults = bundlesOf(trust).flatMap(({ said, bundle, phase }) => {
    if (bundle.length === 0) return [`${said} is empty; a server then trusts nobody, or every public authority`];
    const useless = bundle.flatMap((one) => uselessness(one, span.now) ?? []);
    if (useless.length === bundle.length) return [`${said} has no authority in force: ${useless.join('; ')}`];
    if (phase === 'now') remarks.push(...useless);
    return [];
  });
  return { seen: namesIn(trust.now), faults, remarks };
}

/** Whether only authorities of one's own are trusted: those of the public issue to whoever asks. */
export function judgePrivate(read: ReadParty, look: RotationLook): Judged {
  const { party, trust } = read;
  // A client may go by a public authority for the server's name, and does where the servers show its certificates.
  const inUse = authoritiesOf(allOf(presentOf(verifiersOf(read, look))), trust.now ?? []);
  const isExcused = (one: X509Certificate): boolean => party.purpose === 'client' && without([one], inUse).length === 0;
  const remarks: string[] = [];
  const faults = bundlesOf(trust).flatMap(({ said, bundle }) => {
    if (bundle.length > MOST_AUTHORITIES) {
      return [`${said} has ${bundle.length} authorities, as the system's own bundle has, and not a few of one's own`];
    }
    const known = bundle.filter((one) => look.publicRoots.has(certificateFacts(one).fingerprint));
    const excused = known.filter(isExcused);
    remarks.push(...excused.map((one) => `it trusts the public authority ${nameOf(one)}, of which the servers are`));
    const rest = without(known, excused);
    if (rest.length === 0) return [];
    return [`${said} has public authorities, which issue to whoever asks: ${rest.map(nameOf).join(', ')}`];
  });
  return { seen: `${trust.now?.length ?? 0} trusted`, faults, remarks: [...new Set(remarks)] };
}

/** Whether authorities of one name can be told apart, in each bundle, by what those show that are verified by it. */
export function judgeDistinct(read: ReadParty, look: RotationLook): Judged {
  const leaves = verifiersOf(read, look).flatMap(({ current, next }) => [
    ...(current?.chain ?? []),
    ...(next?.chain ?? []),
  ]);
  const faults = bundlesOf(read.trust).flatMap(({ said, bundle }) =>
    twinsIn(bundle).flatMap((twins) => {
      const why = confusion(twins, leaves);
      return why === undefined
        ? []
        : [`${said} has ${twins.length} authorities of the name ${nameIn(twins)}, and ${why}`];
    }),
  );
  return { seen: namesIn(read.trust.both ?? read.trust.now), faults };
}

/** Whether the bundle for the window has all that is trusted now, and the next authority. */
export function judgeSuperset({ trust }: ReadParty, { authorities }: RotationLook): Judged | undefined {
  const { now, both } = trust;
  if (now === undefined || both === undefined || authorities.length === 0) return undefined;
  const dropped = without(now, both);
  const missing = without(authorities, both);
  return {
    seen: bundleDifference(now, both),
    faults: [
      ...(dropped.length === 0
        ? []
        : [
            `its bundle for the window drops ${dropped.map(nameOf).join(', ')}: whoever shows a certificate of it is refused`,
          ]),
      ...(missing.length === 0
        ? []
        : [`its bundle for the window lacks the next authority ${missing.map(nameOf).join(', ')}`]),
    ],
  };
}

/** Whether the bundle for after the window has the next authority, and nothing by which a present certificate is accepted. */
export function judgeAfter(read: ReadParty, look: RotationLook): Judged | undefined {
  const { now, after } = read.trust;
  if (now === undefined || after === undefined || look.authorities.length === 0) return undefined;
  const missing = without(look.authorities, after);
  const present = presentOf(verifiersOf(read, look));
  const alive = present.flatMap(({ name, shown }) => {
    const search = findPath(shown.chain, after);
    const top = search?.found === true ? search.path.certificates.at(-1) : undefined;
    return top === undefined ? [] : [`${name} by ${nameOf(top)}`];
  });
  const retired = authoritiesOf(allOf(present), now);
  const others = without(without(now, after), retired);
  return {
    seen: bundleDifference(now, after),
    faults: [
      ...(missing.length === 0
        ? []
        : [`its bundle for after the window lacks the next authority ${missing.map(nameOf).join(', ')}`]),
      ...(alive.length === 0
        ? []
        : [`after the window it still accepts the present certificates of ${alive.join(', ')}`]),
    ],
    remarks:
      others.length === 0
        ? []
        : [
            `after the window it does not trust ${others.map(nameOf).join(', ')} either, of which nobody here shows a certificate`,
          ],
  };
}

/** Whether the next authority is another than those that have issued what is shown now; of the fleet as a whole. */
export function judgeNew({ authorities, parties }: RotationLook): Judged | undefined {
  if (authorities.length === 0) return undefined;
  const trusted = unionOf(...parties.map(({ trust }) => trust.now ?? []));
  const inUse = authoritiesOf(allOf(presentOf(parties)), trusted);
  const faults = authorities.flatMap((next) => {
    const same = inUse.find((one) => one.publicKey.equals(next.publicKey));
    if (same === undefined) return [];
    const how =
      same.fingerprint256 === next.fingerprint256 ? 'is the present one' : `has the key of the present ${nameOf(same)}`;
    return [`the next authority ${nameOf(next)} ${how}: nothing would be withdrawn by the rotation`];
  });
  return { seen: authorities.map(nameOf).join(', '), faults };
}

function bundlesOf(
  trust: ReadParty['trust'],
): readonly { readonly phase: TrustPhase; readonly said: string; readonly bundle: Bundle }[] {
  return PHASES.flatMap((phase) => {
    const bundle = trust[phase];
    return bundle === undefined ? [] : [{ phase, said: SAID[phase], bundle }];
  });
}

function uselessness(one: X509Certificate, now: number): string | undefined {
  if (!certificateFacts(one).authority && !isSelfSigned(one)) return `${nameOf(one)} is not an authority’s certificate`;
  return lifeFault(one, { now, until: now });
}

/** Authorities of one name and several keys. */
function twinsIn(bundle: Bundle): readonly Bundle[] {
  const byName = new Map<string, X509Certificate[]>();
  for (const one of bundle) {
    const same = byName.get(one.subject) ?? [];
    if (!same.some(({ publicKey }) => publicKey.equals(one.publicKey))) byName.set(one.subject, [...same, one]);
  }
  return [...byName.values()].filter((same) => same.length > 1);
}

/** Why it cannot be told which of the authorities of one name has issued a certificate. */
function confusion(twins: Bundle, shown: Bundle): string | undefined {
  const ids = twins.map((one) => keyIdentifiers(one).subject);
  if (ids.includes(undefined)) return 'one without a key identifier: which one counts goes by their order';
  if (new Set(ids).size < ids.length) return 'their key identifiers are the same: which one counts goes by their order';
  const mute = unionOf(shown).filter(
    (one) => one.issuer === twins[0]?.subject && !isSelfSigned(one) && keyIdentifiers(one).authority === undefined,
  );
  return mute.length === 0
    ? undefined
    : `${mute.map(nameOf).join(', ')} does not say by a key identifier which one has issued it`;
}

function nameIn([first]: Bundle): string {
  return oneLine(first?.subject ?? '');
}

function namesIn(bundle: Bundle | undefined): string {
  return bundle === undefined || bundle.length === 0
    ? 'nothing'
    : `${bundle.length} trusted: ${bundle.slice(0, 4).map(nameOf).join(', ')}`;
}
