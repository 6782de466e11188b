import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Client, Fleet } from '../../fleet/fleet.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import type { Identities } from '../prove-rounds.ts';
import { ownParty, partyKey } from './parties.ts';
import { type CertificateTerms, termsOf } from './terms.ts';

interface Callers {
  readonly clients: readonly Pick<Client, 'id'>[];
}

/** Our own certificates, as they are presented by name. */
export function identitiesOf(fleet: Pick<Fleet, 'tls'>, terms: CertificateTerms): Identities {
  const own = termsOf(terms, partyKey(ownParty(fleet)));
  const identity = (name: RotatingGeneration) => {
    const { chain, key } = own[name];
    if (key === undefined) throw new RotctlError('INTERNAL', 'our own key is not at hand');
    return { name, chain, key };
  };
  return { current: identity('current'), next: identity('next') };
}

/** The clients whose keys are not at hand. */
export function withoutKeys({ clients }: Callers, terms: CertificateTerms): readonly string[] {
  const ids = clients.map(({ id }) => id);
  return ids.filter((id) => {
    const { current, next } = termsOf(terms, partyKey({ kind: 'client', name: id }));
    return current.key === undefined || next.key === undefined;
  });
}

/** What the traffic of each client shows: the client's own certificates, and ours in place of one whose key is not at hand. */
export function shownByTraffic(
  fleet: Pick<Fleet, 'tls'> & Callers,
  terms: CertificateTerms,
): ReadonlyMap<string, Identities> {
  const ours = identitiesOf(fleet, terms);
  return new Map(
    fleet.clients.map(({ id }) => {
      const own = termsOf(terms, partyKey({ kind: 'client', name: id }));
      const identity = (generation: RotatingGeneration) => {
        const { chain, key } = own[generation];
        const [of, shown] = key === undefined ? ['rotctl', ours[generation]] : [id, { chain, key }];
        return { ...shown, name: `${generation} of ${of}` };
      };
      return [id, { current: identity('current'), next: identity('next') }];
    }),
  );
}
