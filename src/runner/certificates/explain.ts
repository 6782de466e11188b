import type { Replica } from '../../fleet/fleet.ts';
import type { Phase } from '../../machine/phase.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import type { Explained } from '../explain-overlap.ts';
import { TAKEN_AWAY } from '../explain-retired.ts';
import type { Sighted, World } from '../world.ts';

/**
 * Whose certificates a replica lets in after a step that did not work out, as far as its answers tell: one authority's
 * where it has to be both, or those of one that was taken away. `undefined` where they fit nothing of the kind.
 */
export async function explainTrust(
  { fleet, prover }: Pick<World, 'fleet' | 'prover'>,
  phase: Phase,
  targets: readonly string[],
): Promise<Explained | undefined> {
  for (const replica of fleet.replicas.filter(({ name }) => targets.includes(name))) {
    for (const sighted of await prover.sighted(replica.name)) {
      const seen = trustSeen(sighted, TAKEN_AWAY[phase]);
      if (seen !== undefined) return { seen: `${replica.name} ${seen.what}`, hint: seen.remedy(bundleOf(replica)) };
    }
  }
  return undefined;
}

interface Trust {
  readonly what: string;
  readonly remedy: (bundle: string) => string;
}

function trustSeen({ answers }: Sighted, takenAway: RotatingGeneration | undefined): Trust | undefined {
  if (takenAway !== undefined) return answers[takenAway] === 'ACCEPTED' ? kept(takenAway) : undefined;
  const { current, next } = answers;
  if (current === 'ACCEPTED' && next === 'AUTH_MTLS_REQUIRED') return ONE_ALONE;
  if (current === 'AUTH_MTLS_REQUIRED' && next === 'ACCEPTED') return OTHER_INSTEAD;
  if (current === 'AUTH_MTLS_REQUIRED' && next === 'AUTH_MTLS_REQUIRED') return NEITHER;
  return undefined;
}

const ONE_ALONE: Trust = {
  what: 'lets in certificates of the current authority alone: it has not loaded its bundle, reads the first certificate of it and no other, or has a rule of its own beside it',
  remedy: (bundle) =>
    `see whether its commands make it read ${bundle}; if they do, it must take every certificate that stands there, and no revocation list or list of issuers may refuse those of the next authority`,
};

const OTHER_INSTEAD: Trust = {
  what: 'lets in certificates of the next authority in place of the current one, which locks out every client that has not moved: it reads the last certificate of its bundle and no other, or its bundle is replaced where it is to be extended',
  remedy: (bundle) => `it must take every certificate that stands in ${bundle}, where both authorities have to stand`,
};

const NEITHER: Trust = {
  what: 'lets in certificates of neither authority: it reads no bundle there',
  remedy: (bundle) => `see that ${bundle} is the file that it reads, and that it can read it`,
};

function kept(authority: RotatingGeneration): Trust {
  return {
    what: `still lets in certificates of the ${authority} authority, which was taken away: it has not loaded its bundle, or trusts others beside it`,
    remedy: (bundle) =>
      `see whether its commands make it read ${bundle}, and that it trusts nothing else: no second file or folder, no system store, no copy of its own`,
  };
}

/** Where a replica's bundle stands, in words. */
function bundleOf({ certificates }: Replica): string {
  const place = certificates?.place;
  return place?.driver === 'files' ? place.trust : 'its bundle';
}
