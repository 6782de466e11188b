import type { UsageSource } from './evidence.ts';

/** PEM files that we can write: the bundle of authorities that a party trusts, and what it shows. */
export interface CertificateFiles {
  readonly driver: 'files';
  /** Absolute path of the PEM bundle of the authorities whose certificates it accepts. */
  readonly trust: string;
  /** Absolute path of the PEM chain that it shows, its own certificate first. */
  readonly cert: string;
  /** Absolute path of its private key; the same as `cert` where one file holds both (HAProxy). */
  readonly key: string;
}

/** A program of the operator's is asked to read and write them (`spec/certificate-command.md`). */
export interface CertificateCommand {
  readonly driver: 'command';
  readonly command: readonly string[];
  /** Names of variables of our environment that it gets besides the few that every command gets. */
  readonly pass: readonly string[];
  /** The longest time for one answer. */
  readonly deadlineMs: number;
  /** Whom its requests are about. */
  readonly target: { readonly kind: 'replica' | 'template' | 'client'; readonly name: string };
  /** `kept`: the target makes its keys itself and gives a CSR; `sent`: we make them, and the program gets them. */
  readonly keys: 'kept' | 'sent';
}

/** Where a party's certificates stand. */
export type CertificatePlace = CertificateFiles | CertificateCommand;

/**
 * What makes a process take up its certificates. At least one is given. Of a `CertificateCommand` they are its own
 * program, where that carries them out: it is then asked, and never run as a command (`CertificateDriver.reload`).
 */
export interface CertificateLoading {
  readonly reload: readonly string[] | undefined;
  readonly restart: readonly string[] | undefined;
  readonly deadlineMs: number;
}

/** Certificates of a replica: whose clients it accepts, and what it shows to them. */
export interface ReplicaCertificates extends CertificateLoading {
  readonly place: CertificatePlace;
  /** DNS names and IP addresses that a new certificate is made for; the names by which it is dialled are among them. */
  readonly names: readonly string[];
  /** Ends sessions: changes ticket keys, closes kept connections. Without it, a restart (or else a reload) has to do. */
  readonly endSessions: readonly string[] | undefined;
}

/**
 * Certificates of a client: whose servers it trusts, and what it shows to them. A client may lack them although the fleet
 * has an authority, where somebody else moves it (`movable`); no rotation can begin then, or it would be locked out.
 */
export interface ClientCertificates extends CertificateLoading {
  readonly place: CertificatePlace;
  /** The common name that a new certificate is made for; by default the one that its present certificate has. */
  readonly commonName: string | undefined;
  /**
   * Has the client itself make one TLS handshake with the address that stands in for `{host}` and `{port}`, for the name
   * `{serverName}`, trusting what it trusts now; its exit says nothing, what we see at that address does. `undefined`:
   * nobody can ask it, and somebody has to confirm by name what it trusts.
   */
  readonly handshake: { readonly command: readonly string[]; readonly deadlineMs: number } | undefined;
  /** Where it is seen with which certificate it makes its handshakes; `UsageSource.fingerprint` is not asked there. */
  readonly usage: readonly UsageSource[];
}

/** Certificates of what replicas are made from anew. */
export interface TemplateCertificates {
  readonly place: CertificatePlace;
  readonly names: readonly string[];
}

/** What kind of keys are made. */
export type KeyKind = 'P-256' | 'P-384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096';

/** Who issues the certificates that a rotation leads to. */
export type AuthoritySource =
  /** We make the next authority ourselves; its key is sealed in the vault. */
  | {
      readonly from: 'rotctl';
      readonly commonName: string;
      readonly key: KeyKind | undefined;
      /** Whole days of validity. */
      readonly authorityDays: number;
      readonly certificateDays: number;
    }
  /** Programs of the operator's. */
  | {
      readonly from: 'command';
      /** Prints the PEM bundle of the next authority's certificates, the roots that are to be trusted. */
      readonly trust: readonly string[];
      /**
       * Gets a CSR in PEM on stdin, prints the PEM chain, the issued certificate first. `{purpose}` is `client` or
       * `server`, `{name}` the party's name.
       */
      readonly issue: readonly string[];
      /** Kind of the keys that we make for parties that do not keep theirs. */
      readonly key: KeyKind | undefined;
      readonly pass: readonly string[];
      readonly deadlineMs: number;
    };
