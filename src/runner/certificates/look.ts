import type { CertificateDriver } from '../../deploy/certificates.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { certificatesOf } from '../../pki/bundle.ts';
import type { RotationParty } from '../../pki/parties.ts';
import type { PkiLook } from '../../probe/checks/check.ts';
import { type Party, partiesOf, partyKey } from './parties.ts';
import { type CertificateTerms, termsOf } from './terms.ts';

/** What judging the certificates of all parties takes. */
export interface LookParts {
  readonly fleet: Fleet;
  readonly driver: Pick<CertificateDriver, 'read'>;
  /** As in `PkiLook`. */
  readonly publicRoots: ReadonlySet<string>;
}

/** What every party has now, and with terms what it is to have. What cannot be read is said, and no throw. */
export async function lookAtParties(
  { fleet, driver, publicRoots }: LookParts,
  terms: CertificateTerms | undefined,
): Promise<PkiLook> {
  const parties: RotationParty[] = [];
  for (const party of partiesOf(fleet)) {
    const { kind, name, purpose, dialled } = party;
    const next = terms === undefined ? undefined : termsOf(terms, partyKey(party));
    parties.push({
      ...{ kind, name, purpose, dialled },
      now: await readNow(driver, party),
      next: next && { both: next.trustBoth, after: next.trustAfter, shown: next.next },
    });
  }
  const authorities = terms === undefined ? {} : { authorities: certificatesOf(terms.authorities.next) };
  return { parties, publicRoots, ...authorities };
}

async function readNow(driver: Pick<CertificateDriver, 'read'>, { place }: Party): Promise<RotationParty['now']> {
  try {
    const { trust, chain, key } = await driver.read(place);
    return { trust, shown: { chain, key } };
  } catch (error) {
    if (error instanceof RotctlError) return { problem: error.message };
    throw error;
  }
}
