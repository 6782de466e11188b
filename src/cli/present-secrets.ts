import { readSecret, type SecretFiles } from '../credential/reference.ts';
import type { Secret } from '../credential/secret.ts';
import { createGateDriver } from '../deploy/gate.ts';
import type { GateFiles } from '../deploy/ports.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client, Fleet } from '../fleet/fleet.ts';
import { KeyIds } from '../probe/key-ids.ts';
import { DEFAULT_KEY_IDS } from '../protocol/gate-v1.ts';
import type { GateAccess } from '../runner/tools.ts';

/** What a fleet of gates needs beside the rest; `undefined` for other fleets. */
export function gateAccess({ protocol }: Pick<Fleet, 'protocol'>, files: GateFiles): GateAccess | undefined {
  return protocol === 'gate-v1' ? { driver: createGateDriver({ files }), keyIds: new KeyIds() } : undefined;
}

/**
 * Reads the present secret of each of these clients from where the fleet says that it lives, and learns the key id that
 * it is sent under.
 *
 * @throws RotctlError `SECRET_REFUSED`, `INPUT_INVALID`, `INPUT_SYNTAX` with the file
 */
export async function readPresent(
  fleet: Pick<Fleet, 'clients'>,
  wanted: readonly string[],
  { files, gate }: { readonly files: SecretFiles; readonly gate: GateAccess | undefined },
): Promise<ReadonlyMap<string, Secret>> {
  const found = new Map<string, Secret>();
  for (const client of fleet.clients) {
    if (!wanted.includes(client.id)) continue;
    found.set(client.id, gate === undefined ? await readSecret(client.secret, files) : await signedBy(client, gate));
  }
  return found;
}

async function signedBy(client: Client, { driver, keyIds }: GateAccess): Promise<Secret> {
  const { secret, keyId } = await driver.read(client);
  if (secret === undefined) {
    throw new RotctlError('SECRET_REFUSED', `${client.id} has no secret`, { at: { file: client.deploy.path } });
  }
  if (!keyIds.knows(secret)) keyIds.learn(secret, keyId || DEFAULT_KEY_IDS.primary);
  return secret;
}
