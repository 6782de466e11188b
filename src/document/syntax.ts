import type { ErrorCode } from 'yaml';

/**
 * What each of the YAML parser's codes means, in our own words. The parser's messages are never passed on: some of
 * them quote the text that they stumbled over, and that text may be a secret.
 */
export const SYNTAX_RULES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'aliases (`*name`) are not allowed',
  BAD_ALIAS: 'anchors and aliases (`&name`, `*name`) are not allowed; a text that begins with & or * must be quoted',
  BAD_COLLECTION_TYPE: 'tags (`!name`) are not allowed',
  BAD_DIRECTIVE: 'directives (`%NAME`) are not allowed',
  BAD_DQ_ESCAPE: 'a double-quoted text has an escape that YAML does not know',
  BAD_INDENT: 'the indentation does not fit the lines around it, or a bracket is not closed',
  BAD_PROP_ORDER: 'anchors and tags are not allowed',
  BAD_SCALAR_START: 'a text that begins with this character must be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping cannot begin here: a second `: ` on one line, or a key in the wrong place',
  BLOCK_IN_FLOW: 'a block cannot stand inside `[…]` or `{…}`',
  DUPLICATE_KEY: 'this key stands twice in one mapping',
  IMPOSSIBLE: 'the text cannot be read as YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a closing quote, bracket, comma, colon or space is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line, followed by `: `',
  MULTIPLE_ANCHORS: 'anchors (`&name`) are not allowed',
  MULTIPLE_DOCS: 'the file must hold exactly one document; a second one begins here',
  MULTIPLE_TAGS: 'tags (`!name`) are not allowed',
  NON_STRING_KEY: 'a key must be text; quote it',
  RESOURCE_EXHAUSTION: 'the values are nested too deeply',
  TAB_AS_INDENT: 'tabs are not allowed as indentation',
  TAG_RESOLVE_FAILED: 'a value or a tag (`!name`) cannot be read',
  UNEXPECTED_TOKEN: 'something stands here that YAML does not expect',
};
