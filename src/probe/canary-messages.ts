import type { Harm } from './brake.ts';
import type { CanaryCounts } from './canary-counts.ts';
import type { CanaryPlan } from './canary-load.ts';
import type { MacWanted } from './canary-macs.ts';
import type { CanaryLimits, CanaryRoute, CanaryTls } from './canary-wire.ts';

/** Everything the worker needs but the secrets. It travels in a message, never in the worker's data, environment or arguments. */
export interface CanarySetup {
  readonly plan: CanaryPlan;
  readonly routes: readonly CanaryRoute[];
  readonly tls: CanaryTls;
  readonly limits: CanaryLimits;
  /** Whether to send `changed` messages. */
  readonly notify: boolean;
}

/** A secret on its way between threads: its raw bytes, whose buffer is moved, not copied; or the fingerprint of one that is held elsewhere. */
export type SentSecret = Uint8Array<ArrayBuffer> | string;

/** Secrets on their way between threads, by client id. */
export type SentSecrets = readonly (readonly [client: string, secrets: readonly SentSecret[]])[];

/** Key ids by the fingerprint of their secret. */
export type KeyIdEntries = readonly (readonly [fingerprint: string, id: string])[];

/** A client certificate on its way between threads; the buffer of its key is moved, not copied. */
export interface SentIdentity {
  readonly name: string;
  readonly chain: string;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** What the main thread asks. Each is answered by one `reply` with the same `id`. */
export type CanaryAsk =
  | { readonly ask: 'set-up'; readonly setup: CanarySetup }
  | { readonly ask: 'secrets'; readonly secrets: SentSecrets; readonly keyIds: KeyIdEntries }
  | {
      readonly ask: 'certificates';
      readonly identities: readonly SentIdentity[];
      /** The names of those that are presented, by client id. */
      readonly shown: readonly (readonly [client: string, names: readonly string[]])[];
      /** The bundle to trust from now on; by default the one of before. */
      readonly trust: string | undefined;
    }
  | { readonly ask: 'snapshot' }
  | { readonly ask: 'mark'; readonly label: string }
  | { readonly ask: 'stop' };

/** An ask and the number of its reply. */
export type CanaryCall = CanaryAsk & { readonly id: number };

/** What the worker says. */
export type CanaryWord =
  | { readonly say: 'reply'; readonly id: number; readonly counts: CanaryCounts | undefined }
  | { readonly say: 'failed'; readonly id: number; readonly reason: string }
  | { readonly say: 'changed'; readonly counts: CanaryCounts }
  | MacWanted
  /** The traffic has ended by itself. */
  | { readonly say: 'harmed'; readonly harm: Harm };
