import { Secret } from '../../src/credential/secret.ts';
import type { AcceptingTarget, DeployDriver, Listed } from '../../src/deploy/driver.ts';
import type { Client } from '../../src/fleet/fleet.ts';

/** A driver of configurations that can be read, with secrets in place of entries. */
export type SecretDriver = ReturnType<typeof bySecret>;

/** Wraps a driver so that what it lists are secrets, and what it is given are secrets of no generation. */
export function bySecret(driver: DeployDriver) {
  const entry = (secret: Secret) => ({ secret, generation: undefined });
  return {
    ...driver,
    async readAccepted(target: AcceptingTarget, ids: Iterable<string>): Promise<Map<string, Secret[]>> {
      const found = await driver.readAccepted(target, ids);
      if (found === undefined) throw new Error('the configuration cannot be read');
      return new Map([...found].map(([id, list]) => [id, list.map(asSecret)]));
    },
    writeAccepted: (target: AcceptingTarget, accepted: ReadonlyMap<string, readonly Secret[]>) =>
      driver.writeAccepted(target, new Map([...accepted].map(([id, list]) => [id, list.map(entry)]))),
    readSigning: async (client: Client) => asSecret(await driver.readSigning(client)),
    writeSigning: (client: Client, secret: Secret) => driver.writeSigning(client, entry(secret)),
  };
}

function asSecret(listed: Listed | undefined): Secret {
  if (listed instanceof Secret) return listed;
  throw new Error('the configuration gives no secret');
}
