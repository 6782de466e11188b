import type { MessagePort } from 'node:worker_threads';
import type { KeyHolder } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';

/** What the thread asks of the main thread: a MAC by the holder of a key that only the main thread can reach. */
export interface MacWanted {
  readonly say: 'mac-wanted';
  readonly of: number;
  readonly fingerprint: string;
  readonly message: Uint8Array;
}

/** The main thread's answer: the MAC, or why there is none. */
export type MacMade = { readonly made: number } & ({ readonly mac: Uint8Array } | { readonly failed: string });

/** In the thread: holders of keys whose MACs the main thread gets. */
export class DistantHolders {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve(mac: Uint8Array): void; reject(error: Error): void }>();
  #next = 1;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** The holder of the key with this fingerprint. */
  holderOf(fingerprint: string): KeyHolder {
    return {
      mac: (message) =>
        new Promise((resolve, reject) => {
          const of = this.#next++;
          this.#waiting.set(of, { resolve, reject });
          this.#port.postMessage({ say: 'mac-wanted', of, fingerprint, message } satisfies MacWanted);
        }),
    };
  }

  /** Takes the main thread's answer. */
  take(made: MacMade): void {
    const waiting = this.#waiting.get(made.made);
    this.#waiting.delete(made.made);
    if ('mac' in made) waiting?.resolve(made.mac);
    else waiting?.reject(new RotctlError('SECRET_UNAVAILABLE', made.failed));
  }
}
