import type { Secret } from '../credential/secret.ts';
import type { Client, EnvFileDeploy, EnvFilePlace, Replica } from '../fleet/fleet.ts';
import type { CommandResult } from './ports.ts';

/** A process whose configuration a driver changes. */
export type DeployTarget = Pick<Replica | Client, 'deploy'>;

/** What lists accepted secrets in its configuration: a replica, or a template that replicas are made from. */
export interface AcceptingTarget {
  readonly deploy: EnvFilePlace;
}

/**
 * Changes what replicas accept and what clients sign with, in their stored configuration; the processes read it when
 * they are told to. What a process then really does is for a probe to say, never for a driver.
 *
 * Each method throws `INPUT_INVALID` or `INPUT_SYNTAX` when the configuration does not have the shape that the fleet
 * file says, and passes on the file port's errors when it cannot be read. No error holds a secret.
 */
export interface DeployDriver {
  /** The secrets that the target's configuration lists for each of the clients, in the order of the configuration. */
  readAccepted(target: AcceptingTarget, clientIds: Iterable<string>): Promise<Map<string, Secret[]>>;
  /**
   * Replaces the lists of the given clients, in one write; nothing is touched when they are so already. Throws
   * `PRECONDITION_FAILED` for an empty list, or for two secrets where one fits, and `DRIVER_FAILED` when the file
   * cannot be replaced, or the quoting that it uses cannot hold the new value.
   */
  writeAccepted(
    target: AcceptingTarget,
    accepted: ReadonlyMap<string, readonly Secret[]>,
  ): Promise<{ readonly changed: boolean }>;
  /** The secret that the client's configuration tells it to sign with. Throws `SECRET_REFUSED` when there is none. */
  readSigning(client: Client): Promise<Secret>;
  /** Replaces it; nothing is touched when it is so already. Throws `DRIVER_FAILED` as `writeAccepted` does. */
  writeSigning(client: Client, secret: Secret): Promise<{ readonly changed: boolean }>;
  /** Runs the target's reload command. Throws `PRECONDITION_FAILED` when the fleet file states none. */
  reload(target: DeployTarget): Promise<CommandResult>;
  /** Runs the target's restart command. Throws `PRECONDITION_FAILED` when the fleet file states none. */
  restart(target: DeployTarget): Promise<CommandResult>;
}

/** Where a configuration stands, and the commands that make a process read it, where one does. */
export interface RehearsalTarget {
  readonly deploy: EnvFilePlace & Partial<Pick<EnvFileDeploy, 'reload' | 'restart'>>;
}

/** Tells before the first change whether a configuration could be changed. */
export interface Rehearsable {
  /**
   * What stands in the way of changing the target's configuration and of making its process read it, in words without
   * secrets; empty when nothing is seen. Changes nothing and starts nothing.
   *
   * @param clientIds those whose secrets stand there; without them a variable that has a client's id in its name, or a
   * pointer, is not looked at
   */
  rehearse(target: RehearsalTarget, clientIds?: Iterable<string>): Promise<readonly string[]>;
}
