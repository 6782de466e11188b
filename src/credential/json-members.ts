import { RotctlError } from '../errors/rotctl-error.ts';
import { findJson, type JsonMember, membersIn } from './json-span.ts';

/**
 * The JSON text with a member added to the object at a pointer, after one that is there and as a copy of it: the same
 * value, the same spaces. Everything else stays.
 *
 * Throws `INPUT_INVALID` when there is no object, or no such member in it; `what` names the place. No message holds any of the text.
 */
export function addJsonMember(text: string, pointer: string, key: string, like: string, what: string): string {
  const { member, lead } = memberAt(text, pointer, like, what);
  const { keyStart, keyEnd, span } = member;
  const copy = `${text.slice(lead, keyStart)}${JSON.stringify(key)}${text.slice(keyEnd, span.end)}`;
  return `${text.slice(0, span.end)},${copy}${text.slice(span.end)}`;
}

/** The JSON text without a member of the object at a pointer, and without the comma that parted it. Throws as `addJsonMember`. */
export function removeJsonMember(text: string, pointer: string, key: string, what: string): string {
  const { member, lead, isFirst } = memberAt(text, pointer, key, what);
  const { end } = member.span;
  const after = /^\s*,/.exec(text.slice(end));
  if (after !== null) return text.slice(0, lead) + text.slice(end + after[0].length);
  return text.slice(0, isFirst ? lead : lead - 1) + text.slice(end);
}

/** Whether the object at a pointer has the member; `undefined` when no object stands there. */
export function hasJsonMember(text: string, pointer: string, key: string, what: string): boolean | undefined {
  const span = findJson(text, pointer, what);
  if (span === undefined || text[span.start] !== '{') return undefined;
  return membersIn(text, span).some((member) => member.key === key);
}

/** The JSON text with the text at a pointer replaced by another. Throws `INPUT_INVALID` when no text stands there. */
export function replaceJsonText(text: string, pointer: string, value: string, what: string): string {
  const span = findJson(text, pointer, what);
  if (span === undefined || text[span.start] !== '"') {
    throw new RotctlError('INPUT_INVALID', `${what}: no text stands at ${pointer}`);
  }
  return text.slice(0, span.start) + JSON.stringify(value) + text.slice(span.end);
}

/** `lead`: where the space before the member begins, right after a brace or a comma. */
interface Placed {
  readonly member: JsonMember;
  readonly lead: number;
  readonly isFirst: boolean;
}

function memberAt(text: string, pointer: string, key: string, what: string): Placed {
  const span = findJson(text, pointer, what);
  const members = span === undefined || text[span.start] !== '{' ? [] : membersIn(text, span);
  const index = members.findIndex((member) => member.key === key);
  const member = members[index];
  if (span === undefined || member === undefined) {
    throw new RotctlError('INPUT_INVALID', `${what}: nothing stands at ${pointer}/${key}`);
  }
  const before = members[index - 1];
  const lead = before === undefined ? span.start + 1 : text.indexOf(',', before.span.end) + 1;
  return { member, lead, isFirst: before === undefined };
}
