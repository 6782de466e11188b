import type { Secret } from '../credential/secret.ts';
import type { CertificateLoading, CertificatePlace, KeyKind } from '../fleet/certificates.ts';
import type { SubjectPart } from '../pki/subject.ts';
import type { CommandResult } from './ports.ts';

/** What a party's configuration holds of certificates, as PEM texts. */
export interface PlacedCertificates {
  /** The bundle of authorities that it trusts. */
  readonly trust: string;
  /** The chain that it shows, its own certificate first. */
  readonly chain: string;
  /** Its private key; `undefined` where the party keeps it to itself. */
  readonly key: Secret | undefined;
}

/** What is written for a party to show. */
export interface Shown {
  readonly chain: string;
  /** `undefined` where the party has made the key itself and finds it by the chain. */
  readonly key: Secret | undefined;
}

/** What a certificate signing request is to ask for. */
export interface RequestWish {
  /** Tells requests of one rotation from those of another: the same id gives the same key again. */
  readonly id: string;
  readonly commonName: string;
  /** The whole subject that is wanted, `commonName` in it, in its order. */
  readonly subject: readonly SubjectPart[];
  readonly names: readonly string[];
  readonly key: KeyKind;
}

/**
 * Reads and changes where parties' certificates stand, and has them taken up. What a process then really shows and trusts
 * is for a handshake to say, never for a driver.
 *
 * Each method throws `INPUT_INVALID` for what is there and is no PEM, `DRIVER_FAILED` where it cannot be written or a
 * program fails, and passes on the file port's errors. No error holds a key.
 */
export interface CertificateDriver {
  read(place: CertificatePlace): Promise<PlacedCertificates>;
  /** Replaces the bundle; nothing is touched when it is so already. */
  writeTrust(place: CertificatePlace, bundle: string): Promise<{ readonly changed: boolean }>;
  /** Replaces chain and key, so that no crash leaves a chain with the key of another for longer than a rename. */
  writeShown(place: CertificatePlace, shown: Shown): Promise<{ readonly changed: boolean }>;
  /** Has a party that keeps its keys make one, and give the CSR in PEM; the same again for the same wish. */
  request(place: CertificatePlace, wish: RequestWish): Promise<string>;
  reload(party: CertificateParty): Promise<CommandResult>;
  restart(party: CertificateParty): Promise<CommandResult>;
  endSessions(party: CertificateParty): Promise<CommandResult>;
  /** What stands in the way of changing it, in words without secrets; empty when nothing is seen. Changes nothing. */
  rehearse(place: CertificatePlace): Promise<readonly string[]>;
}

/** Whose certificates are to be taken up. */
export interface CertificateParty extends CertificateLoading {
  readonly place: CertificatePlace;
  readonly endSessions?: readonly string[] | undefined;
}
