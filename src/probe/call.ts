import type { Secret } from '../credential/secret.ts';
import type { ProbeSettings } from '../fleet/fleet.ts';
import type { GateRequest } from '../protocol/gate-v1.ts';
import type { WireRequest } from './ports.ts';

/** What one probe says, before it is signed. Whatever is left out is what a sound client would send. */
export interface Call {
  readonly client: string;
  /** Signs the request; `undefined` leaves the signature empty, unless `overrideSignature` is given. */
  readonly secret: Secret | undefined;
  /** By default 128 fresh random bits as lower-case hex. */
  readonly nonce?: string;
  /** Added to the present time, in milliseconds. */
  readonly timestampOffsetMs?: number;
  /** The timestamp header as it is to be, in place of the present time and the offset. */
  readonly timestampText?: string;
  readonly method?: string;
  readonly path?: string;
  /** By default the fleet's probe body, which has no effect beyond authentication. */
  readonly body?: string;
  /** Sent in place of `body`, which stays what is signed; likewise the method and the path. */
  readonly sentBody?: string;
  readonly sentMethod?: string;
  readonly sentPath?: string;
  /** Changes the finished signature. */
  readonly alterSignature?: (signature: string) => string;
  readonly overrideSignature?: string;
  /** Sends no header, or of a gate no signature, of the protocol at all. */
  readonly bare?: boolean;
  /** `gate-v1`: the key id that the signature bears; by default that of the secret, see `KeyIds`. */
  readonly keyId?: string | undefined;
  /** `gate-v1`: further signatures, each under the key id of its secret. With them all are sent in `signatures`. */
  readonly also?: readonly Secret[];
  /** `gate-v1`: what is signed in place of what is sent. */
  readonly signedInstead?: Partial<GateRequest>;
}

/** A signed request: a bearer token for as long as its timestamp lives. It is kept in memory only. */
export interface Signed {
  readonly request: WireRequest;
  readonly nonce: string;
  readonly timestamp: string;
}

/** What a call is completed with. `now` is Unix milliseconds. */
export interface Completion {
  readonly settings: Pick<ProbeSettings, 'method' | 'path' | 'body' | 'gate'>;
  readonly userAgent: string;
  readonly now: number;
  readonly freshNonce: () => string;
  /** The key id of a secret, where the protocol has key ids. */
  readonly keyIdOf: (secret: Secret | undefined) => string;
}
