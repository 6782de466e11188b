import { MAX_DEPTH, MAX_KEY_BYTES } from './encode.ts';
import { CHARACTER_CLASS, hasUnprintable, isReserved, PLAIN_FIRST, PLAIN_INNER } from './scalar.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const DASH = 0x2d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;
const LETTER_U = 0x75;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:e[+-][0-9]+)?)?$/;
const ZERO = 0x30;
const NINE = 0x39;
/** Integers of up to this many digits are numbers whatever the digits, unless the first is zero. */
const SHORT_NUMBER = 15;
const LONGEST_RESERVED = 5;
const SHORT_ONLY = 1;
const ANY_LENGTH = 2;
/** First letters of the words that `isReserved` knows, and whether such a word may be long. */
const RESERVED_FIRST = new Uint8Array(256);
for (const letter of 'fnotyFNOTY') RESERVED_FIRST[letter.charCodeAt(0)] = SHORT_ONLY;
for (const letter of 'eE') RESERVED_FIRST[letter.charCodeAt(0)] = ANY_LENGTH;
const DEEPEST_INDENT = 2 * MAX_DEPTH;
/** JSON needs at most this many bytes for one of YAML: `- ` becomes `[` and `]`, `a` becomes `"a",`. */
const GROWTH = 4;

/** Thrown for text outside the subset; `decodeEntry` turns it into a `RotctlError` with a position. */
export class SubsetError extends Error {
  /** Index into the document's bytes. */
  readonly index: number;

  constructor(message: string, index: number) {
    super(message);
    this.name = 'SubsetError';
    this.index = index;
  }
}

/** A document as JSON text, and how many keys it writes: `JSON.parse` lets a key that stands twice pass, the count does not. */
export interface Transcoded {
  readonly json: string;
  readonly keys: number;
  /** Whether every byte is ASCII. */
  readonly isAscii: boolean;
}

/** One buffer for all documents, used only between the start and the end of `transcode`. */
let scratch = Buffer.alloc(16 * 1024);

/**
 * Rewrites a document of the ledger's strict subset of YAML (`---`, block mappings and lists indented by two, scalars
 * on one line) as JSON, byte by byte, for the platform's own fast reader. What it accepts reads to the same value in
 * every YAML parser; anything else throws `SubsetError`. Bytes must be UTF-8.
 */
export function transcode(document: Uint8Array): Transcoded {
  if (scratch.length < document.length * GROWTH) scratch = Buffer.alloc(document.length * GROWTH);
  const transcoder = new Transcoder(document, scratch);
  transcoder.document();
  const { keys, isAscii, length } = transcoder;
  return { json: scratch.toString(isAscii ? 'latin1' : 'utf8', 0, length), keys, isAscii };
}

class Transcoder {
  readonly #in: Uint8Array;
  readonly #out: Uint8Array;
  #at = 0;
  length = 0;
  keys = 0;
  isAscii = true;

  constructor(input: Uint8Array, output: Uint8Array) {
    this.#in = input;
    this.#out = output;
  }

  document(): void {
    for (const code of [DASH, DASH, DASH, NEWLINE]) this.#expect(code, 'expected "---"');
    this.#mapping(0);
    if (this.#at !== this.#in.length) this.#fail('expected the end of the entry, or another indent');
  }

  #fail(rule: string): never {
    throw new SubsetError(rule, this.#at);
  }

  #expect(code: number, rule: string): void {
    if (this.#in[this.#at] !== code) this.#fail(rule);
    this.#at += 1;
  }

  #emit(code: number): void {
    this.#out[this.length] = code;
    this.length += 1;
  }

  #mapping(indent: number): void {
    if (indent > DEEPEST_INDENT) this.#fail(`nested deeper than ${MAX_DEPTH}`);
    this.#emit(OPEN_MAP);
    for (;;) {
      this.#key();
      this.#expect(COLON, 'expected ":" after the key');
      this.#emit(COLON);
      this.keys += 1;
      this.#value(indent + 2);
      if (!this.#isIndented(indent)) break;
      this.#at += indent;
      this.#emit(COMMA);
    }
    this.#emit(CLOSE_MAP);
  }

  #list(indent: number): void {
    if (indent > DEEPEST_INDENT) this.#fail(`nested deeper than ${MAX_DEPTH}`);
    this.#emit(OPEN_LIST);
    for (;;) {
      if (!this.#startsItem()) this.#fail('expected "- "');
      this.#at += 2;
      this.#item(indent + 2);
      if (!this.#isIndented(indent)) break;
      this.#at += indent;
      this.#emit(COMMA);
    }
    this.#emit(CLOSE_LIST);
  }

  /** What follows `key:`: a scalar up to the end of the line, or a block on the next lines. */
  #value(indent: number): void {
    if (this.#in[this.#at] !== NEWLINE) {
      this.#expect(SPACE, 'expected a space after ":"');
      this.#scalarLine();
      return;
    }
    this.#at += 1;
    if (!this.#isIndented(indent)) this.#fail(`expected a block indented by ${indent}`);
    this.#at += indent;
    if (this.#startsItem()) this.#list(indent);
    else this.#mapping(indent);
  }

  /** What follows `- `: a nested list, a mapping whose first key stands here, or a scalar. */
  #item(indent: number): void {
    if (this.#startsItem()) {
      this.#list(indent);
      return;
    }
    const { length, isAscii } = this;
    const from = this.#at;
    const isText = this.#text();
    const isKey = isText && this.#in[this.#at] === COLON;
    this.#at = from;
    this.length = length;
    this.isAscii = isAscii;
    if (isKey) this.#mapping(indent);
    else this.#scalarLine();
  }

  #startsItem(): boolean {
    return this.#in[this.#at] === DASH && this.#in[this.#at + 1] === SPACE;
  }

  /** Whether a line begins here, and with exactly `indent` spaces. */
  #isIndented(indent: number): boolean {
    const end = this.#at + indent;
    if (end >= this.#in.length) return false;
    for (let at = this.#at; at < end; at += 1) if (this.#in[at] !== SPACE) return false;
    return this.#in[end] !== SPACE;
  }

  #key(): void {
    const from = this.#at;
    if (!this.#text()) this.#fail('expected a key');
    if (this.#at - from > MAX_KEY_BYTES) this.#fail(`a key of over ${MAX_KEY_BYTES} bytes, which YAML does not allow`);
    if (this.#in[from] !== QUOTE && this.#isReservedFrom(from)) this.#fail('this word must be quoted');
  }

  #scalarLine(): void {
    this.#scalar();
    this.#expect(NEWLINE, 'expected the end of the line');
  }

  #scalar(): void {
    const from = this.#at;
    const mark = this.length;
    if (this.#text()) {
      if (this.#in[from] !== QUOTE && this.#isReservedFrom(from)) this.#keyword(from, mark);
      return;
    }
    const code = this.#in[from];
    if (code === OPEN_MAP) this.#empty(OPEN_MAP, CLOSE_MAP);
    else if (code === OPEN_LIST) this.#empty(OPEN_LIST, CLOSE_LIST);
    else this.#number();
  }

  #empty(open: number, close: number): void {
    this.#at += 1;
    this.#expect(close, 'expected an empty list or mapping, a block, or quotes');
    this.#emit(open);
    this.#emit(close);
  }

  /** Copies a string, plain or quoted, as a JSON string; `false`, and nothing done, when none begins here. */
  #text(): boolean {
    const first = this.#in[this.#at] ?? 0;
    if (first === QUOTE) this.#quoted();
    else if (((CHARACTER_CLASS[first] ?? 0) & PLAIN_FIRST) !== 0) this.#plain();
    else return false;
    return true;
  }

  /** The rule of `endOfPlain`, over bytes. */
  #plain(): void {
    const input = this.#in;
    const output = this.#out;
    const classes = CHARACTER_CLASS;
    let at = this.#at;
    let length = this.length;
    output[length++] = QUOTE;
    for (;;) {
      const code = input[at] ?? 0;
      const isInner = ((classes[code] ?? 0) & PLAIN_INNER) !== 0;
      if (!isInner && !((code === SPACE || code === COLON) && this.#isInner(at + 1))) break;
      output[length++] = code;
      at += 1;
    }
    output[length++] = QUOTE;
    this.#at = at;
    this.length = length;
  }

  #isInner(at: number): boolean {
    return ((CHARACTER_CLASS[this.#in[at] ?? 0] ?? 0) & PLAIN_INNER) !== 0;
  }

  /** Looks at the first letter before it makes a string: most words are told by that. */
  #isReservedFrom(from: number): boolean {
    const mark = RESERVED_FIRST[this.#in[from] ?? 0] ?? 0;
    if (mark === 0 || (mark === ANY_LENGTH ? this.#isLetter(from + 1) : this.#at - from > LONGEST_RESERVED))
      return false;
    return isReserved(this.#slice(from, this.#at));
  }

  #isLetter(at: number): boolean {
    return ((CHARACTER_CLASS[this.#in[at] ?? 0] ?? 0) & PLAIN_FIRST) !== 0 && this.#in[at] !== UNDERSCORE;
  }

  /** `null`, `true` and `false` in this very spelling are values; other words that mean something are refused. */
  #keyword(from: number, mark: number): void {
    const word = this.#slice(from, this.#at);
    if (word !== 'null' && word !== 'true' && word !== 'false') this.#fail('this word must be quoted');
    this.length = mark;
    for (let at = from; at < this.#at; at += 1) this.#emit(this.#in[at] ?? 0);
  }

  #number(): void {
    const from = this.#at;
    let end = from;
    let isDigits = true;
    for (let code = this.#in[end]; code !== undefined && code !== NEWLINE; code = this.#in[end]) {
      this.#emit(code);
      if (code < ZERO || code > NINE) isDigits = false;
      end += 1;
    }
    if (!isDigits || this.#in[from] === ZERO || end === from || end - from > SHORT_NUMBER) this.#judgeNumber(from, end);
    this.#at = end;
  }

  #judgeNumber(from: number, end: number): void {
    const text = this.#slice(from, end);
    if (!NUMBER.test(text)) this.#fail('expected a value');
    if (!Number.isFinite(Number(text))) this.#fail('expected a finite number');
  }

  /** JSON and YAML agree on these escapes; the loop lets no other pass. */
  #quoted(): void {
    const from = this.#at;
    const input = this.#in;
    let isAscii = true;
    this.#emit(QUOTE);
    for (this.#at += 1; ; this.#at += 1) {
      const code = input[this.#at] ?? NEWLINE;
      if (code < SPACE) this.#fail('the quoted text does not end on its line, or holds a raw control character');
      this.#emit(code);
      if (code === QUOTE) break;
      if (code === BACKSLASH) this.#escape();
      else if (code > 0x7e) isAscii = false;
    }
    this.#at += 1;
    if (isAscii) return;
    this.isAscii = false;
    if (hasUnprintable(this.#slice(from, this.#at))) this.#fail('a character that must be escaped stands raw');
  }

  #escape(): void {
    this.#at += 1;
    const code = this.#in[this.#at] ?? 0;
    this.#emit(code);
    if (code !== LETTER_U) {
      if (!'"\\/bfnrt'.includes(String.fromCharCode(code))) this.#fail('an escape that JSON does not have');
      return;
    }
    const hex = this.#slice(this.#at + 1, this.#at + 5);
    if (!/^[0-9a-f]{4}$/.test(hex)) this.#fail('expected four hex digits in lower case');
    if (/^d[89a-f]/.test(hex)) this.#fail('an escaped surrogate, which parsers do not agree on');
    for (let digit = 0; digit < 4; digit += 1) {
      this.#at += 1;
      this.#emit(this.#in[this.#at] ?? 0);
    }
  }

  #slice(from: number, end: number): string {
    return Buffer.from(this.#in.buffer, this.#in.byteOffset + from, end - from).toString('utf8');
  }
}
