import type { Secret } from '../credential/secret.ts';
import type { Place } from '../fleet/fleet.ts';

/**
 * How the settings of a gate, or of a service that signs for one, stand in its configuration. `undefined`: not set, or
 * (of `secret` and `prev`) empty. The others are as they are written, an empty text too.
 */
export interface GateSettings {
  readonly secret: Secret | undefined;
  readonly prev: Secret | undefined;
  /** The variable of `prev` stands there with nothing in it, which means the same as when it does not stand there. */
  readonly prevIsEmpty: true | undefined;
  readonly keyId: string | undefined;
  readonly keyIdPrev: string | undefined;
  readonly strict: string | undefined;
  readonly revoked: string | undefined;
  readonly dual: string | undefined;
}

/** What to change: what is absent stays, `null` is unset; an empty `prev` stands there with nothing in it. */
export interface GateChange {
  readonly secret?: Secret;
  readonly prev?: Secret | '' | null;
  readonly keyId?: string | null;
  readonly keyIdPrev?: string | null;
  readonly strict?: string | null;
  readonly revoked?: string | null;
  readonly dual?: string | null;
}

/** What has the settings of a gate in its configuration: a gate, a service that signs for one, or a template. */
export interface GateTarget {
  readonly deploy: Place;
}

/** Labels for secrets: they name new files, and tell nothing about what is in them. */
export interface SecretLabels {
  of(secret: Secret): string;
}

/**
 * Changes the settings of gates and of the services that sign for them, in their stored configuration; a process reads
 * it as it starts, but files of secrets at each use: those are never changed, a new secret gets a file of its own. What
 * a process then really does is for a probe to say.
 *
 * Each method throws `INPUT_INVALID` or `INPUT_SYNTAX` when the configuration does not have the shape that the fleet file
 * says (the primary secret's variable must be there), and passes on the file port's errors. No error holds a secret.
 */
export interface GateDriver {
  /** Throws `SECRET_REFUSED` when the primary secret is in a file that is empty or not there. */
  read(target: GateTarget): Promise<GateSettings>;
  /**
   * Makes the change: first the files of new secrets, then the env file in one atomic write; nothing is touched when all
   * is so already. Then removes the files that it made for this env file and that were not named before the change
   * either: those that this change stops naming stay until the next, because the running process may read them still.
   *
   * Throws `DRIVER_FAILED` when a file cannot be made or replaced, or the quoting that is used cannot hold a value.
   */
  write(target: GateTarget, change: GateChange, labels: SecretLabels): Promise<{ readonly changed: boolean }>;
  /**
   * Paths of files that no variable of the target or of the others names, and that hold what was its secret once: made by
   * this driver for it, or of a variable's own name in lower case (which some gates read in place of the variable).
   *
   * @param others what may share the target's folder of secret files
   */
  leftovers(target: GateTarget, others?: readonly GateTarget[]): Promise<readonly string[]>;
  /**
   * Removes files whose name begins with a variable's in lower case, that hold the retired secret, and that no variable
   * of the target or of the others names; gives their paths. For when nothing runs any more that reads them. All that
   * can be removed is removed before it throws: what a file cannot be read for, or `DRIVER_FAILED`.
   */
  purge(target: GateTarget, retired: Secret, others?: readonly GateTarget[]): Promise<readonly string[]>;
}
