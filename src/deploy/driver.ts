import type { Secret } from '../credential/secret.ts';
import type { Client, Deploy, Place, TextAt } from '../fleet/fleet.ts';
import type { CommandResult } from './ports.ts';
import type { Entry, Listed, PlacedText } from './secret-store.ts';

export type { Entry, Listed, PlacedText } from './secret-store.ts';

/** A process whose configuration a driver changes. */
export interface DeployTarget {
  readonly deploy: Deploy;
}

/** What lists accepted secrets in its configuration: a replica, or a template that replicas are made from. */
export interface AcceptingTarget {
  readonly deploy: Place;
}

/**
 * Changes what replicas accept and what clients sign with, in their stored configuration; the processes read it when
 * they are told to. What a process then really does is for a probe to say, never for a driver.
 *
 * Each method throws `INPUT_INVALID` or `INPUT_SYNTAX` when the configuration does not have the shape that the fleet
 * file says, `DRIVER_FAILED` when a program that it goes by fails, and passes on the file port's errors. No error holds a
 * secret.
 */
export interface DeployDriver {
  /**
   * The secrets that the target's configuration lists for each of the clients, in the order of the configuration;
   * `undefined` when it can be written and not read.
   */
  readAccepted(
    target: AcceptingTarget,
    clientIds: Iterable<string>,
  ): Promise<Map<string, readonly Listed[]> | undefined>;
  /** Those of the clients for which the target's configuration, in the form that it has, can hold one secret only. */
  single(target: AcceptingTarget, clientIds: Iterable<string>): Promise<readonly string[]>;
  /**
   * Replaces the lists of the given clients, and texts beside them, in one write; nothing is touched when they are so
   * already. An empty list removes the entry of an id whose twin has one. Throws `PRECONDITION_FAILED` for any other, or for two secrets where one fits, and `DRIVER_FAILED` when the file
   * cannot be replaced, or the quoting that it uses cannot hold the new value.
   */
  writeAccepted(
    target: AcceptingTarget,
    accepted: ReadonlyMap<string, readonly Entry[]>,
    texts?: readonly PlacedText[],
  ): Promise<{ readonly changed: boolean }>;
  /** A text in the target's configuration; `undefined` when it is not set. Throws `PRECONDITION_FAILED` where its driver has none. */
  readText(target: AcceptingTarget, at: TextAt): Promise<string | undefined>;
  /**
   * What the client's configuration tells it to sign with; `undefined` when that can be written and not read. Throws
   * `SECRET_REFUSED` when there is none.
   */
  readSigning(client: Pick<Client, 'id' | 'deploy'>): Promise<Listed | undefined>;
  /** Replaces it; nothing is touched when it is so already. Throws `DRIVER_FAILED` as `writeAccepted` does. */
  writeSigning(
    client: Pick<Client, 'id' | 'deploy'>,
    entry: Entry,
    texts?: readonly PlacedText[],
  ): Promise<{ readonly changed: boolean }>;
  /**
   * Whether the target's configuration lists exactly these, in this order. Where it cannot be read: whether they are what
   * this driver wrote there last, so that it is `false` in a new process, which writes them again.
   */
  accepts(target: AcceptingTarget, accepted: ReadonlyMap<string, readonly Secret[]>): Promise<boolean>;
  /** The same of what a client signs with. */
  signs(client: Pick<Client, 'id' | 'deploy'>, secret: Secret): Promise<boolean>;
  /** Has the target read its configuration while it runs. Throws `PRECONDITION_FAILED` when the fleet file gives no means. */
  reload(target: DeployTarget): Promise<CommandResult>;
  /** Has the target start anew. Throws `PRECONDITION_FAILED` when the fleet file gives no means. */
  restart(target: DeployTarget): Promise<CommandResult>;
}

/** Where a configuration stands, and what makes a process read it, where one does. */
export interface RehearsalTarget {
  readonly deploy: Place | Deploy;
}

/** Tells before the first change whether a configuration could be changed. */
export interface Rehearsable {
  /**
   * What stands in the way of changing the target's configuration and of making its process read it, in words without
   * secrets; empty when nothing is seen. Changes nothing and starts nothing of the process.
   *
   * @param clientIds those whose secrets stand there; without them a variable that has a client's id in its name, or a
   * pointer, is not looked at
   */
  rehearse(target: RehearsalTarget, clientIds?: Iterable<string>): Promise<readonly string[]>;
}
