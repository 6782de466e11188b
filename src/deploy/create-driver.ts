import { RotctlError } from '../errors/rotctl-error.ts';
import type { Place } from '../fleet/fleet.ts';
import type { DeployDriver, Entry, PlacedText, Rehearsable } from './driver.ts';
import { Rollouts } from './kubernetes/rollout.ts';
import { type DriverPorts, loaderOf, secretStoreOf } from './places.ts';
import { rehearse } from './rehearse.ts';
import { isListed, type SecretStore } from './secret-store.ts';

/** Makes the driver of a fleet's targets, each of which is changed as its own `deploy` says. */
export function createDeployDriver(ports: DriverPorts): DeployDriver & Rehearsable {
  const last = new LastWritten();
  const rollouts = new Rollouts();
  const storeOf = (deploy: Place) => secretStoreOf(deploy, ports);
  const write = async (
    deploy: Place,
    secrets: ReadonlyMap<string, readonly Entry[]>,
    texts: readonly PlacedText[] = [],
  ) => {
    const { twins = new Map<string, string>() } = ports;
    for (const [id, entries] of secrets) {
      const kept = secrets.get(twins.get(id) ?? id) ?? [];
      refuseEmpty(storeOf(deploy), id, [...entries, ...kept]);
    }
    const result = await storeOf(deploy).write(secrets, texts);
    last.remember(deploy, secrets);
    return result;
  };
  const holds = async (deploy: Place, wanted: ReadonlyMap<string, readonly Entry['secret'][]>) => {
    const found = (await storeOf(deploy).read(wanted.keys())) ?? last.of(deploy);
    return [...wanted].every(([id, secrets]) => {
      const present = found.get(id) ?? [];
      return present.length === secrets.length && secrets.every((secret, index) => isListed(present[index], secret));
    });
  };

  return {
    readAccepted: async ({ deploy }, clientIds) => storeOf(deploy).read(clientIds),
    single: async ({ deploy }, clientIds) => (await storeOf(deploy).single?.(clientIds)) ?? [],
    writeAccepted: ({ deploy }, accepted, texts) => write(deploy, accepted, texts),
    async readText({ deploy }, at) {
      const { text } = storeOf(deploy);
      if (text !== undefined) return text(at);
      throw new RotctlError('PRECONDITION_FAILED', `driver ${deploy.driver} has no client ids to change`);
    },
    async readSigning({ id, deploy }) {
      const store = storeOf(deploy);
      const found = await store.read([id]);
      if (found === undefined) return undefined;
      const [listed] = found.get(id) ?? [];
      if (listed !== undefined) return listed;
      throw new RotctlError('SECRET_REFUSED', `${store.describe(id)} is empty`, { at: { file: store.place } });
    },
    writeSigning: ({ id, deploy }, entry, texts) => write(deploy, new Map([[id, [entry]]]), texts),
    accepts: ({ deploy }, accepted) => holds(deploy, accepted),
    signs: ({ id, deploy }, secret) => holds(deploy, new Map([[id, [secret]]])),
    reload: async ({ deploy }) => loaderOf(deploy, ports, rollouts).load('reload'),
    restart: async ({ deploy }) => loaderOf(deploy, ports, rollouts).load('restart'),
    rehearse: ({ deploy }, clientIds = []) => rehearse(deploy, [...clientIds], ports),
  };
}

/** Whatever the place, an empty list would lock its client out. */
function refuseEmpty(store: SecretStore, id: string, entries: readonly Entry[]): void {
  if (entries.length > 0) return;
  throw new RotctlError('PRECONDITION_FAILED', `${store.describe(id)}: an empty list would lock out ${id}`, {
    at: { file: store.place },
  });
}

/** What was written last to each place, for those that cannot be read. */
class LastWritten {
  readonly #written = new WeakMap<Place, Map<string, readonly { readonly fingerprint: string }[]>>();

  remember(deploy: Place, secrets: ReadonlyMap<string, readonly Entry[]>): void {
    const known = this.#written.get(deploy) ?? new Map();
    for (const [id, entries] of secrets)
      known.set(
        id,
        entries.map(({ secret }) => ({ fingerprint: secret.fingerprint })),
      );
    this.#written.set(deploy, known);
  }

  of(deploy: Place): ReadonlyMap<string, readonly { readonly fingerprint: string }[]> {
    return this.#written.get(deploy) ?? new Map();
  }
}
