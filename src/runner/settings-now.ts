import type { Snapshot } from './configurations.ts';
import { shown } from './gate/configurations.ts';
import { clientIdsOf } from './second-id.ts';
import type { Tools } from './tools.ts';

/**
 * What the stored configuration of every replica, template and client says now, by its name, secrets by fingerprint: for
 * comparing two times, outside of any rotation. One that can be written and not read is left out. Throws as the drivers'
 * reading does.
 */
export async function settingsNow({
  fleet,
  driver,
  gate,
}: Pick<Tools, 'fleet' | 'driver' | 'gate'>): Promise<ReadonlyMap<string, Snapshot>> {
  const state = new Map<string, Snapshot>();
  const acceptors = [...fleet.replicas, ...fleet.templates];
  if (gate !== undefined) {
    for (const party of acceptors) state.set(party.name, shown(await gate.driver.read(party)));
    for (const client of fleet.clients) state.set(client.id, shown(await gate.driver.read(client)));
    return state;
  }
  const ids = clientIdsOf(fleet);
  for (const acceptor of acceptors) {
    const accepted = await driver.readAccepted(acceptor, ids);
    if (accepted !== undefined) state.set(acceptor.name, fingerprintsOf(accepted));
  }
  for (const client of fleet.clients) {
    const signs = await driver.readSigning(client);
    const { idAt } = client.deploy;
    const sent = idAt === undefined ? undefined : await driver.readText(client, idAt);
    const as = sent === undefined ? {} : { id: [sent] };
    if (signs !== undefined) state.set(client.id, { signs: [signs.fingerprint], ...as });
  }
  return state;
}

function fingerprintsOf(accepted: ReadonlyMap<string, readonly { readonly fingerprint: string }[]>): Snapshot {
  return Object.fromEntries([...accepted].map(([id, list]) => [id, list.map(({ fingerprint }) => fingerprint)]));
}
