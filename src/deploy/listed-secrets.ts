import { replaceJsonText } from '../credential/json-members.ts';
import { findJson } from '../credential/json-span.ts';
import { forClient, hasPlaceholder } from '../credential/placeholder.ts';
import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { SecretsFormat, TextAt } from '../fleet/fleet.ts';
import type { SecretStore } from './secret-store.ts';
import { addEntry, hasEntry, removeEntry, type Twins } from './twin-entry.ts';
import type { Draft, ValueStore } from './values.ts';
import { isSingle, secretsIn, withSecrets } from './variable-format.ts';

/** Where clients' secrets stand among named values: under one name for all of them or one for each, in a format. */
export interface ListedAt {
  /** `{client}` and `{CLIENT}` stand for the client's id. */
  readonly name: string;
  readonly format: SecretsFormat;
  /** What messages call the value, in place of its name. */
  readonly called?: string;
  /** Client ids of which one may have no entry. */
  readonly twins?: Twins | undefined;
}

/** As long, and of the same characters, as the secrets that `rotctl` makes; it is never written anywhere. */
const STAND_IN = Secret.fromText('5'.repeat(64));

/** Secrets that stand in named values. */
export function listedSecrets(store: ValueStore, at: ListedAt): SecretStore {
  const list = { ...at, place: store.place };
  return {
    async read(clientIds) {
      const draft = await store.open();
      return new Map(Array.from(clientIds, (id) => [id, secretsOf(draft, list, id)]));
    },
    async write(secrets, texts = []) {
      const draft = await store.open();
      // What is added is a copy of what is there, so that nothing goes before.
      const added = [...secrets].filter(([, entries]) => entries.length > 0);
      const removed = [...secrets].filter(([, entries]) => entries.length === 0);
      for (const [id, entries] of added) {
        const values = entries.map(({ secret }) => secret);
        putSecrets(draft, list, id, values);
      }
      for (const [id] of removed) if (hasEntry(draft, list, id)) removeEntry(draft, list, id);
      for (const { at: where, value } of texts) putText(draft, list, where, value);
      if (!draft.changed) return { changed: false };
      await draft.save();
      return { changed: true };
    },
    async single(clientIds) {
      const draft = await store.open();
      return Array.from(clientIds).filter((id) => {
        const { what, value } = valueFor(draft, list, id);
        return located(list.place, () => isSingle(value, list.format, id, what));
      });
    },
    async rehearse(clientIds) {
      const draft = await store.open();
      if (!hasPlaceholder(at.name) && draft.get(at.name) === undefined) throw notSet(list, at.name);
      for (const id of clientIds) {
        const present = secretsOf(draft, list, id);
        putSecrets(draft, list, id, at.format.kind === 'list' ? [...present, STAND_IN] : [STAND_IN]);
      }
      return [];
    },
    async text(where) {
      const draft = await store.open();
      return textAt(draft, list, where);
    },
    hindrances: () => store.hindrances(),
    describe: (clientId) => at.called ?? forClient(at.name, clientId),
    place: store.place,
  };
}

interface List extends ListedAt {
  readonly place: string;
}

/**
 * One client's secrets, in their order.
 *
 * Throws `INPUT_INVALID` or `INPUT_SYNTAX` when the configuration does not have the shape that the fleet file says.
 */
function secretsOf(draft: Draft, at: List, clientId: string): Secret[] {
  if (isAbsent(draft, at, clientId)) return [];
  const { what, value } = valueFor(draft, at, clientId);
  return located(at.place, () => secretsIn(value, at.format, clientId, what));
}

/** Whether a client id has no entry, as one of two that belong to one client may. */
function isAbsent(draft: Draft, at: List, clientId: string): boolean {
  const apart = hasPlaceholder(at.name) || (at.format.kind === 'json' && hasPlaceholder(at.format.pointer));
  return apart && at.twins?.has(clientId) === true && !located(at.place, () => hasEntry(draft, at, clientId));
}

/** Replaces one client's secrets; an id that has no entry gets one like its twin's. */
function putSecrets(draft: Draft, at: List, clientId: string, secrets: readonly Secret[]): void {
  const twin = at.twins?.get(clientId);
  if (twin !== undefined && isAbsent(draft, at, clientId)) {
    located(at.place, () => addEntry(draft, at, clientId, twin));
  }
  replaceSecrets(draft, at, clientId, secrets);
}

function textAt(draft: Draft, { place }: List, { name, pointer }: TextAt): string | undefined {
  const value = draft.get(name);
  if (value === undefined || pointer === undefined) return value;
  return located(place, () => {
    const span = findJson(value, pointer, name);
    const found: unknown = span === undefined ? undefined : JSON.parse(value.slice(span.start, span.end));
    return typeof found === 'string' ? found : undefined;
  });
}

function putText(draft: Draft, at: List, { name, pointer }: TextAt, text: string): void {
  const value = draft.get(name);
  if (value === undefined) throw notSet(at, name);
  const next = pointer === undefined ? text : located(at.place, () => replaceJsonText(value, pointer, text, name));
  if (next !== value) draft.replace(name, next);
}

/**
 * Replaces one client's secrets. The value is written only when it changes, so that a file of another spelling is not
 * touched for nothing.
 *
 * Throws as `secretsOf` does, `PRECONDITION_FAILED` when the secrets do not fit the format, and `DRIVER_FAILED` when the
 * quoting that stands there cannot hold the new value.
 */
function replaceSecrets(draft: Draft, at: List, clientId: string, secrets: readonly Secret[]): void {
  const { name, what, value } = valueFor(draft, at, clientId);
  const next = located(at.place, () => {
    const present = secretsIn(value, at.format, clientId, what);
    const same = present.length === secrets.length && present.every((one, index) => secrets[index]?.signsLike(one));
    return same ? value : withSecrets(value, at.format, clientId, secrets, what);
  });
  if (next !== value) draft.replace(name, next, formerly(at, secrets));
}

/**
 * Characters that this place has held before: a fresh secret has none that readers take differently (`judgeNext`), so a
 * secret that has some stood here when the rotation began, and must get back in.
 */
function formerly({ format }: ListedAt, secrets: readonly Secret[]): string {
  const texts = secrets.map((secret) => reveal(secret).toString('utf8'));
  return format.kind === 'json' ? JSON.stringify(texts) : texts.join('');
}

function valueFor(draft: Draft, at: List, clientId: string) {
  const name = forClient(at.name, clientId);
  const value = draft.get(name);
  if (value !== undefined) return { name, what: at.called ?? name, value };
  throw notSet(at, name);
}

function notSet({ place }: List, name: string): RotctlError {
  return new RotctlError('INPUT_INVALID', `${name} is not set in the file`, { at: { file: place } });
}

/** Adds the place to an error that was thrown without knowing it. */
function located<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RotctlError) || error.at !== undefined) throw error;
    throw new RotctlError(error.code, error.message, { at: { file }, hint: error.hint });
  }
}
