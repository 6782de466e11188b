import type { CanaryCounts } from './canary-counts.ts';
import type { CanaryPlan } from './canary-load.ts';
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

/** Secrets on their way between threads: client id, and the raw bytes of each, whose buffers are moved, not copied. */
export type SecretBytes = readonly (readonly [client: string, secrets: readonly Uint8Array<ArrayBuffer>[]])[];

/** Key ids by the fingerprint of their secret. */
export type KeyIdEntries = readonly (readonly [fingerprint: string, id: string])[];

/** What the main thread asks. Each is answered by one `reply` with the same `id`. */
export type CanaryAsk =
  | { readonly ask: 'set-up'; readonly setup: CanarySetup }
  | { readonly ask: 'secrets'; readonly secrets: SecretBytes; readonly keyIds: KeyIdEntries }
  | { readonly ask: 'snapshot' }
  | { readonly ask: 'mark'; readonly label: string }
  | { readonly ask: 'stop' };

/** An ask and the number of its reply. */
export type CanaryCall = CanaryAsk & { readonly id: number };

/** What the worker says. */
export type CanaryWord =
  | { readonly say: 'reply'; readonly id: number; readonly counts: CanaryCounts | undefined }
  | { readonly say: 'failed'; readonly id: number; readonly reason: string }
  | { readonly say: 'changed'; readonly counts: CanaryCounts };
