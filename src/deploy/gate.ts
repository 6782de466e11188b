import type { Secret } from '../credential/secret.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';

export interface GateSettings {
  readonly secret: Secret | undefined;
  readonly prev: Secret | undefined;
  readonly keyId: string | undefined;
  readonly keyIdPrev: string | undefined;
  readonly strict: string | undefined;
  readonly revoked: string | undefined;
  readonly dual: string | undefined;
}
export interface GateChange {
  readonly secret?: Secret;
  readonly prev?: Secret | null;
  readonly keyId?: string | null;
  readonly keyIdPrev?: string | null;
  readonly strict?: string | null;
  readonly revoked?: string | null;
  readonly dual?: string | null;
}
export interface GateDriver {
  read(target: { readonly deploy: EnvFilePlace }): Promise<GateSettings>;
  write(
    target: { readonly deploy: EnvFilePlace },
    change: GateChange,
    names: { of(secret: Secret): string },
  ): Promise<{ readonly changed: boolean }>;
  purge(target: { readonly deploy: EnvFilePlace }, retired: Secret): Promise<void>;
}
