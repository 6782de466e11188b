import { reveal } from '../../credential/secret.ts';
import type { CommandPlace } from '../../fleet/fleet.ts';
import type { Entry } from '../secret-store.ts';

/** Version of what is said to a program and of what it answers; `spec/deploy-command.md` documents both. */
export const SCHEMA = 'rotctl.deploy.v1';

/** What a program is asked to do. */
type Op = 'read' | 'write' | 'reload' | 'restart' | 'rehearse';

/** A request, besides what every request has. */
export interface Asked {
  readonly op: Op;
  /** The clients that it is about. */
  readonly clients?: readonly string[];
  /** Of a write: what is to be accepted, by client. */
  readonly accepts?: Readonly<Record<string, readonly Listing[]>>;
  /** Of a write to a client: what it is to sign with. */
  readonly signs?: Listing;
  /** Of gates: names of the variables to read, or each with its value, `null` for unset. */
  readonly variables?: readonly string[] | Readonly<Record<string, string | null>>;
}

/** What a program that keeps certificates is asked to do. */
export type CertificateOp = 'read' | 'write-trust' | 'write-shown' | 'request' | CertificateLoad | 'rehearse';

/** What it is asked of the process that goes by them. */
export type CertificateLoad = 'reload' | 'restart' | 'end-sessions';

/** A request about certificates, besides what every request has. Texts are PEM. */
export interface CertificateAsked {
  readonly op: CertificateOp;
  readonly trust?: string;
  readonly chain?: string;
  readonly key?: string;
  /** Of a request for a CSR. */
  readonly id?: string;
  readonly commonName?: string;
  readonly subject?: readonly (readonly string[])[];
  readonly names?: readonly string[];
  readonly keyKind?: string;
}

/** A secret in a request. */
export interface Listing {
  readonly generation?: string;
  readonly fingerprint: string;
  /** Absent for a key that is held elsewhere. */
  readonly secret?: string;
}

/** A request as a line of JSON. */
export function requestLine(
  { target }: Pick<CommandPlace, 'target'>,
  asked: Asked | CertificateAsked,
  schema = SCHEMA,
): string {
  return `${JSON.stringify({ schema, target, ...asked })}\n`;
}

/** A secret as a program is told of it: of one that is held elsewhere, which of its client's it is and its fingerprint. */
export function listingOf({ secret, generation }: Entry): Listing {
  return {
    ...(generation === undefined ? {} : { generation }),
    fingerprint: secret.fingerprint,
    ...(secret.isHeldElsewhere ? {} : { secret: reveal(secret).toString('utf8') }),
  };
}
