import { hash } from 'node:crypto';
import { escapeForeign } from '../errors/escape.ts';
import { isKind } from './decode.ts';
import { MAX_ENTRY_BYTES, ZERO_HASH } from './encode.ts';
import type { ReadableFile } from './ports.ts';

const MARKER = '---\n';
const NEXT_MARKER = Buffer.from('\n---\n');
const HASH_LINE = Buffer.from('\nhash: sha256:');
const KIND_LINE = Buffer.from('\nkind: ');
const HEX_LENGTH = 64;
/** From the newline before `hash:` to the newline after it. */
const HASH_LINE_LENGTH = HASH_LINE.length + HEX_LENGTH + 1;
const PREV_LINE_LENGTH = 'prev: sha256:'.length + HEX_LENGTH + 1;
const FIRST_WINDOW_BYTES = 128 * 1024;
const LARGEST_WINDOW_BYTES = 2 * MAX_ENTRY_BYTES;
const AT_START = 'at: "'.length;
const AT_LENGTH = 24;
const MAX_FLAWS = 100;
const LONGEST_KIND = 40;

/** Something that does not verify, and where in the file, in bytes. */
export interface Flaw {
  readonly offset: number;
  readonly seq?: number;
  readonly what: string;
}

/** One document that verifies. `bytes` is only good until the visitor returns. */
export interface Link {
  readonly seq: number;
  readonly hash: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What a scan found. */
export interface Scan {
  /** The last document that stands whole; 0 and `ZERO_HASH` without any. */
  readonly seq: number;
  readonly hash: string;
  /** Where that document begins and ends, in bytes; both 0 without any. */
  readonly lastStart: number;
  readonly end: number;
  /** Bytes after the last whole document that look like the beginning of the next one. */
  readonly torn: number;
  readonly flaws: readonly Flaw[];
  /** Entries that were written at an earlier time than the one before: the clock was set back. */
  readonly clockBack: readonly number[];
}

/**
 * Verifies the chain over bytes, parsing nothing: each document begins with `---` and the next `seq`, names the hash of
 * the one before, is of a known kind and hashes to its last line. Reads the file once, in windows that
 * grow to 2 MiB when an entry needs it.
 *
 * @param visit is called for each document, in order, as long as nothing was wrong before it.
 */
export async function scanChain(file: ReadableFile, visit?: (link: Link) => void): Promise<Scan> {
  const walk = new ChainWalk(visit);
  let window = Buffer.allocUnsafe(FIRST_WINDOW_BYTES);
  let base = 0;
  let length = 0;
  for (;;) {
    if (length === window.length) window = enlarged(window);
    const read = await file.read(window.subarray(length), base + length);
    length += read;
    const used = walk.consume(window.subarray(0, length), base, read === 0);
    if (read === 0 || walk.isOver) return walk.result();
    window.copyWithin(0, used, length);
    base += used;
    length -= used;
  }
}

/** A larger window with the same bytes. The largest never fills up: an entry of half its size is too long already. */
function enlarged(window: Buffer): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.min(2 * window.length, LARGEST_WINDOW_BYTES));
  window.copy(larger);
  return larger;
}

/** The state of a scan between two windows. */
class ChainWalk {
  readonly #visit: ((link: Link) => void) | undefined;
  readonly #flaws: Flaw[] = [];
  readonly #clockBack: number[] = [];
  #seq = 0;
  #hex = ZERO_HASH.slice(-HEX_LENGTH);
  #at = '';
  #lastStart = 0;
  #end = 0;
  #torn = 0;

  constructor(visit: ((link: Link) => void) | undefined) {
    this.#visit = visit;
  }

  get isOver(): boolean {
    return this.#flaws.length >= MAX_FLAWS;
  }

  result(): Scan {
    return {
      seq: this.#seq,
      hash: `sha256:${this.#hex}`,
      lastStart: this.#lastStart,
      end: this.#end,
      torn: this.#torn,
      flaws: this.#flaws,
      clockBack: this.#clockBack,
    };
  }

  /** Takes the documents that stand whole in `window`, whose first byte is at `base` of the file; returns the bytes used. */
  consume(window: Buffer, base: number, isEnd: boolean): number {
    let start = 0;
    while (start < window.length && !this.isOver) {
      const hashLine = window.indexOf(HASH_LINE, start);
      const next = hashLine + HASH_LINE_LENGTH;
      const isWhole = hashLine !== -1 && next <= window.length;
      if (!isWhole && !isEnd && window.length - start < MAX_ENTRY_BYTES) return start;
      if (!isWhole || next - start > MAX_ENTRY_BYTES || !this.#link(window, start, hashLine, base)) {
        start = this.#stumble(window, start, isWhole ? hashLine : undefined, base, isEnd);
      } else {
        start = next;
      }
    }
    return start;
  }

  /** Checks one document, the fast way; on `false` nothing was changed. */
  #link(window: Buffer, start: number, hashLine: number, base: number): boolean {
    const next = hashLine + HASH_LINE_LENGTH;
    const head = `${MARKER}seq: ${this.#seq + 1}\n`;
    const atStart = start + head.length;
    if (window.toString('latin1', start, atStart) !== head) return false;
    const prevStart = hashLine + 1 - PREV_LINE_LENGTH;
    if (window.toString('latin1', prevStart, hashLine + 1) !== `prev: sha256:${this.#hex}\n`) return false;
    const hex = hash('sha256', window.subarray(start, hashLine + 1));
    if (window.toString('latin1', hashLine + HASH_LINE.length, next) !== `${hex}\n`) return false;
    if (!isKind(kindOf(window, start, hashLine))) return false;
    this.#accept(
      hex,
      window.toString('latin1', atStart + AT_START, atStart + AT_START + AT_LENGTH),
      base + start,
      base + next,
    );
    if (this.#flaws.length === 0 && this.#visit !== undefined) {
      const link = { seq: this.#seq, hash: `sha256:${hex}`, offset: base + start, bytes: window.subarray(start, next) };
      this.#visit(link);
    }
    return true;
  }

  #accept(hex: string, at: string, start: number, end: number): void {
    this.#seq += 1;
    this.#hex = hex;
    if (at < this.#at) this.#clockBack.push(this.#seq);
    this.#at = at;
    this.#lastStart = start;
    this.#end = end;
  }

  /** Says what is wrong at `start` and returns where to go on: the next marker, or the end of the window. */
  #stumble(window: Buffer, start: number, hashLine: number | undefined, base: number, isEnd: boolean): number {
    const marker = window.indexOf(NEXT_MARKER, start + 1);
    const limit = marker === -1 ? window.length : marker + 1;
    const isOwnHash = hashLine !== undefined && hashLine + HASH_LINE_LENGTH <= limit;
    if (isOwnHash) return this.#misfit(window, start, hashLine, base);
    const rest = window.subarray(start, limit);
    if (isEnd && limit === window.length && looksTorn(rest, this.#seq + 1)) {
      this.#torn = rest.length;
      return limit;
    }
    const stated = seqOf(rest);
    this.#flaws.push({ offset: base + start, ...stated, what: noHash(rest) });
    this.#seq = stated.seq ?? this.#seq;
    return limit;
  }

  /** A whole document that does not fit: says why, and goes on from what it states of itself. */
  #misfit(window: Buffer, start: number, hashLine: number, base: number): number {
    const next = hashLine + HASH_LINE_LENGTH;
    const document = window.subarray(start, next);
    for (const what of this.#misfits(document, hashLine - start)) {
      this.#flaws.push({ offset: base + start, ...seqOf(document), what });
    }
    this.#seq = seqOf(document).seq ?? this.#seq + 1;
    this.#hex = window.toString('latin1', hashLine + HASH_LINE.length, next - 1);
    this.#lastStart = base + start;
    this.#end = base + next;
    return next;
  }

  #misfits(document: Buffer, hashLine: number): string[] {
    const found: string[] = [];
    const { seq } = seqOf(document);
    const stated = document.toString('latin1', hashLine + HASH_LINE.length);
    const prev = document.toString('latin1', hashLine + 1 - PREV_LINE_LENGTH, hashLine + 1);
    if (document.length > MAX_ENTRY_BYTES) found.push(`longer than ${MAX_ENTRY_BYTES} bytes`);
    if (seq === undefined) found.push('does not begin with "---" and its seq');
    else if (seq !== this.#seq + 1) found.push(`seq ${seq} where ${this.#seq + 1} was expected`);
    if (stated !== `${hash('sha256', document.subarray(0, hashLine + 1))}\n`)
      found.push('its bytes do not have its hash');
    if (prev !== `prev: sha256:${this.#hex}\n`) found.push('its prev is not the hash of the entry before');
    const kind = kindOf(document, 0, hashLine);
    if (!isKind(kind)) found.push(`kind: this version knows no "${escapeForeign(kind, LONGEST_KIND)}"`);
    return found;
  }
}

function kindOf(window: Buffer, start: number, hashLine: number): string {
  const from = window.indexOf(KIND_LINE, start) + KIND_LINE.length;
  if (from < KIND_LINE.length || from > hashLine) return '';
  const end = window.indexOf('\n', from);
  return window.toString('latin1', from, Math.min(end, from + LONGEST_KIND));
}

function seqOf(document: Buffer): { readonly seq?: number } {
  const [, digits] = /^---\nseq: ([1-9][0-9]{0,14})\n/.exec(document.toString('latin1', 0, 40)) ?? [];
  return digits === undefined ? {} : { seq: Number(digits) };
}

function noHash(rest: Buffer): string {
  if (rest.length >= MAX_ENTRY_BYTES) return `no hash line within ${MAX_ENTRY_BYTES} bytes`;
  return rest.toString('latin1', 0, MARKER.length) === MARKER
    ? 'no hash line at its end'
    : 'bytes that belong to no entry';
}

/**
 * Whether the bytes after the last whole document are what a crash leaves of writing entry `seq`: the beginning of that
 * entry, all text, and no more of a hash line than a part.
 */
function looksTorn(rest: Buffer, seq: number): boolean {
  const head = `${MARKER}seq: ${seq}\nat: "`;
  const shown = rest.toString('latin1', 0, head.length);
  if (shown !== head.slice(0, shown.length)) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character is what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(rest.toString('latin1'))) return false;
  const hashLine = rest.indexOf(HASH_LINE);
  return hashLine === -1 || /^[0-9a-f]{0,64}$/.test(rest.toString('latin1', hashLine + HASH_LINE.length));
}
