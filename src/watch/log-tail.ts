import { RotctlError } from '../errors/rotctl-error.ts';
import type { LogFiles, LogPiece } from './ports.ts';

/** What was appended to a log since the last look: whole lines, or why they cannot be told. */
export type Appended =
  | {
      readonly read: true;
      readonly lines: readonly string[];
      /** Why the file was read from its beginning: what came before that, after the last look, was not seen. */
      readonly anew: string | undefined;
    }
  | {
      readonly read: false;
      readonly reason: string;
      /** Whether lines were passed over for good; else the next look begins where this one would have. */
      readonly lost: boolean;
    };

/** Tells lines as they are appended, from a file or from what a command prints. */
export interface LineFeed {
  /** The next look tells what is appended from now on. */
  begin(): Promise<void>;
  /** What was appended since the last look that could read. */
  next(): Promise<Appended>;
}

/** The longest piece that one look reads. */
export const MAX_APPENDED_BYTES = 8 * 1024 * 1024;
/** So much before the place is compared: a file that was emptied and has grown past the place is found by it. */
const TRACE_BYTES = 256;
const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);

/** Where the next look begins. `identity` is missing while there is no file. */
interface Place {
  readonly identity: string | undefined;
  readonly at: number;
  /** What stands right before it. */
  readonly trace: Uint8Array;
}

/**
 * Follows one log file by a byte offset. A file that was renamed and begun anew is read to its end first, where it lies
 * beside the new one; one that was copied and emptied too, but what was written between the two is lost. What is
 * unreadable is a reason; anything but a `RotctlError` is thrown on.
 */
export class LogTail implements LineFeed {
  readonly #path: string;
  readonly #files: LogFiles;
  #place: Place | { readonly trouble: string } = { trouble: 'nobody has begun to watch it' };

  constructor(path: string, files: LogFiles) {
    this.#path = path;
    this.#files = files;
  }

  /** The next look tells what is appended from now on; of a file that is not there yet, all. */
  async begin(): Promise<void> {
    this.#place = await told(() => this.#end());
  }

  /** What was appended since the last look that could read the file. A last line without its end is left for the next. */
  async next(): Promise<Appended> {
    const place = this.#place;
    if ('trouble' in place) {
      await this.begin();
      return { read: false, reason: `at the look before: ${place.trouble}`, lost: true };
    }
    const found = await told(() => this.#from(place));
    if ('trouble' in found) return { read: false, reason: found.trouble, lost: false };
    const { piece, start, anew, rest } = found;
    const appended = piece.size - start.at + rest.length;
    if (appended > MAX_APPENDED_BYTES) {
      await this.begin();
      const limit = `more than the ${MAX_APPENDED_BYTES} that one look reads`;
      return { read: false, reason: `${appended} bytes were appended since the last look, ${limit}`, lost: true };
    }
    const fresh = piece.bytes.subarray(start.trace.length);
    const whole = fresh.lastIndexOf(NEWLINE) + 1;
    const trace = Uint8Array.from(piece.bytes.subarray(0, start.trace.length + whole).subarray(-TRACE_BYTES));
    this.#place = { identity: piece.identity, at: start.at + whole, trace };
    const lines = [...linesIn(rest), ...linesIn(fresh.subarray(0, whole))];
    return { read: true, lines, anew };
  }

  async #end(): Promise<Place> {
    const now = await this.#files.read(this.#path, 0, 0);
    if (now === undefined) return { identity: undefined, at: 0, trace: NOTHING };
    const from = Math.max(0, now.size - TRACE_BYTES);
    const piece = await this.#files.read(this.#path, from, now.size - from);
    if (piece === undefined) return { identity: undefined, at: 0, trace: NOTHING };
    return { identity: piece.identity, at: from + piece.bytes.length, trace: piece.bytes };
  }

  /** What stands from the place on, its trace included; of a file that was rotated its rest, and the new one from its beginning. */
  async #from(place: Place): Promise<Found> {
    const piece = await this.#read(place);
    const why = whyAnew(place, piece);
    if (why === undefined) return { piece, start: place, anew: undefined, rest: NOTHING };
    const start: Place = { identity: undefined, at: 0, trace: NOTHING };
    const rotated = await this.#rotated(place);
    const wasRenamed = rotated !== undefined && rotated.identity === place.identity;
    const rest = rotated === undefined ? NOTHING : rotated.bytes.subarray(place.trace.length);
    return { piece: await this.#read(start), start, anew: wasRenamed ? undefined : why, rest };
  }

  /** The file of the place under its new name, or a copy of it: from the place on, its trace included. */
  async #rotated({ identity, at, trace }: Place): Promise<LogPiece | undefined> {
    if (identity === undefined || trace.length === 0) return undefined;
    let copy: LogPiece | undefined;
    for (const path of await this.#files.beside(this.#path)) {
      const piece = await this.#files.read(path, at - trace.length, trace.length + MAX_APPENDED_BYTES);
      if (piece === undefined || !continues({ at, trace }, piece)) continue;
      if (piece.identity === identity) return piece;
      copy = piece;
    }
    return copy;
  }

  async #read({ at, trace }: Place): Promise<LogPiece> {
    const piece = await this.#files.read(this.#path, at - trace.length, trace.length + MAX_APPENDED_BYTES);
    if (piece === undefined) throw new RotctlError('INPUT_UNREADABLE', 'file: there is no such file');
    return piece;
  }
}

function whyAnew({ identity, at, trace }: Place, piece: LogPiece): string | undefined {
  if (identity !== undefined && piece.identity !== identity) return 'the file was replaced by another';
  if (piece.size < at) return `the file shrank from ${at} to ${piece.size} bytes`;
  return continues({ at, trace }, piece) ? undefined : 'the file was written anew';
}

/** Whether a file has at a place what stood there. */
function continues({ at, trace }: Pick<Place, 'at' | 'trace'>, { size, bytes }: LogPiece): boolean {
  return size >= at && trace.every((byte, index) => bytes[index] === byte);
}

/** What was found from a place on. */
interface Found {
  readonly piece: LogPiece;
  readonly start: Place;
  readonly anew: string | undefined;
  /** Of a rotated file, what came after the place. */
  readonly rest: Uint8Array;
}

/** The lines in some bytes; a last one without its end counts, for it will get none. */
function linesIn(bytes: Uint8Array): string[] {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

async function told<T>(read: () => Promise<T>): Promise<T | { readonly trouble: string }> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RotctlError) return { trouble: error.message };
    throw error;
  }
}
