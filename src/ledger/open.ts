import { hash } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';
import { decodeBytes } from './decode.ts';
import { type EncodedEntry, encodeEntry } from './encode.ts';
import type { Entry, EntryDraft, LedgerWriter } from './entry.ts';
import { EMPTY_HEAD, type Head, pathsOf, writeHead } from './head.ts';
import { type Inspection, inspectLedger, type TornTail } from './inspect.ts';
import type { AppendFile, LedgerPorts } from './ports.ts';
import { readWhole, refuseBroken } from './verify.ts';
import { orWriteFailed, writeFailed } from './write-failed.ts';

const NOT_DURABLE = 'ledger: could not be made durable';

/** A ledger that was verified whole and can be appended to. */
export interface OpenLedger extends LedgerWriter {
  /** The last entry's `seq` and `hash`. */
  readonly head: Head;
  /** Says that a torn tail was found and cut off on opening; `undefined` when there was none. */
  readonly torn: string | undefined;
  /** All entries, verified again and decoded. @throws RotctlError LEDGER_BROKEN. */
  entries(): Promise<readonly Entry[]>;
  /** The last entry, from one read of the tail. */
  lastEntry(): Promise<Entry | undefined>;
  /** Waits for appends under way; the ledger cannot be used after. */
  close(): Promise<void>;
}

/**
 * Opens the ledger at `path` for a command that changes something, and makes it (and first its head file) if it does not
 * exist. The caller must hold the fleet's lock: there is one writer.
 *
 * What a crash left is put right here, in an order that may itself be interrupted anywhere: a torn tail is copied
 * to `NAME.torn`, cut off, told of by a `checkpoint` entry `{ tornBytes, tornDigest }`, and only then forgotten; an entry
 * that the head file does not name yet is written once more before it is named, since its fsync may have failed.
 *
 * @throws RotctlError LEDGER_BROKEN when it does not verify, LEDGER_WRITE_FAILED when it cannot be put right or made.
 */
export async function openLedger(path: string, ports: LedgerPorts): Promise<OpenLedger> {
  const found = await inspectLedger(path, ports.disk);
  refuseBroken(path, found);
  return orWriteFailed(path, NOT_DURABLE, async () => {
    if (!found.exists) await makeLedger(path, ports);
    const file = await ports.disk.openAppend(path);
    try {
      const store = new LedgerStore(path, ports, file, found);
      await store.recover(found);
      return store;
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

/** The head comes first: from then on, a ledger without a head file is a ledger whose head file was removed. */
async function makeLedger(path: string, { disk }: LedgerPorts): Promise<void> {
  await disk.replace(pathsOf(path).head, writeHead(EMPTY_HEAD));
  await disk.create(path);
}

class LedgerStore implements OpenLedger {
  readonly torn: string | undefined;
  readonly #path: string;
  readonly #ports: LedgerPorts;
  readonly #file: AppendFile;
  #head: Head;
  #lastStart: number;
  #end: number;
  /** Bytes of a torn tail that no entry tells of yet, because there is no entry whose context it could take. */
  #untold: Buffer | undefined;
  #failure: RotctlError | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string, ports: LedgerPorts, file: AppendFile, found: Inspection) {
    this.#path = path;
    this.#ports = ports;
    this.#file = file;
    this.#head = found.head;
    this.#lastStart = found.lastStart;
    this.#end = found.end;
    this.torn = found.torn === undefined ? undefined : describeTorn(found.torn);
  }

  get head(): Head {
    return this.#head;
  }

  append(draft: EntryDraft): Promise<Entry> {
    return this.#inTurn(async () => {
      this.#refuseFailed();
      await this.#tellTorn(draft);
      return this.#write(draft);
    });
  }

  entries(): Promise<readonly Entry[]> {
    return this.#inTurn(() => readWhole(this.#path, this.#ports.disk));
  }

  lastEntry(): Promise<Entry | undefined> {
    return this.#inTurn(() => this.#last());
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#failure ??= new RotctlError('LEDGER_WRITE_FAILED', 'ledger: it was closed', { at: { file: this.#path } });
      await this.#file.close();
    });
  }

  /** Puts right what a crash left; called once, before anything else. */
  async recover(found: Inspection): Promise<void> {
    const paths = pathsOf(this.#path);
    const kept = await this.#ports.disk.readSmall(paths.torn);
    if (found.torn !== undefined) {
      // a tail kept from before was torn first; what is torn now is the checkpoint that was to tell of it
      if (kept === undefined) {
        await this.#ports.disk.replace(paths.torn, await this.#bytes(found.torn.offset, found.torn.bytes));
      }
      await this.#file.truncate(found.end);
      await this.#file.sync();
    }
    if (found.isAhead) {
      const last = await this.#bytes(this.#lastStart, this.#end - this.#lastStart);
      await this.#ports.disk.rewrite(this.#path, this.#lastStart, last);
      await this.#ports.disk.replace(paths.head, writeHead(this.#head));
    }
    const untold = await this.#ports.disk.readSmall(paths.torn);
    if (untold === undefined) return;
    this.#untold = Buffer.from(untold);
    const last = await this.#last();
    if (last !== undefined) await this.#tellTorn(last);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #refuseFailed(): void {
    if (this.#failure === undefined) return;
    const message = `ledger: nothing is appended after an earlier failure: ${this.#failure.message}`;
    throw new RotctlError('LEDGER_WRITE_FAILED', message, { at: { file: this.#path }, cause: this.#failure });
  }

  /** Writes the `checkpoint` that tells of a torn tail, unless the last entry already does. */
  async #tellTorn(context: EntryDraft): Promise<void> {
    if (this.#untold === undefined) return;
    const tornDigest = `sha256:${hash('sha256', this.#untold)}`;
    const last = await this.#last();
    if (last?.kind !== 'checkpoint' || last.data.tornDigest !== tornDigest) {
      const { rotation, fleet, runbook, phase } = context;
      const data = { tornBytes: this.#untold.length, tornDigest };
      await this.#write({ rotation, fleet, runbook, phase, step: null, kind: 'checkpoint', data });
    }
    await this.#guarded(() => this.#ports.disk.remove(pathsOf(this.#path).torn));
    this.#untold = undefined;
  }

  /** One entry: bytes, fsync, then the head file. Resolves when both are durable. */
  async #write(draft: EntryDraft): Promise<Entry> {
    const at = new Date(this.#ports.clock.now()).toISOString();
    const encoded = encodeEntry(draft, { seq: this.#head.seq + 1, at, prev: this.#head.hash });
    const entry = readBack(encoded);
    await this.#guarded(async () => {
      await this.#refuseMoved(this.#end);
      await this.#file.append(encoded.bytes);
      await this.#file.sync();
      await this.#refuseMoved(this.#end + encoded.bytes.length);
      await this.#ports.disk.replace(pathsOf(this.#path).head, writeHead(entry));
    });
    this.#lastStart = this.#end;
    this.#end += encoded.bytes.length;
    this.#head = { seq: entry.seq, hash: entry.hash };
    return entry;
  }

  async #refuseMoved(expected: number): Promise<void> {
    const size = await this.#file.size();
    if (size !== expected)
      throw new Error(`another writer: the file has ${size} bytes where ${expected} were expected`);
  }

  /** Runs a write; once one fails, what is on the disk is not known, and the ledger takes nothing more. */
  async #guarded(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#failure = writeFailed(this.#path, NOT_DURABLE, error);
      throw this.#failure;
    }
  }

  async #last(): Promise<Entry | undefined> {
    if (this.#head.seq === 0) return undefined;
    return decodeBytes(await this.#bytes(this.#lastStart, this.#end - this.#lastStart));
  }

  async #bytes(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    for (let filled = 0; filled < length; ) {
      const read = await this.#file.read(buffer.subarray(filled), position + filled);
      if (read === 0) throw new Error(`the ledger is shorter than it was: ${position + filled} bytes`);
      filled += read;
    }
    return buffer;
  }
}

/** What is about to be written must be readable again; anything else is a bug, found before it is on the disk. */
function readBack(encoded: EncodedEntry): Entry {
  try {
    return decodeBytes(Buffer.from(encoded.bytes));
  } catch (error) {
    throw new RotctlError('INTERNAL', 'ledger entry: what was encoded cannot be decoded', { cause: error });
  }
}

function describeTorn(torn: TornTail): string {
  return `torn tail: ${torn.bytes} bytes of entry ${torn.seq}, left by a crash in mid-write, were cut off`;
}
