import type { Fleet } from '../../fleet/fleet.ts';
import type { Phase } from '../../machine/phase.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { sameBundle } from '../../pki/bundle.ts';
import type { CertificateAccess } from '../tools.ts';
import { ownParty, partyKey } from './parties.ts';
import { type CertificateTerms, leafOf, termsOf, trustFor } from './terms.ts';

interface OwnIn {
  readonly accepts: readonly RotatingGeneration[];
  readonly shows: RotatingGeneration;
}

const BEFORE: OwnIn = { accepts: ['current'], shows: 'current' };
const FIRST: OwnIn = { accepts: ['current', 'next'], shows: 'current' };
const SECOND: OwnIn = { accepts: ['current', 'next'], shows: 'next' };
const AFTER: OwnIn = { accepts: ['next'], shows: 'next' };

/** In each phase we trust whatever a server may show in it, and show what every server accepts from its begin to its end. */
const OWN_IN: Readonly<Record<Phase, OwnIn>> = {
  stable: BEFORE,
  opening: FIRST,
  overlap: FIRST,
  moving: FIRST,
  switched: FIRST,
  retiring: SECOND,
  retired: AFTER,
  destroying: AFTER,
  destroyed: AFTER,
  widening: SECOND,
  returning: FIRST,
  closing: FIRST,
  'rolled-back': BEFORE,
};

/** What we have to trust to know servers in every phase. PEM. */
export function trustOfAll(fleet: Fleet, terms: CertificateTerms): string {
  return termsOf(terms, partyKey(ownParty(fleet))).trustBoth;
}

/**
 * Brings our own files, and what our connections go by, to what a phase asks for; nothing is touched that is so already.
 *
 * @throws RotctlError `DRIVER_FAILED` when a file could not be replaced
 */
export async function settleOwn(
  fleet: Fleet,
  { driver, adopt }: Pick<CertificateAccess, 'driver' | 'adopt'>,
  terms: CertificateTerms,
  phase: Phase,
): Promise<void> {
  const party = ownParty(fleet);
  const own = termsOf(terms, partyKey(party));
  const { accepts, shows } = OWN_IN[phase];
  const trust = trustFor(own, accepts);
  const shown = own[shows];
  const placed = await driver.read(party.place);
  if (!sameBundle(placed.trust, trust)) await driver.writeTrust(party.place, trust);
  const isShown = leafOf(placed) === leafOf(shown) && placed.key?.fingerprint === shown.key?.fingerprint;
  if (!isShown) await driver.writeShown(party.place, shown);
  await adopt();
}
