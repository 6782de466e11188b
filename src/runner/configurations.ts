import type { Secret } from '../credential/secret.ts';
import type { DeployDriver } from '../deploy/driver.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client, Fleet, Replica, Template } from '../fleet/fleet.ts';
import type { Effect, RotatingGeneration } from '../machine/step.ts';
import { acceptedIn, signedIn } from './carried-out.ts';
import type { Pairs } from './pair.ts';

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
  const acceptedBy = (generations: readonly RotatingGeneration[]): Map<string, Secret[]> =>
    new Map([...pairs].map(([client, pair]) => [client, generations.map((generation) => pair[generation])]));
  return {
    async write(effect, target) {
      if (effect.of === 'client') {
        await driver.writeSigning(clientIn(fleet, target), secretOf(pairs, target, signedIn(effect)));
      } else {
        await driver.writeAccepted(acceptorIn(fleet, target), acceptedBy(acceptedIn(effect)));
      }
    },
    async holds(effect, target) {
      if (effect.of === 'client') {
        const found = await driver.readSigning(clientIn(fleet, target));
        return found.signsLike(secretOf(pairs, target, signedIn(effect)));
      }
      const wanted = acceptedBy(acceptedIn(effect));
      const found = await driver.readAccepted(acceptorIn(fleet, target), [...wanted.keys()]);
      return [...wanted].every(([client, secrets]) => {
        const present = found.get(client) ?? [];
        return present.length === secrets.length && secrets.every((secret, index) => present[index]?.signsLike(secret));
      });
    },
    async snapshot() {
      const state: Record<string, Snapshot> = {};
      for (const acceptor of [...fleet.replicas, ...fleet.templates]) {
        const accepted = await driver.readAccepted(acceptor, [...pairs.keys()]);
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

/** The client of that id. @throws RotctlError `INTERNAL` */
export function clientIn({ clients }: Fleet, id: string): Client {
  const client = clients.find((candidate) => candidate.id === id);
  if (client === undefined) throw new RotctlError('INTERNAL', `no client ${id}`);
  return client;
}

/** One generation of a client's secret. @throws RotctlError `INTERNAL` */
function secretOf(pairs: Pairs, client: string, generation: RotatingGeneration): Secret {
  const pair = pairs.get(client);
  if (pair === undefined) throw new RotctlError('INTERNAL', `no secrets for client ${client}`);
  return pair[generation];
}
