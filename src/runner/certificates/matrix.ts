import { X509Certificate } from 'node:crypto';
import type { Phase } from '../../machine/phase.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { bundleText, certificatesOf } from '../../pki/bundle.ts';
import { oddIdentities } from '../../pki/odd.ts';
import type { MtlsLook } from '../../probe/checks/check.ts';
import type { FleetParts } from '../fleet-parts.ts';
import { ACCEPTED_AFTER } from '../signed-with.ts';
import { identitiesOf } from './identities.ts';
import { type CertificateTerms, shownByReplicas } from './terms.ts';

/** The generation whose certificate every server shows when the steps of a phase are done. */
const SHOWN_AFTER: Readonly<Partial<Record<Phase, RotatingGeneration>>> = {
  opening: 'current',
  moving: 'next',
  retiring: 'next',
  closing: 'current',
};

/** What each certificate is to meet on every replica when the steps of a phase are done: the handshake matrix. */
export async function matrixIn(
  { fleet, probes }: Pick<FleetParts, 'fleet' | 'probes'>,
  terms: CertificateTerms,
  phase: Phase,
): Promise<MtlsLook> {
  const identities = identitiesOf(fleet, terms);
  const accepted = ACCEPTED_AFTER[phase];
  const generations = (['current', 'next'] as const).map((generation) => ({
    generation,
    identity: identities[generation],
    expect: accepted.includes(generation) ? ('ACCEPTED' as const) : ('AUTH_MTLS_REQUIRED' as const),
  }));
  const trusted = trustedAuthority(terms, accepted);
  const { subject } = new X509Certificate(identities.current.chain);
  const commonName = /^CN=(.+)$/m.exec(subject)?.[1] ?? 'rotctl';
  const odd = await oddIdentities({ authority: trusted, commonName, now: probes.clock.now() });
  const shown = SHOWN_AFTER[phase];
  return {
    generations,
    odd,
    ...(odd.length > 1 ? {} : { withoutOdd: 'the key of no authority that is accepted now is at hand' }),
    ...(shown === undefined ? {} : { shown: shownIn(fleet, terms, shown) }),
  };
}

/** An authority that the replicas trust now, with its key where that is at hand. */
function trustedAuthority(terms: CertificateTerms, accepted: readonly RotatingGeneration[]) {
  const { authorities, authorityKey, currentAuthorityKey } = terms;
  const isNext = accepted.includes('next') && (authorityKey !== undefined || !accepted.includes('current'));
  const [first] = certificatesOf(isNext ? authorities.next : authorities.current);
  if (first === undefined) return undefined;
  return { cert: bundleText([first]), key: isNext ? authorityKey : currentAuthorityKey };
}

function shownIn(
  fleet: Parameters<typeof shownByReplicas>[0],
  terms: CertificateTerms,
  generation: RotatingGeneration,
): NonNullable<MtlsLook['shown']> {
  const both = shownByReplicas(fleet, terms);
  return new Map(
    [...both].map(([name, [current = '', next = '']]) => [
      name,
      { generation, fingerprint: generation === 'next' ? next : current },
    ]),
  );
}
