import type { Secret } from '../credential/secret.ts';
import type { KeyName } from '../credential/signer.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import { clientIn } from './configurations.ts';
import type { History } from './history.ts';
import type { Pair } from './pair.ts';
import type { Tools } from './tools.ts';

/**
 * A sealed pair with each secret that is held elsewhere in reach of its holder again; of such a one only its name was
 * sealed. Of a pair in which one generation stands in for the other, that one alone is asked for.
 *
 * @throws RotctlError `SECRET_REFUSED` when its holder has another key now, `SECRET_UNAVAILABLE`
 */
export async function reachKeys(
  tools: Pick<Tools, 'fleet' | 'signers'>,
  history: Pick<History, 'id' | 'keyIds'>,
  client: string,
  pair: Pair,
  gone: RotatingGeneration | undefined,
): Promise<Pair> {
  const reach = (generation: RotatingGeneration) => reachOne(tools, history, client, generation, pair[generation]);
  if (pair.current !== pair.next) return { current: await reach('current'), next: await reach('next') };
  const only = await reach(gone === 'current' ? 'next' : 'current');
  return { current: only, next: only };
}

async function reachOne(
  { fleet, signers }: Pick<Tools, 'fleet' | 'signers'>,
  { id, keyIds }: Pick<History, 'id' | 'keyIds'>,
  client: string,
  generation: RotatingGeneration,
  secret: Secret,
): Promise<Secret> {
  if (!secret.isHeldElsewhere) return secret;
  const { signer } = clientIn(fleet, client);
  if (signer === undefined) {
    throw new RotctlError('INPUT_INVALID', `${client} has no signer any more, and rotation ${id} began with one`);
  }
  // When a rotation is over, its next may have become its holder's current.
  const names: readonly KeyName[] = [
    { client, generation, keyId: keyIds[client]?.[generation] },
    { client, generation: 'current', keyId: signer.keyIds.current },
  ];
  for (const name of names) {
    const held = await signers.held(signer, name);
    if (held.fingerprint === secret.fingerprint) return held;
  }
  throw new RotctlError('SECRET_REFUSED', `the signer has another ${generation} of ${client} than the ledger names`, {
    hint: 'until a rotation is over, its signer must keep both keys under the names that they have',
  });
}
