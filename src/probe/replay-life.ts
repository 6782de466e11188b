import { within } from './checks/by-domain.ts';
import type { CheckContext } from './checks/check.ts';
import { signerOf } from './checks/replay-read.ts';
import { burn } from './oracle.ts';

/**
 * How long a replica's store keeps a nonce, in milliseconds: the `PTTL` of a key that it has just made, and the time since.
 * `undefined` where the store may not be looked into, or the key is not found or has no end.
 */
export async function lifeAt(context: CheckContext, name: string): Promise<number | undefined> {
  const domain = context.fleet.domains?.find(({ replicas }) => replicas.includes(name));
  const { fleet, store, clock } = domain === undefined ? context : within(context, domain);
  const replica = fleet.replicas.find((one) => one.name === name);
  if (store === undefined || fleet.store === undefined || replica === undefined) return undefined;
  const began = clock.monotonic();
  const { burned } = await burn(context, replica, signerOf(context));
  if (burned === undefined) return undefined;
  const key = fleet.store.key
    .replaceAll('{client}', fleet.probe.gate?.session ?? burned.client)
    .replaceAll('{nonce}', burned.nonce);
  const answer = await store.askKey(key, 'PTTL', key);
  const left = answer.kind === 'value' ? Number(answer.value) : Number.NaN;
  return left > 0 ? Math.round(left + (clock.monotonic() - began)) : undefined;
}
