import type { Client, Fleet } from '../fleet/fleet.ts';
import type { Runbook } from '../runbook/runbook.ts';

/**
 * A fleet as a runbook moves it: `movable` is about secrets, and a client whose certificates the fleet file describes has
 * these moved by us.
 */
export function movedBy({ scheme }: Pick<Runbook, 'scheme'>, fleet: Fleet): Fleet {
  if (scheme !== 'mtls') return fleet;
  const clients = fleet.clients.map(
    (client): Client => (client.certificates === undefined ? client : { ...client, movable: 'us' }),
  );
  return { ...fleet, clients };
}

/** Whether a client is one that we do not touch: its owner moves it, or nobody can. */
export function isLeftAlone({ clients }: Pick<Fleet, 'clients'>, id: string): boolean {
  return clients.some((client) => client.id === id && client.movable !== 'us');
}

/** What is done for a client that we do not touch, in words. */
export function awaitedText({ clients }: Pick<Fleet, 'clients'>, id: string): string {
  return `waiting for ${ownerOf(clients.find((client) => client.id === id))} to move ${id}`;
}

/** Who answers for a client, in words. */
export function ownerOf(client: Pick<Client, 'owner'> | undefined): string {
  return client?.owner ?? 'its owner';
}

/** Why a rotation of these clients can never be completed, or `undefined`. */
export function neverMoved({ clients }: Pick<Fleet, 'clients'>, rotating: readonly string[]): string | undefined {
  const stuck = clients.filter(({ id, movable }) => rotating.includes(id) && movable === 'never');
  if (stuck.length === 0) return undefined;
  const named = stuck.map(
    (client) => `${client.id} (${client.owner === undefined ? 'no owner named' : `owner ${client.owner}`})`,
  );
  return `${named.join(', ')} can never be moved (movable: never), so that current has to stay accepted`;
}
