import type { Secret } from '../credential/secret.ts';
import type { DeployDriver, Entry } from '../deploy/driver.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client, Fleet, Replica, Template } from '../fleet/fleet.ts';
import type { Effect, RotatingGeneration } from '../machine/step.ts';
import { signedIn } from './carried-out.ts';
import type { Pair, Pairs } from './pair.ts';
import { defaultTexts, idTexts, wireId, wireIds } from './second-id.ts';

/** An effect that sets something in a configuration. */
export type SettingEffect = Extract<Effect, { set: unknown }>;

/** What one party's configuration says, by setting or by client: fingerprints of secrets, and other values as they are. */
export type Snapshot = Readonly<Record<string, readonly string[]>>;

/** How what a runbook sets stands in the configurations of a fleet's parties. */
export interface Configurations {
  /** @throws RotctlError `DRIVER_FAILED` when a file could not be replaced */
  write(effect: SettingEffect, target: string): Promise<void>;
  /** Whether the configuration is as the effect would make it. */
  holds(effect: SettingEffect, target: string): Promise<boolean>;
  /** For comparing what was before with what is after; for the clients too where they have more than a secret. */
  snapshot(): Promise<Readonly<Record<string, Snapshot>>>;
  /** Removes what is left of a generation beside the configurations, once it is destroyed. */
  purge(generation: RotatingGeneration): Promise<void>;
}

/** Configurations of signers that list allowed secrets by client (`keyring-v1`). */
export function keyringConfigurations(
  { fleet, driver }: { readonly fleet: Fleet; readonly driver: DeployDriver },
  pairs: Pairs,
): Configurations {
  const entriesOf = (generations: readonly RotatingGeneration[]): Map<string, Entry[]> => {
    // An id without an entry is named too, so that its entry is removed.
    const entries = new Map<string, Entry[]>(wireIds(pairs).map((id) => [id, []]));
    for (const [client, pair] of pairs) {
      for (const generation of generations) {
        entries.get(wireId(client, pair, generation))?.push({ generation, secret: pair[generation] });
      }
    }
    return entries;
  };
  const acceptedBy = (generations: readonly RotatingGeneration[]): Map<string, Secret[]> =>
    new Map([...entriesOf(generations)].map(([id, entries]) => [id, entries.map(({ secret }) => secret)]));
  return {
    async write(effect, target) {
      if (effect.of === 'client') {
        const generation = signedIn(effect);
        const client = clientIn(fleet, target);
        const pair = pairOf(pairs, target);
        const entry = { generation, secret: pair[generation] };
        await driver.writeSigning(client, entry, idTexts(client, pair, generation));
      } else {
        const acceptor = acceptorIn(fleet, target);
        const { accepts, defaultId } = effect.set;
        const texts = defaultId === undefined ? [] : await defaultTexts(driver, acceptor, pairs, defaultId);
        const entries = accepts === undefined ? new Map<string, Entry[]>() : entriesOf(accepts);
        if (entries.size > 0 || texts.length > 0) await driver.writeAccepted(acceptor, entries, texts);
      }
    },
    async holds(effect, target) {
      if (effect.of === 'client') {
        const generation = signedIn(effect);
        const client = clientIn(fleet, target);
        const pair = pairOf(pairs, target);
        for (const { at, value } of idTexts(client, pair, generation)) {
          if ((await driver.readText(client, at)) !== value) return false;
        }
        return driver.signs(client, pair[generation]);
      }
      const acceptor = acceptorIn(fleet, target);
      const { accepts, defaultId } = effect.set;
      if (defaultId !== undefined && (await defaultTexts(driver, acceptor, pairs, defaultId)).length > 0) return false;
      return accepts === undefined || driver.accepts(acceptor, acceptedBy(accepts));
    },
    async snapshot() {
      const state: Record<string, Snapshot> = {};
      for (const acceptor of [...fleet.replicas, ...fleet.templates]) {
        const accepted = await driver.readAccepted(acceptor, wireIds(pairs));
        if (accepted === undefined) continue;
        state[acceptor.name] = Object.fromEntries(
          [...accepted].map(([client, secrets]) => [client, secrets.map((secret) => secret.fingerprint)]),
        );
      }
      return state;
    },
    async purge() {
      // An allowed secret stands in the configuration and nowhere beside it.
    },
  };
}

/** The replica or template of that name. @throws RotctlError `INTERNAL` */
export function acceptorIn({ replicas, templates }: Fleet, name: string): Replica | Template {
  const acceptor = [...replicas, ...templates].find((candidate) => candidate.name === name);
  if (acceptor === undefined) throw new RotctlError('INTERNAL', `no replica or template ${name}`);
  return acceptor;
}

/** The replica of that name. @throws RotctlError `INTERNAL` */
export function replicaIn({ replicas }: Pick<Fleet, 'replicas'>, name: string): Replica {
  const replica = replicas.find((candidate) => candidate.name === name);
  if (replica === undefined) throw new RotctlError('INTERNAL', `no replica ${name}`);
  return replica;
}

/** The client of that id. @throws RotctlError `INTERNAL` */
export function clientIn({ clients }: Fleet, id: string): Client {
  const client = clients.find((candidate) => candidate.id === id);
  if (client === undefined) throw new RotctlError('INTERNAL', `no client ${id}`);
  return client;
}

/** The secrets of a client. @throws RotctlError `INTERNAL` */
function pairOf(pairs: Pairs, client: string): Pair {
  const pair = pairs.get(client);
  if (pair === undefined) throw new RotctlError('INTERNAL', `no secrets for client ${client}`);
  return pair;
}
