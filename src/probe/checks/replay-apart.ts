import type { Replica } from '../../fleet/fleet.ts';
import type { Hazard } from '../hazards.ts';
import { askOracle, burn } from '../oracle.ts';
import type { CheckContext } from './check.ts';
import { REPLAY, signerOf } from './replay-read.ts';

/** How long a copy between stores may be on its way to count as a lag and not as two stores, in milliseconds. */
const LAG_MS = 1500;
/** Groups that are looked for among replicas that do not share their nonces. */
const MOST_GROUPS = 3;

/** Which of the two directions between an anchor and another replica was accepted a second time. */
export interface Apart {
  readonly replica: Replica;
  /** Burned at the anchor and accepted here. */
  readonly onward: boolean;
  /** Burned here and accepted at the anchor. */
  readonly back: boolean;
}

/** What it can be that a replica does not share its nonces with the anchor, and what was seen that says so. */
export interface ApartSight {
  readonly hazards: readonly Hazard[];
  readonly says: string;
}

/**
 * Narrows why replicas do not share their nonces. In one direction alone: one of them writes to a copy of the other's store.
 * Known a little later: the stores copy to each other, or reads lag. Several that share among themselves have another store
 * or namespace; one that shares with nobody may have that or a memory of its own.
 */
export async function tellApart(
  context: CheckContext,
  anchor: Replica,
  apart: readonly Apart[],
): Promise<ReadonlyMap<string, ApartSight>> {
  const seen = new Map<string, ApartSight>();
  for (const { replica, onward, back } of apart) {
    if (onward !== back) {
      const says = onward
        ? `what ${replica.name} accepts is known to ${anchor.name}, and not the other way round`
        : `what ${anchor.name} accepts is known to ${replica.name}, and not the other way round`;
      seen.set(replica.name, { hazards: ['H14', 'H26', 'H25'], says });
    }
  }
  const split = apart.filter(({ replica }) => !seen.has(replica.name)).map(({ replica }) => replica);
  await Promise.all(
    split.map(async (replica) => {
      if (!(await isKnownLater(context, anchor, replica))) return;
      seen.set(replica.name, {
        hazards: ['H25', 'H26', 'H4'],
        says: `it is known to ${replica.name} after ${LAG_MS} ms: the stores copy to each other, or reads lag`,
      });
    }),
  );
  await group(
    context,
    split.filter(({ name }) => !seen.has(name)),
    seen,
  );
  return seen;
}

async function isKnownLater(context: CheckContext, anchor: Replica, replica: Replica): Promise<boolean> {
  const signer = signerOf(context);
  // Before the burn, here and below: a nonce grows old while its refusal waits for a turn.
  await context.prober.claim(signer.client, [replica], LAG_MS);
  const { burned } = await burn(context, anchor, signer);
  if (burned === undefined) return false;
  await context.clock.sleep(LAG_MS, context.signal);
  const { outcome } = await askOracle(context, replica, burned, signer.secret);
  return outcome.code === REPLAY;
}

/** Finds those that share among themselves, each time by what one of them has burned. */
async function group(
  context: CheckContext,
  replicas: readonly Replica[],
  seen: Map<string, ApartSight>,
): Promise<void> {
  let left = replicas;
  for (let n = 0; n < MOST_GROUPS; n += 1) {
    const [first, ...others] = left;
    if (first === undefined) return;
    const members = [first];
    for (const other of others) if (await shares(context, first, other)) members.push(other);
    const names = members.map(({ name }) => name).join(', ');
    const sight: ApartSight =
      members.length > 1
        ? { hazards: ['H10', 'H20'], says: `${names} share another store or namespace` }
        : { hazards: ['H11', 'H10', 'H20'], says: `${names} shares its nonces with no other replica that was asked` };
    for (const { name } of members) seen.set(name, sight);
    left = left.filter((replica) => !members.includes(replica));
  }
}

async function shares(context: CheckContext, first: Replica, other: Replica): Promise<boolean> {
  const signer = signerOf(context);
  await context.prober.claim(signer.client, [other]);
  const { burned } = await burn(context, first, signer);
  if (burned === undefined) return false;
  const { outcome } = await askOracle(context, other, burned, signer.secret);
  return outcome.code === REPLAY;
}
