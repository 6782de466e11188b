import { findJson, type JsonSpan } from '../credential/json-span.ts';
import { forClient } from '../credential/placeholder.ts';
import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { SecretsFormat } from '../fleet/fleet.ts';

/**
 * The secrets of one client in a variable's value, in their order. Throws `INPUT_INVALID` or `INPUT_SYNTAX` when the
 * value does not have the format; `what` names the variable in messages.
 */
export function secretsIn(value: string, format: SecretsFormat, clientId: string, what: string): Secret[] {
  if (format.kind === 'json')
    return textsAt(value, format.pointer, clientId, what).texts.map((text) => Secret.fromText(text));
  const texts = format.kind === 'list' ? value.split(format.separator) : [value];
  return texts.filter((text) => text !== '').map((text) => Secret.fromText(text));
}

/** Whether one secret fits and no second: a whole value, or a text at the pointer. Throws as `secretsIn` does. */
export function isSingle(value: string, format: SecretsFormat, clientId: string, what: string): boolean {
  if (format.kind === 'json') return !textsAt(value, format.pointer, clientId, what).isArray;
  return format.kind === 'single';
}

/**
 * The variable's value with one client's secrets replaced and everything else in it as it was. An array at a JSON
 * pointer stays an array, spaced as it was; a text stays a text and holds one secret only, as format `single` does.
 *
 * Throws `PRECONDITION_FAILED` when the secrets do not fit.
 */
export function withSecrets(
  value: string,
  format: SecretsFormat,
  clientId: string,
  secrets: readonly Secret[],
  what: string,
): string {
  if (secrets.length === 0)
    throw new RotctlError('PRECONDITION_FAILED', `${what}: an empty list would lock out ${clientId}`);
  const texts = secrets.map((secret) => reveal(secret).toString('utf8'));
  switch (format.kind) {
    case 'single':
      return only(texts, what);
    case 'list':
      if (texts.some((text) => text.includes(format.separator))) {
        throw new RotctlError(
          'PRECONDITION_FAILED',
          `${what}: a secret of ${clientId} holds the separator of the list`,
        );
      }
      return texts.join(format.separator);
    case 'json': {
      const found = textsAt(value, format.pointer, clientId, what);
      const replacement = found.isArray ? arrayLike(value, found, texts, what) : JSON.stringify(only(texts, what));
      return value.slice(0, found.span.start) + replacement + value.slice(found.span.end);
    }
  }
}

function only(texts: readonly string[], what: string): string {
  const [text] = texts;
  if (text === undefined || texts.length > 1) {
    throw new RotctlError('PRECONDITION_FAILED', `${what}: holds one secret only, so it cannot accept two at once`, {
      hint: 'an overlap needs a list of secrets for each client, or a second client id that carries next',
    });
  }
  return text;
}

/** An array of texts in the spelling of the one that stands there: its spaces, and each text that is in both as it is. */
function arrayLike(value: string, { span, place, texts: old }: Found, texts: readonly string[], what: string): string {
  const items = old.flatMap((_, index) => findJson(value, `${place}/${index}`, what) ?? []);
  const [first, second] = items;
  const last = items.at(-1);
  if (first === undefined || last === undefined) return JSON.stringify(texts);
  const spelling = new Map(items.map(({ start, end }, index) => [old[index], value.slice(start, end)]));
  const between = second === undefined ? ',' : value.slice(first.end, second.start);
  const inner = texts.map((text) => spelling.get(text) ?? JSON.stringify(text)).join(between);
  return `${value.slice(span.start, first.start)}${inner}${value.slice(last.end, span.end)}`;
}

interface Found {
  readonly place: string;
  readonly span: JsonSpan;
  readonly isArray: boolean;
  readonly texts: readonly string[];
}

function textsAt(value: string, pointer: string, clientId: string, what: string): Found {
  const place = forClient(pointer, clientId);
  const span = findJson(value, place, what);
  if (span === undefined) throw new RotctlError('INPUT_INVALID', `${what}: nothing stands at ${place}`);
  const found: unknown = JSON.parse(value.slice(span.start, span.end));
  const isArray = Array.isArray(found);
  const list: unknown[] = isArray ? found : [found];
  const texts = list.filter((item) => typeof item === 'string');
  if (texts.length !== list.length) {
    throw new RotctlError('INPUT_INVALID', `${what}: at ${place} must stand text or an array of texts`);
  }
  return { place, span, isArray, texts };
}
