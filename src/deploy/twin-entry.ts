import { addJsonMember, hasJsonMember, removeJsonMember } from '../credential/json-members.ts';
import { forClient, hasPlaceholder } from '../credential/placeholder.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { SecretsFormat } from '../fleet/fleet.ts';
import type { Draft } from './values.ts';

/** The client ids that belong together, each with the other: of a client that owns two. */
export type Twins = ReadonlyMap<string, string>;

/** Where the entries of client ids stand: as values of a name each, or as members of one JSON object. */
export interface EntriesAt {
  readonly name: string;
  readonly format: SecretsFormat;
  readonly place: string;
  readonly called?: string;
}

/** Whether a client id has an entry at all. Throws `INPUT_INVALID` where the place has no such shape. */
export function hasEntry(draft: Draft, at: EntriesAt, id: string): boolean {
  if (hasPlaceholder(at.name)) return draft.get(forClient(at.name, id)) !== undefined;
  const { container, key } = memberOf(at, id);
  const has = hasJsonMember(textOf(draft, at), container, key, at.called ?? at.name);
  if (has !== undefined) return has;
  throw new RotctlError('INPUT_INVALID', `${at.called ?? at.name}: no entries stand at ${container}`, {
    at: { file: at.place },
  });
}

/** Adds the entry of a client id, as a copy of its twin's, in which the secret is to be replaced. */
export function addEntry(draft: Draft, at: EntriesAt, id: string, twin: string): void {
  if (hasPlaceholder(at.name)) {
    const like = forClient(at.name, twin);
    draft.set(forClient(at.name, id), draft.get(like) ?? '', { like });
    return;
  }
  const { container, key } = memberOf(at, id);
  const like = memberOf(at, twin).key;
  draft.replace(at.name, addJsonMember(textOf(draft, at), container, key, like, at.called ?? at.name));
}

/** Removes the entry of a client id, with everything in it. */
export function removeEntry(draft: Draft, at: EntriesAt, id: string): void {
  if (hasPlaceholder(at.name)) {
    draft.unset(forClient(at.name, id));
    return;
  }
  const { container, key } = memberOf(at, id);
  draft.replace(at.name, removeJsonMember(textOf(draft, at), container, key, at.called ?? at.name));
}

/** The object that has the entries as members, and under which key this one. */
function memberOf({ format, place }: EntriesAt, id: string): { container: string; key: string } {
  const tokens = format.kind === 'json' ? format.pointer.split('/') : [];
  const index = tokens.findIndex(hasPlaceholder);
  const token = tokens[index];
  if (token === undefined) {
    throw new RotctlError('INPUT_INVALID', 'the entries of client ids cannot be told apart: {client} is missing', {
      at: { file: place },
    });
  }
  return { container: tokens.slice(0, index).join('/'), key: forClient(token, id) };
}

function textOf(draft: Draft, { name, place }: EntriesAt): string {
  const value = draft.get(name);
  if (value !== undefined) return value;
  throw new RotctlError('INPUT_INVALID', `${name} is not set in the file`, { at: { file: place } });
}
