import type { Secret } from '../credential/secret.ts';
import type { ProbeSettings } from '../fleet/fleet.ts';
import type { PlaceholderName } from '../protocol/described/template.ts';
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
  /** Sent in place of the client's id, which stays what is signed, where it is. */
  readonly sentClient?: string;
  /** Sent in place of `body`, which stays what is signed; likewise the method and the path. */
  readonly sentBody?: string;
  readonly sentMethod?: string;
  readonly sentPath?: string;
  /** Changes the finished signature. */
  readonly alterSignature?: (signature: string) => string;
  readonly overrideSignature?: string;
  /** A signature of the right form that no secret gives. */
  readonly garbage?: true;
  /** `keyring-v1`: names no client id, so that the signer takes its default one, if it has any. */
  readonly anonymous?: boolean;
  /** Sends no header, or of a gate no signature, of the protocol at all. */
  readonly bare?: boolean;
  /** Parts that are not sent, though what is signed has them; of a header with several only these are cut out. */
  readonly without?: readonly PlaceholderName[];
  /** `gate-v1`: the key id that the signature bears; by default that of the secret, see `KeyIds`. */
  readonly keyId?: string | undefined;
  /** `gate-v1`: further signatures, each under the key id of its secret. With them all are sent in `signatures`. */
  readonly also?: readonly Secret[];
  /**
   * Of a described scheme: what is signed in place of what is sent; times in milliseconds, added to the present time. Of
   * `keyring-v1` its nonce alone.
   */
  readonly signedAs?: {
    readonly offsetMs?: number;
    readonly nonce?: string;
    readonly client?: string;
    readonly keyId?: string;
  };
  /** Of a described scheme: headers that are sent with another value than was signed. */
  readonly sentHeaders?: Readonly<Record<string, string>>;
  /** `gate-v1`: what is signed in place of what is sent. */
  readonly signedInstead?: Partial<GateRequest>;
}

/** A signed request: a bearer token for as long as its timestamp lives. It is kept in memory only. */
export interface Signed {
  readonly request: WireRequest;
  readonly nonce: string;
  /** As it is sent, or of a described scheme in Unix milliseconds, whatever its unit is. */
  readonly timestamp: string;
  /** Why it could not be signed, because the key's holder did not answer; it is then not sent. */
  readonly unsigned?: string;
  /** In whose name; absent where it was not signed by a prober. */
  readonly client?: string;
}

/** A signature that no secret gives, where one is 64 hex digits. */
const ZEROS = '0'.repeat(64);

/** What stands in place of a digest, where a call says so. @param zeros a digest of the right form that no secret gives */
export function digestGiven({ overrideSignature, garbage }: Call, zeros: string = ZEROS): string | undefined {
  return garbage === true ? zeros : overrideSignature;
}

/** What a call is completed with. `now` is Unix milliseconds. */
export interface Completion {
  readonly settings: Pick<ProbeSettings, 'method' | 'path' | 'body' | 'gate' | 'scheme'>;
  readonly userAgent: string;
  readonly now: number;
  readonly freshNonce: () => string;
  /** The key id of a secret, where the protocol has key ids. */
  readonly keyIdOf: (secret: Secret | undefined) => string;
}
