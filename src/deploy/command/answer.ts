import { Secret } from '../../credential/secret.ts';
import type { Listed } from '../secret-store.ts';
import { SCHEMA } from './request.ts';

/** An answer of which the frame is right. */
export type Framed =
  /** Done as asked. */
  | { readonly kind: 'done'; readonly fields: ReadonlyMap<string, unknown> }
  /** Not done, in the program's own words. */
  | { readonly kind: 'refused'; readonly error: string }
  /** The program does not know the request. */
  | { readonly kind: 'unsupported' }
  /** No answer of this protocol: what is wrong with it, without any of it. */
  | { readonly kind: 'bad'; readonly why: string };

/**
 * Reads the frame of an answer: one JSON object with `ok`. Nothing of the text is in what it gives, but a refusal's `error`.
 *
 * @param agreed the schema that the answer may name
 */
export function readFrame(text: string, agreed = SCHEMA): Framed {
  if (text.trim() === '') return bad('it is empty');
  const fields = asMap(parse(text));
  if (fields === undefined) return bad('it is not one JSON object, and nothing else');
  const schema = fields.get('schema');
  if (schema !== undefined && schema !== agreed) return bad(`its schema is not ${agreed}`);
  const ok = fields.get('ok');
  if (ok === true) return { kind: 'done', fields };
  if (ok !== false) return bad('it has no ok that is true or false');
  if (fields.get('unsupported') === true) return { kind: 'unsupported' };
  const error = fields.get('error');
  return typeof error === 'string' && error !== ''
    ? { kind: 'refused', error }
    : bad('its ok is false, and it has no error that says why');
}

/** What is wrong with an answer. */
export class BadAnswer extends Error {}

/**
 * The secrets that an answer lists, by client; `undefined` when it says that it cannot read them.
 *
 * @throws BadAnswer
 */
export function listedIn(
  fields: ReadonlyMap<string, unknown>,
  kind: 'replica' | 'template' | 'client',
  clientIds: readonly string[],
): Map<string, readonly Listed[]> | undefined {
  if (isUnreadable(fields)) return undefined;
  if (kind === 'client') {
    const listed = fields.get('signs');
    const [id = ''] = clientIds;
    return new Map([[id, listed === null ? [] : [listedOf(listed, 'signs')]]]);
  }
  const accepts = asMap(fields.get('accepts'));
  if (accepts === undefined) throw new BadAnswer('it has no accepts, an object with a list for each client');
  return new Map(
    clientIds.map((id) => {
      const list = accepts.get(id);
      if (!Array.isArray(list)) throw new BadAnswer(`its accepts has no list for ${id}`);
      return [id, list.map((one, index) => listedOf(one, `accepts of ${id}, entry ${index + 1}`))];
    }),
  );
}

/**
 * The variables in an answer; those that it does not name are not set.
 *
 * @throws BadAnswer
 */
export function variablesIn(fields: ReadonlyMap<string, unknown>, names: readonly string[]): Map<string, string> {
  const variables = asMap(fields.get('variables'));
  if (variables === undefined) throw new BadAnswer('it has no variables, an object with their values');
  const found = new Map<string, string>();
  for (const name of names) {
    const value = variables.get(name) ?? undefined;
    if (value === undefined) continue;
    if (typeof value !== 'string') throw new BadAnswer(`its variable ${name} is not text`);
    found.set(name, value);
  }
  return found;
}

/** What stands in the way, as an answer lists it. @throws BadAnswer */
export function obstaclesIn(fields: ReadonlyMap<string, unknown>): readonly string[] {
  const obstacles = fields.get('obstacles') ?? [];
  if (!Array.isArray(obstacles)) throw new BadAnswer('its obstacles are no list');
  return obstacles.map((one: unknown) => {
    if (typeof one !== 'string' || one === '') throw new BadAnswer('one of its obstacles is not text');
    return one;
  });
}

/** Whether an answer says that what is there can be written and not read. */
export function isUnreadable(fields: ReadonlyMap<string, unknown>): boolean {
  return fields.get('readable') === false;
}

function listedOf(value: unknown, where: string): Listed {
  const entry = asMap(value);
  const secret = entry?.get('secret');
  const fingerprint = entry?.get('fingerprint');
  if (typeof secret === 'string' && secret !== '') {
    const found = Secret.fromText(secret);
    if (fingerprint === undefined || fingerprint === found.fingerprint) return found;
    throw new BadAnswer(`${where}: its fingerprint is not that of its secret`);
  }
  if (secret === undefined && typeof fingerprint === 'string' && /^[0-9a-f]{16}$/.test(fingerprint)) {
    return { fingerprint };
  }
  throw new BadAnswer(`${where}: must be an object with a secret, or with a fingerprint of 16 hex digits`);
}

function bad(why: string): Framed {
  return { kind: 'bad', why };
}

/** The parser's own message quotes the text, so it is dropped. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asMap(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}
