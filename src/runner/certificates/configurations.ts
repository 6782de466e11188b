import type { CertificateDriver } from '../../deploy/certificates.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { certificatesOf, sameBundle } from '../../pki/bundle.ts';
import { certificateFacts } from '../../pki/facts.ts';
import type { Configurations, SettingEffect, Snapshot } from '../configurations.ts';
import type { Loader } from '../loader.ts';
import { type Party, type PartyKind, partiesOf, partyKey } from './parties.ts';
import { type CertificateTerms, leafOf, termsOf, trustFor } from './terms.ts';

/** What changing certificates goes by. */
export interface CertificateParts {
  readonly fleet: Fleet;
  readonly driver: CertificateDriver;
}

/** Where the parties of a fleet have their bundles, chains and keys. */
export function certificateConfigurations(
  { fleet, driver }: CertificateParts,
  terms: CertificateTerms,
): Configurations {
  const parties = partiesOf(fleet);
  return {
    async write(effect, target) {
      const { place, ...party } = partyIn(parties, effect.of, target);
      const own = termsOf(terms, partyKey(party));
      const { accepts } = effect.set;
      const shown = shownIn(effect);
      if (accepts !== undefined) await driver.writeTrust(place, trustFor(own, accepts));
      if (shown !== undefined) await driver.writeShown(place, own[shown]);
    },
    async holds(effect, target) {
      const { place, ...party } = partyIn(parties, effect.of, target);
      const own = termsOf(terms, partyKey(party));
      const { accepts } = effect.set;
      const shown = shownIn(effect);
      const placed = await driver.read(place);
      if (accepts !== undefined && !sameBundle(placed.trust, trustFor(own, accepts))) return false;
      if (shown === undefined) return true;
      const { key } = own[shown];
      const isKey = key === undefined || placed.key === undefined || placed.key.fingerprint === key.fingerprint;
      return leafOf(placed) === leafOf(own[shown]) && isKey;
    },
    async snapshot() {
      const state: Record<string, Snapshot> = {};
      for (const { kind, name, place } of parties) {
        if (kind === 'own') continue;
        const { trust, chain } = await driver.read(place);
        state[kind === 'client' ? partyKey({ kind, name }) : name] = {
          trusts: namesIn(trust),
          shows: [leafOf({ chain })],
        };
      }
      return state;
    },
    async purge() {
      // A bundle and a chain stand where they are read, and nowhere beside it.
    },
  };
}

/** Of processes that take up certificates. What can be done about sessions goes by what each replica has declared for it. */
export function certificateLoader({ fleet, driver }: CertificateParts): Loader {
  const parties = partiesOf(fleet);
  const loadingOf = (kind: 'replica' | 'client', name: string) => {
    const { loading } = partyIn(parties, kind, name);
    if (loading === undefined) throw new RotctlError('INTERNAL', `${name} is no process`);
    return loading;
  };
  return {
    can: (kind, name, action) => loadingOf(kind, name)[action] !== undefined,
    load: (kind, name, action) => driver[action](loadingOf(kind, name)),
    endSessions(replica) {
      const loading = loadingOf('replica', replica);
      if (loading.endSessions !== undefined) return driver.endSessions(loading);
      return loading.restart === undefined ? driver.reload(loading) : driver.restart(loading);
    },
  };
}

function partyIn(parties: readonly Party[], kind: PartyKind, name: string): Party {
  const party = parties.find((each) => each.kind === kind && each.name === name);
  if (party === undefined) throw new RotctlError('INTERNAL', `no ${kind} ${name} with certificates`);
  return party;
}

/** The generation of the certificate that an effect has its target show. */
function shownIn(effect: SettingEffect): RotatingGeneration | undefined {
  return effect.of === 'client' ? effect.set.signs : effect.set.presents;
}

function namesIn(bundle: string): string[] {
  return certificatesOf(bundle).map((one) => certificateFacts(one).fingerprint);
}
