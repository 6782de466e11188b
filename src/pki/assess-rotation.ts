import type { X509Certificate } from 'node:crypto';
import { type ReadParty, type RotationParty, readParty, rememberingReader } from './parties.ts';
import { judgeChains } from './rotation-chains.ts';
import { type Judged, type RotationLook, type RotationSpan, rememberingJudge } from './rotation-look.ts';
import { judgeKeys, judgeLife, judgeNames, judgePurpose, judgeWhole } from './rotation-shown.ts';
import { judgeAfter, judgeDistinct, judgeNew, judgePrivate, judgeSuperset, judgeTrust } from './rotation-trust.ts';

/** What is to be judged, before any effect. */
export interface RotationCertificates {
  readonly parties: readonly RotationParty[];
  readonly span: RotationSpan;
  /** The roots that parties are to trust, where a rotation is planned. */
  readonly authorities?: readonly X509Certificate[];
  /** SHA-256 of the roots that the public trusts, lower-case hex: no party may trust one. */
  readonly publicRoots: ReadonlySet<string>;
}

/** What a check of certificates found on one party, or `fleet`. */
export interface PkiFinding {
  readonly id: PkiCheckId;
  readonly target: string;
  readonly verdict: 'pass' | 'fail' | 'unknown';
  readonly expected: string;
  readonly seen: string;
  /** Of a failure, all that is wrong; of a pass, what is worth a word. */
  readonly reason?: string;
}

interface Rule {
  readonly expected: string;
  /** Judges one party; `undefined` where nothing is planned that could be judged. */
  readonly judge: (read: ReadParty, look: RotationLook) => Judged | undefined;
}

/** The rules of each party, in the order in which an operator would want to know. */
const RULES = {
  'pki.whole': { expected: 'bundle, chain and key, each whole', judge: judgeWhole },
  'pki.trust-not-empty': { expected: 'a bundle with an authority in force', judge: judgeTrust },
  'pki.trust-private': { expected: 'a few authorities of one’s own', judge: judgePrivate },
  'pki.authorities-distinct': { expected: 'authorities that can be told apart', judge: judgeDistinct },
  'pki.key-matches': { expected: 'the key of each certificate', judge: judgeKeys },
  'pki.validity': { expected: 'certificates in force until nobody needs them, on every clock', judge: judgeLife },
  'pki.purpose': { expected: 'certificates for what they are shown for', judge: judgePurpose },
  'pki.names': { expected: 'certificates for the names that are dialled', judge: judgeNames },
  'pki.chain': { expected: 'chains that everyone can follow to what they trust', judge: judgeChains },
  'pki.bundle-superset': { expected: 'all that is trusted now, and the next authority', judge: judgeSuperset },
  'pki.bundle-after': { expected: 'the next authority, and none that is withdrawn', judge: judgeAfter },
} as const satisfies Readonly<Record<string, Rule>>;

/** The ids of the checks of certificates (`spec/checks.md`). */
export type PkiCheckId = keyof typeof RULES | 'pki.authority-new';

/**
 * Judges the certificates of all parties from what was read and what is planned alone: invariants T5 to T8, and that each
 * bundle of the window is a superset. Pure; nothing is sent.
 *
 * @returns a finding for each party and rule; those about what is planned only where something is
 */
export function assessRotation(certificates: RotationCertificates): readonly PkiFinding[] {
  const { span, authorities = [], publicRoots } = certificates;
  const read = rememberingReader();
  const parties = certificates.parties.map((party) => readParty(party, read));
  const look: RotationLook = { parties, span, authorities, publicRoots, judge: rememberingJudge() };
  const ids = Object.keys(RULES) as (keyof typeof RULES)[];
  const each = ids.flatMap((id) => {
    const { expected, judge }: Rule = RULES[id];
    return parties.flatMap((read): PkiFinding[] => {
      // Of what cannot be read only that is said.
      if (id !== 'pki.whole' && read.problems.length > 0) return [];
      const judged = judge(read, look);
      return judged === undefined ? [] : [findingOf(id, read.party.name, expected, judged)];
    });
  });
  const isNew = judgeNew(look);
  const whole = 'an authority that has issued nothing that is shown now';
  return isNew === undefined ? each : [...each, findingOf('pki.authority-new', 'fleet', whole, isNew)];
}

function findingOf(id: PkiCheckId, target: string, expected: string, judged: Judged): PkiFinding {
  const { seen, faults, unknown = [], remarks = [] } = judged;
  const verdict = faults.length > 0 ? 'fail' : unknown.length > 0 ? 'unknown' : 'pass';
  const said = faults.length > 0 ? faults : [...unknown, ...remarks];
  return { id, target, verdict, expected, seen, ...(said.length === 0 ? {} : { reason: said.join('; ') }) };
}
