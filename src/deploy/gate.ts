import type { Secret } from '../credential/secret.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';
import { applyChange, readSettings } from './gate-settings.ts';
import type { GateFiles } from './ports.ts';
import { replacing } from './replace.ts';

/**
 * How the settings of a gate, or of a service that signs for one, stand in its configuration. `undefined`: not set, or
 * (of `secret` and `prev`) empty. The others are as they are written, an empty text too.
 */
export interface GateSettings {
  readonly secret: Secret | undefined;
  readonly prev: Secret | undefined;
  readonly keyId: string | undefined;
  readonly keyIdPrev: string | undefined;
  readonly strict: string | undefined;
  readonly revoked: string | undefined;
  readonly dual: string | undefined;
}

/** What to change: what is absent stays, `null` is unset. */
export interface GateChange {
  readonly secret?: Secret;
  readonly prev?: Secret | null;
  readonly keyId?: string | null;
  readonly keyIdPrev?: string | null;
  readonly strict?: string | null;
  readonly revoked?: string | null;
  readonly dual?: string | null;
}

/** What has the settings of a gate in its configuration: a gate, a service that signs for one, or a template. */
export interface GateTarget {
  readonly deploy: EnvFilePlace;
}

/** Labels for secrets: they name new files, and tell nothing about what is in them. */
export interface SecretLabels {
  of(secret: Secret): string;
}

/**
 * Changes the settings of gates and of the services that sign for them, in their stored configuration; a process reads
 * it as it starts. What it then really does is for a probe to say.
 *
 * Each method throws `INPUT_INVALID` or `INPUT_SYNTAX` when the configuration does not have the shape that the fleet file
 * says (the primary secret's variable must be there), and passes on the file port's errors. No error holds a secret.
 */
export interface GateDriver {
  read(target: GateTarget): Promise<GateSettings>;
  /**
   * Makes the change in one atomic write of the env file; nothing is touched when all is so already. Throws
   * `DRIVER_FAILED` when a file cannot be replaced, or the quoting that it uses cannot hold a value.
   */
  write(target: GateTarget, change: GateChange, labels: SecretLabels): Promise<{ readonly changed: boolean }>;
}

/** Makes the driver for places whose format is `gate`; it throws `INTERNAL` for others. */
export function createGateDriver({ files }: { readonly files: GateFiles }): GateDriver {
  return {
    read: async ({ deploy }) => readSettings(await files.read(deploy.path), deploy),
    async write({ deploy }, change) {
      const before = await files.read(deploy.path);
      const after = applyChange(before, deploy, change);
      if (after === before) return { changed: false };
      await replacing(deploy.path, () => files.replace(deploy.path, after));
      return { changed: true };
    },
  };
}
