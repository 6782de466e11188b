import { secondIdHint } from './second-id.ts';
import type { Sighted, World } from './world.ts';

/** What a failed overlap shows of a replica, and what to do about it. */
export interface Explained {
  readonly seen: string;
  readonly hint: string;
}

/**
 * What kind of signer the replicas are on which an overlap failed, as far as their answers to both generations tell: one
 * that keeps the last secret that it is given, one that keeps the first, or one that knows no list. `undefined` where it
 * fits none of them, and of gates, which have a place for each secret.
 *
 * @param lockedOut those of them that refuse valid requests
 */
export async function explainOverlap(
  { fleet, prover }: Pick<World, 'fleet' | 'prover'>,
  targets: readonly string[],
  lockedOut: readonly string[],
): Promise<Explained | undefined> {
  if (fleet.protocol === 'gate-v1') return undefined;
  for (const replica of fleet.replicas.filter(({ name }) => targets.includes(name))) {
    for (const sighted of await prover.sighted(replica.name)) {
      const kind = kindOf(sighted, lockedOut.includes(replica.name));
      if (kind === undefined) continue;
      const first = kind.sure ? '' : 'see whether its commands made it read the file; if they did, ';
      return { seen: `${replica.name} ${kind.seen}`, hint: `${first}${secondIdHint(sighted.client)}` };
    }
  }
  return undefined;
}

interface Kind {
  readonly seen: string;
  /** Whether nothing else explains it. */
  readonly sure: boolean;
}

function kindOf({ client, answers: { current, next } }: Sighted, isLockedOut: boolean): Kind | undefined {
  if (current === 'ACCEPTED' && next === 'AUTH_INVALID_HMAC') {
    const seen = `accepts current of ${client} alone: it has not loaded its configuration, or it keeps the first secret that stands there for a client id and drops the others`;
    return { seen, sure: false };
  }
  if (!isLockedOut || current !== 'AUTH_INVALID_HMAC') return undefined;
  if (next === 'ACCEPTED') {
    const seen = `accepts next of ${client} in place of current: it holds one secret for a client id, so that adding next there is a swap, and locks out whoever signs with current`;
    return { seen, sure: true };
  }
  if (next !== 'AUTH_INVALID_HMAC') return undefined;
  return { seen: `accepts neither secret of ${client} any more: it reads no list of secrets there`, sure: true };
}
