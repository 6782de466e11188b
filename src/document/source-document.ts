import { type Document, isMap, isScalar, isSeq, type LineCounter } from 'yaml';
import type { Position } from '../errors/rotctl-error.ts';

/** The way from a document's root to a value: keys of mappings, indices of lists. */
export type DocumentPath = readonly PropertyKey[];

/** A parsed file: its plain value, and for each path the place in the file that a message should point at. */
export class SourceDocument {
  readonly file: string;
  /** Plain objects, arrays, text, numbers, booleans and null; nothing in it has been validated. */
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #text: string;

  constructor(
    document: Document.Parsed,
    file: string,
    lines: LineCounter,
    text: string,
    value: unknown = document.toJS(),
  ) {
    this.file = file;
    this.value = value;
    this.#document = document;
    this.#lines = lines;
    this.#text = text;
  }

  /** The same file with another value, of which only parts may stand in it: what does not is placed at what encloses it. */
  withValue(value: unknown): SourceDocument {
    return new SourceDocument(this.#document, this.file, this.#lines, this.#text, value);
  }

  /** Offset of the value at `path`, or of the nearest enclosing value that exists. */
  offsetOf(path: DocumentPath): number {
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const step of path) {
      node = child(node, step);
      const start = startOf(node);
      if (start === undefined) break;
      offset = start;
    }
    return offset;
  }

  /** Offset of the first place in the scalar at `path` where this piece of it is written; of the scalar, if nowhere. */
  offsetWithin(path: DocumentPath, piece: string): number {
    const node = this.#nodeAt(path);
    const range = isScalar(node) ? node.range : undefined;
    if (range === undefined || range === null) return this.offsetOf(path);
    const at = this.#text.slice(range[0], range[1]).indexOf(piece);
    return at === -1 ? range[0] : range[0] + at;
  }

  /** Offset of the key itself, for complaints about its name. */
  offsetOfKey(path: DocumentPath, key: string): number {
    const parent = this.#nodeAt(path);
    const pair = isMap(parent) ? parent.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    return startOf(pair?.key) ?? this.offsetOf(path);
  }

  /** File, line and column (both from 1) of an offset. */
  positionOf(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return line > 0 ? { file: this.file, line, column: col } : { file: this.file };
  }

  /** A scalar as it is written in the file (`0x10` and not 16); `undefined` for lists, mappings and what is absent. */
  writtenAt(path: DocumentPath): string | undefined {
    const node = this.#nodeAt(path);
    return isScalar(node) ? (node.source ?? String(node.value)) : undefined;
  }

  #nodeAt(path: DocumentPath): unknown {
    let node: unknown = this.#document.contents;
    for (const step of path) node = child(node, step);
    return node;
  }
}

function child(node: unknown, step: PropertyKey): unknown {
  if (isSeq(node)) return node.items[Number(step)];
  if (!isMap(node)) return undefined;
  return node.items.find((item) => isScalar(item.key) && item.key.value === step)?.value;
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
}
