import type { X509Certificate } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { certificatesOf } from '../pki/bundle.ts';
import { certificateFacts } from '../pki/facts.ts';
import { partiesOf } from '../runner/certificates/parties.ts';
import { openDeploys } from './deploys.ts';
import type { Platform } from './platform.ts';

const DAY_MS = 86_400_000;
/** With less left than this share of its life, and than so many days, a certificate is due. */
const SHARE = 0.2;
const DAYS = 30;

/** The certificate of a fleet that expires first, of those that stand in files here. */
export interface Validity {
  /** Whose it is: `client client-a`. */
  readonly whose: string;
  /** UTC. */
  readonly until: string;
  readonly days: number;
  /** Whether it is time to rotate. */
  readonly due: boolean;
  /** What could not be looked at, in words. */
  readonly unread: readonly string[];
}

/** When the first certificate of a fleet expires; `undefined` when none could be read. */
export async function validityOf(platform: Platform, fleet: Fleet): Promise<Validity | undefined> {
  const { certificates: driver } = await openDeploys(platform, fleet, (text) => text);
  const found: { readonly whose: string; readonly certificate: X509Certificate }[] = [];
  const unread: string[] = [];
  for (const { kind, name, place } of partiesOf(fleet)) {
    const whose = kind === 'own' ? name : `${kind} ${name}`;
    if (place.driver !== 'files') {
      unread.push(`${whose}: its program is not asked here`);
      continue;
    }
    try {
      const { trust, chain } = await driver.read(place);
      for (const certificate of [...certificatesOf(chain), ...certificatesOf(trust)])
        found.push({ whose, certificate });
    } catch (error) {
      if (!(error instanceof RotctlError)) throw error;
      unread.push(`${whose}: ${error.message}`);
    }
  }
  const [first] = found.toSorted((one, other) => endOf(one.certificate) - endOf(other.certificate));
  if (first === undefined) return undefined;
  const { notBefore, notAfter } = certificateFacts(first.certificate);
  const leftMs = notAfter - platform.clock.now();
  return {
    whose: first.whose,
    until: new Date(notAfter).toISOString(),
    days: Math.floor(leftMs / DAY_MS),
    due: leftMs < Math.min(DAYS * DAY_MS, SHARE * (notAfter - notBefore)),
    unread,
  };
}

function endOf(certificate: X509Certificate): number {
  return certificateFacts(certificate).notAfter;
}
