import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  Lexer,
  LineCounter,
  Parser,
  visit,
  type YAMLMap,
} from 'yaml';
import { RotctlError } from '../errors/rotctl-error.ts';
import { SourceDocument } from './source-document.ts';
import { SYNTAX_RULES } from './syntax.ts';

/** Largest text that is parsed, in UTF-8 bytes. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;
/** Deepest nesting of lists and mappings. */
export const MAX_DOCUMENT_DEPTH = 64;
const COLLECTIONS = new Set(['block-map', 'block-seq', 'flow-collection']);

/**
 * Parses the text of a YAML or JSON file: exactly one document, text keys, no aliases, anchors, tags, directives or
 * merge keys. `file` only names the file in positions. A byte order mark and CRLF are accepted.
 *
 * Throws `INPUT_UNREADABLE` (too large, NUL bytes, broken UTF-8) and `INPUT_SYNTAX`; no message quotes the text.
 */
export function parseDocument(text: string, file: string): SourceDocument {
  refuseUnreadable(text, file);
  const lines = new LineCounter();
  const fail = failer(file, lines);
  const documents = [...compose(tokens(text, lines, fail), lines, fail)];
  const first = documents[0];
  if (first === undefined || isEmpty(first))
    throw new RotctlError('INPUT_SYNTAX', 'the file is empty', { at: { file } });
  const error = first.errors[0];
  if (error !== undefined) throw fail(error.pos[0], SYNTAX_RULES[error.code] ?? SYNTAX_RULES.IMPOSSIBLE);
  const second = documents[1];
  if (second !== undefined) throw fail(second.range[0], SYNTAX_RULES.MULTIPLE_DOCS);
  refuseIndirections(first, fail);
  return new SourceDocument(first, file, lines, text);
}

type Fail = (offset: number, rule: string) => RotctlError;

function failer(file: string, lines: LineCounter): Fail {
  return (offset, rule) => {
    const { line, col } = lines.linePos(offset);
    return new RotctlError('INPUT_SYNTAX', rule, line > 0 ? { at: { file, line, column: col } } : { at: { file } });
  };
}

function refuseUnreadable(text: string, file: string): void {
  const refuse = (rule: string) => new RotctlError('INPUT_UNREADABLE', rule, { at: { file } });
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES) throw refuse(`the file has ${bytes} bytes, more than ${MAX_DOCUMENT_BYTES}`);
  if (text.includes('\0')) throw refuse('the file holds a NUL byte');
  if (text.includes('\ufffd')) throw refuse('the file is not UTF-8');
}

/** Concrete syntax tokens, with the depth checked before anything recursive sees them. */
function* tokens(text: string, lines: LineCounter, fail: Fail): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.filter((token) => COLLECTIONS.has(token.type)).length > MAX_DOCUMENT_DEPTH) {
      throw fail(parser.offset, `the values are nested more than ${MAX_DOCUMENT_DEPTH} deep`);
    }
  }
  yield* parser.end();
}

function compose(from: Generator<CST.Token>, lines: LineCounter, fail: Fail): Generator<Document.Parsed> {
  const composer = new Composer({
    prettyErrors: false,
    lineCounter: lines,
    uniqueKeys: false,
    stringKeys: true,
    merge: false,
    schema: 'core',
    version: '1.2',
    logLevel: 'silent',
  });
  return composer.compose(refuseDirectives(from, fail));
}

function* refuseDirectives(from: Generator<CST.Token>, fail: Fail): Generator<CST.Token> {
  for (const token of from) {
    if (token.type === 'directive') throw fail(token.offset, SYNTAX_RULES.BAD_DIRECTIVE);
    yield token;
  }
}

function isEmpty(document: Document.Parsed): boolean {
  return document.errors.length === 0 && isScalar(document.contents) && document.contents.source === '';
}

/** Refuses whatever lets a value appear in a place, or as a type, that its text does not show. */
function refuseIndirections(document: Document.Parsed, fail: Fail): void {
  visit(document, (_, node) => {
    if (isAlias(node)) throw fail(offsetOf(node), SYNTAX_RULES.BAD_ALIAS);
    if (!isScalar(node) && !isCollection(node)) return;
    if (node.anchor !== undefined) throw fail(offsetOf(node), SYNTAX_RULES.BAD_ALIAS);
    if (node.tag !== undefined) throw fail(offsetOf(node), SYNTAX_RULES.MULTIPLE_TAGS);
    if (isMap(node)) refuseKeys(node, fail);
  });
}

/** One pass with a set, because the parser's own check of unique keys compares each key with each other. */
function refuseKeys(map: YAMLMap, fail: Fail): void {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    if (!isScalar(key)) throw fail(offsetOf(map), SYNTAX_RULES.NON_STRING_KEY);
    const name = String(key.value);
    if (seen.has(name)) throw fail(offsetOf(key), SYNTAX_RULES.DUPLICATE_KEY);
    if (name === '<<') throw fail(offsetOf(key), 'merge keys (`<<`) are not allowed');
    if (name === '__proto__') throw fail(offsetOf(key), 'a key may not be named __proto__');
    seen.add(name);
  }
}

function offsetOf(node: { readonly range?: readonly number[] | null | undefined }): number {
  return node.range?.[0] ?? 0;
}
