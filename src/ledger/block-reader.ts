import { MAX_DEPTH } from './encode.ts';
import type { LedgerValue } from './entry.ts';
import { endOfPlain, hasUnprintable, isReserved } from './scalar.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:e[+-][0-9]+)?)?(?=\n)/y;
const DEEPEST_INDENT = 2 * MAX_DEPTH;

/** Thrown inside the codec for text outside the subset; `decodeEntry` turns it into a `RotctlError` with a position. */
export class SubsetError extends Error {
  /** Index into the text. */
  readonly index: number;

  constructor(message: string, index: number) {
    super(message);
    this.name = 'SubsetError';
    this.index = index;
  }
}

/**
 * Reads the ledger's strict subset of YAML: block mappings and lists indented by two, one-line scalars. What it accepts
 * is what the writer could have written, or reads to the same value in every parser; anything else throws `SubsetError`.
 */
export class BlockReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  /** Index of what comes next. */
  get at(): number {
    return this.#at;
  }

  /** Steps over exactly `literal`. */
  expect(literal: string): void {
    if (!this.#text.startsWith(literal, this.#at)) this.fail(`expected ${JSON.stringify(literal)}`);
    this.#at += literal.length;
  }

  /** Steps over the next `length` characters and returns them. */
  take(length: number): string {
    const taken = this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** What follows `key:`, at the depth of that key: a scalar up to the end of the line, or an indented block. */
  value(keyIndent: number): LedgerValue {
    if (this.#code() !== NEWLINE) {
      this.expect(' ');
      return this.scalarLine();
    }
    this.#at += 1;
    const indent = keyIndent + 2;
    if (!this.#isIndented(indent)) this.fail(`expected a block indented by ${indent}`);
    this.#at += indent;
    return this.#startsItem() ? this.#list(indent) : this.#mapping(indent);
  }

  /** A scalar and the end of its line. */
  scalarLine(): LedgerValue {
    const value = this.#scalar();
    if (this.#code() !== NEWLINE) this.fail('expected the end of the line');
    this.#at += 1;
    return value;
  }

  fail(rule: string): never {
    throw new SubsetError(rule, this.#at);
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #mapping(indent: number): LedgerValue {
    if (indent > DEEPEST_INDENT) this.fail(`nested deeper than ${MAX_DEPTH}`);
    const map: Record<string, LedgerValue> = {};
    for (;;) {
      const key = this.#string();
      if (this.#code() !== COLON) this.fail('expected ":" after the key');
      if (Object.hasOwn(map, key)) this.fail('this key stands twice');
      this.#at += 1;
      const value = this.value(indent);
      if (key === '__proto__') defineField(map, key, value);
      else map[key] = value;
      if (!this.#isIndented(indent)) return map;
      this.#at += indent;
    }
  }

  #list(indent: number): LedgerValue {
    if (indent > DEEPEST_INDENT) this.fail(`nested deeper than ${MAX_DEPTH}`);
    const list: LedgerValue[] = [];
    for (;;) {
      if (!this.#startsItem()) this.fail('expected "- "');
      this.#at += 2;
      list.push(this.#item(indent + 2));
      if (!this.#isIndented(indent)) return list;
      this.#at += indent;
    }
  }

  #item(indent: number): LedgerValue {
    if (this.#startsItem()) return this.#list(indent);
    const from = this.#at;
    if (this.#code() === QUOTE || endOfPlain(this.#text, from) > from) {
      this.#string();
      const isKey = this.#code() === COLON;
      this.#at = from;
      if (isKey) return this.#mapping(indent);
    }
    return this.scalarLine();
  }

  #startsItem(): boolean {
    return this.#code() === DASH && this.#text.charCodeAt(this.#at + 1) === SPACE;
  }

  /** Whether the line that begins here has exactly `indent` spaces. */
  #isIndented(indent: number): boolean {
    for (let i = 0; i < indent; i += 1) {
      if (this.#text.charCodeAt(this.#at + i) !== SPACE) return false;
    }
    return this.#text.charCodeAt(this.#at + indent) !== SPACE;
  }

  #scalar(): LedgerValue {
    switch (this.#text[this.#at]) {
      case '"':
        return this.#quoted();
      case '{':
        this.expect('{}');
        return {};
      case '[':
        this.expect('[]');
        return [];
      default:
        return this.#plainOrNumber();
    }
  }

  #plainOrNumber(): LedgerValue {
    const from = this.#at;
    const end = endOfPlain(this.#text, from);
    if (end === from) return this.#number();
    const word = this.#text.slice(from, end);
    this.#at = end;
    if (word === 'null') return null;
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (isReserved(word)) this.fail('this word must be quoted');
    return word;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const [digits] = NUMBER.exec(this.#text) ?? this.fail('expected a value');
    this.#at += digits.length;
    const value = Number(digits);
    return Number.isFinite(value) ? value : this.fail('expected a finite number');
  }

  /** A string where nothing else may stand: a key. */
  #string(): string {
    if (this.#code() === QUOTE) return this.#quoted();
    const from = this.#at;
    const end = endOfPlain(this.#text, from);
    if (end === from) this.fail('expected a key');
    this.#at = end;
    const word = this.#text.slice(from, end);
    return isReserved(word) ? this.fail('this word must be quoted') : word;
  }

  #quoted(): string {
    const from = this.#at;
    const [end, isSimple] = endOfQuoted(this.#text, from);
    if (end === undefined) this.fail('the quoted text does not end on its line');
    this.#at = end;
    return isSimple ? this.#text.slice(from + 1, end - 1) : this.#unescape(this.#text.slice(from, end));
  }

  #unescape(quoted: string): string {
    if (hasUnprintable(quoted)) this.fail('a character that must be escaped stands raw');
    try {
      return String(JSON.parse(quoted));
    } catch {
      return this.fail('an escape or a character that JSON does not allow');
    }
  }
}

/** Index after the closing quote, and whether the text between is ASCII without an escape. */
function endOfQuoted(text: string, from: number): [end: number | undefined, isSimple: boolean] {
  let isSimple = true;
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return [at + 1, isSimple];
    if (code === NEWLINE) break;
    if (code === BACKSLASH) at += 1;
    if (code === BACKSLASH || code < SPACE || code > 0x7e) isSimple = false;
  }
  return [undefined, isSimple];
}

function defineField(map: Record<string, LedgerValue>, key: string, value: LedgerValue): void {
  Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}
