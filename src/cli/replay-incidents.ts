import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { ledgerPath } from './load.ts';
import type { Look } from './look.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';

/** Whose incidents they are. */
type Author = Pick<Look, 'fleet' | 'runId'> & { readonly command: string };

/**
 * Incidents that a command meets while somebody else may hold the fleet's lock, such as the rotation that it watches: told
 * at once, and written as soon as the lock is free.
 */
export class IncidentBook {
  readonly #platform: Platform;
  readonly #flags: GlobalFlags;
  readonly #author: Author;
  #waiting: { readonly [key: string]: LedgerValue }[] = [];

  constructor(platform: Platform, flags: GlobalFlags, author: Author) {
    this.#platform = platform;
    this.#flags = flags;
    this.#author = author;
  }

  /** Tells an auth-severity incident, and writes it now or later. @param times since when, and until when it lasted */
  async record(what: string, times: { readonly began: string; readonly ended?: string }): Promise<void> {
    const until = times.ended === undefined ? `since ${times.began}` : `${times.began} to ${times.ended}`;
    this.#platform.stderr.write(`INCIDENT auth-severity: ${escapeForeign(what, 400)} (${until})\n`);
    this.#waiting.push({ severity: 'auth', what, ...times });
    await this.flush();
  }

  /** Writes what waits. @returns why not, when it could not be written */
  async flush(): Promise<string | undefined> {
    const { fleet, runId, command } = this.#author;
    const ledger = ledgerPath(this.#flags, fleet.file);
    const head = { rotation: `run-${runId}`, fleet: fleet.name, runbook: command };
    const tools: Parameters<typeof noteInLedger>[0] = {
      lock: () => this.#platform.lock(`${ledger}.lock`, { runId, command }),
      openLedger: () => this.#platform.openLedger(ledger),
    };
    for (let [data] = this.#waiting; data !== undefined; [data] = this.#waiting) {
      try {
        await noteInLedger(tools, head, 'incident', data);
      } catch (error) {
        if (!(error instanceof RotctlError)) throw error;
        return error.message;
      }
      this.#waiting = this.#waiting.slice(1);
    }
    return undefined;
  }

  /** The last try; says what is not in the ledger. */
  async close(): Promise<void> {
    const why = await this.flush();
    if (why === undefined) return;
    this.#platform.stderr.write(
      `${this.#waiting.length} incidents are not in the ledger: ${escapeForeign(why, 300)}\n`,
    );
  }
}
