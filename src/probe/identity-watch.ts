import type { Endpoint } from '../fleet/fleet.ts';

/** What an answer says of who gave it. */
export interface Showing {
  /** SHA-256 fingerprint of its certificate. */
  readonly peer?: string;
  /** What a header says of the process. */
  readonly instance?: string;
}

/** A replica that is not who it was. */
export interface IdentityChange {
  readonly replica: string;
  readonly what: 'certificate' | 'instance';
  readonly was: string;
  readonly is: string;
}

interface Known {
  readonly name: string;
  peer?: string;
  instance?: string;
  /** We have it load or restart: another process may answer. */
  restarting: boolean;
  /** Certificates that it may show, one after the other, because we change them. */
  ours?: readonly string[];
  /** We had it load or restart since: connections that were kept from before show the other one still. */
  loaded?: boolean;
}

/**
 * Watches who answers at each replica's address during an operation. Another process after a restart of ours is no change;
 * another certificate always is, unless it is one that we have it change to, and so is another process that nobody told us
 * of: what was proven was proven of the other.
 */
export class IdentityWatch {
  readonly #known = new Map<string, Known>();
  readonly #several: boolean;
  #changes: IdentityChange[] = [];

  /** @param several whether several processes behind one address are known and accepted: then only certificates are watched */
  constructor(replicas: readonly (Endpoint & { readonly name: string })[], several: boolean) {
    this.#several = several;
    for (const { name, url } of replicas) this.#known.set(url.host, { name, restarting: false });
  }

  /** Begins anew: who answers next is who it is. @param certificates those that replicas are known by already, by name */
  begin(certificates: Readonly<Record<string, string>> = {}): void {
    this.#changes = [];
    for (const [host, { name }] of this.#known) {
      const peer = certificates[name];
      this.#known.set(host, { name, restarting: false, ...(peer === undefined ? {} : { peer }) });
    }
  }

  /** An answer came from an address. */
  saw({ url }: Endpoint, { peer, instance }: Showing): void {
    const known = this.#known.get(url.host);
    if (known === undefined) return;
    if (peer !== undefined) {
      const was = known.peer ?? known.ours?.[0];
      if (was !== undefined && was !== peer && !isOurs(known, peer)) this.#note(known.name, 'certificate', was, peer);
      known.peer = peer;
    }
    if (instance === undefined || this.#several) return;
    if (known.instance !== undefined && known.instance !== instance && !known.restarting) {
      this.#note(known.name, 'instance', known.instance, instance);
    }
    known.instance = instance;
  }

  /**
   * We change certificates: each replica shows one of these, whichever it is now, and another of them only once we have had
   * it load or restart.
   */
  rotates(certificates: ReadonlyMap<string, readonly string[]>): void {
    for (const known of this.#known.values()) {
      const ours = certificates.get(known.name);
      if (ours === undefined) continue;
      known.ours = ours;
      known.loaded = false;
      delete known.peer;
    }
  }

  /** We have these replicas load or restart, until `settled`. */
  loading(names: readonly string[]): void {
    for (const known of this.#known.values()) {
      if (!names.includes(known.name)) continue;
      known.restarting = true;
      known.loaded = true;
    }
  }

  settled(): void {
    for (const known of this.#known.values()) known.restarting = false;
  }

  /** The changes that were seen since the last call. */
  take(): readonly IdentityChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Certificates by replica, as far as they were seen. */
  certificates(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.#known.values()].flatMap(({ name, peer }) => (peer === undefined ? [] : [[name, peer]])),
    );
  }

  #note(replica: string, what: IdentityChange['what'], was: string, is: string): void {
    this.#changes.push({ replica, what, was, is });
  }
}

function isOurs({ ours = [], peer: before, loaded = false }: Known, peer: string): boolean {
  return ours.includes(peer) && (before === undefined || loaded);
}
