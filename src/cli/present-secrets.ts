import { readSecret } from '../credential/reference.ts';
import { Secret } from '../credential/secret.ts';
import type { DeployDriver } from '../deploy/driver.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client, Fleet } from '../fleet/fleet.ts';
import { DEFAULT_KEY_IDS } from '../protocol/gate-v1.ts';
import type { GateAccess } from '../runner/tools.ts';
import type { SecretAccess } from './secret-access.ts';

/** What present secrets are read with. */
interface PresentTools extends Pick<SecretAccess, 'gate' | 'sources' | 'signers'> {
  readonly driver: Pick<DeployDriver, 'readSigning'>;
}

/**
 * Reads the present secret of each of these clients from where the fleet says that it lives, and learns the key id that
 * it is sent under.
 *
 * @throws RotctlError `SECRET_REFUSED`, `INPUT_INVALID`, `INPUT_SYNTAX` with the file, `SECRET_UNAVAILABLE`
 */
export async function readPresent(
  fleet: Pick<Fleet, 'clients'>,
  wanted: readonly string[],
  access: PresentTools,
): Promise<ReadonlyMap<string, Secret>> {
  const found = new Map<string, Secret>();
  for (const client of fleet.clients) {
    if (!wanted.includes(client.id)) continue;
    found.set(client.id, await presentOf(client, access));
  }
  return found;
}

async function presentOf(client: Client, { gate, sources, signers, driver }: PresentTools): Promise<Secret> {
  const { id, secret, signer } = client;
  if (gate !== undefined) return signedBy(client, gate);
  if (signer !== undefined) {
    return signers.held(signer, { client: id, generation: 'current', keyId: signer.keyIds.current });
  }
  if (secret !== undefined) return readSecret(secret, sources, id);
  const deployed = await driver.readSigning(client);
  return deployed instanceof Secret ? deployed : readSecret({ from: 'sealed' }, sources, id);
}

async function signedBy(client: Client, { driver, keyIds }: GateAccess): Promise<Secret> {
  const { secret, keyId } = await driver.read(client);
  if (secret === undefined) {
    throw new RotctlError('SECRET_REFUSED', `${client.id} has no secret`, {
      ...('path' in client.deploy && { at: { file: client.deploy.path } }),
    });
  }
  if (!keyIds.knows(secret)) keyIds.learn(secret, keyId || DEFAULT_KEY_IDS.primary);
  return secret;
}
