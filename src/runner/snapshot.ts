import type { DeployDriver } from '../deploy/driver.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Journal } from './journal.ts';

/**
 * Records which secrets the configuration of each replica and template lists for each client, by fingerprint: before a rotation, and after
 * its rollback, so that the two can be compared.
 */
export async function recordSnapshot(
  { fleet, driver }: { readonly fleet: Fleet; readonly driver: DeployDriver },
  journal: Journal,
  clients: readonly string[],
  when: 'before' | 'after',
): Promise<void> {
  const state: Record<string, Record<string, string[]>> = {};
  for (const acceptor of [...fleet.replicas, ...fleet.templates]) {
    const accepted = await driver.readAccepted(acceptor, clients);
    state[acceptor.name] = Object.fromEntries(
      [...accepted].map(([client, secrets]) => [client, secrets.map((secret) => secret.fingerprint)]),
    );
  }
  await journal.note('evidence', { when, state });
}
