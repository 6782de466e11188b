import { findJson } from '../credential/json-span.ts';
import { forClient } from '../credential/placeholder.ts';
import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFileDeploy } from '../fleet/fleet.ts';

type Format = EnvFileDeploy['format'];

/**
 * The secrets of one client in a variable's value, in their order. Throws `INPUT_INVALID` or `INPUT_SYNTAX` when the
 * value does not have the format; `what` names the variable in messages.
 */
export function secretsIn(value: string, format: Format, clientId: string, what: string): Secret[] {
  if (format.kind === 'json')
    return textsAt(value, format.pointer, clientId, what).texts.map((text) => Secret.fromText(text));
  const texts = format.kind === 'list' ? value.split(format.separator) : [value];
  return texts.filter((text) => text !== '').map((text) => Secret.fromText(text));
}

/**
 * The variable's value with one client's secrets replaced and everything else in it as it was. An array at a JSON
 * pointer stays an array; a text stays a text and holds one secret only, as format `single` does.
 *
 * Throws `PRECONDITION_FAILED` when the secrets do not fit.
 */
export function withSecrets(
  value: string,
  format: Format,
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
      const { span, isArray } = textsAt(value, format.pointer, clientId, what);
      const replacement = JSON.stringify(isArray ? texts : only(texts, what));
      return value.slice(0, span.start) + replacement + value.slice(span.end);
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

function textsAt(value: string, pointer: string, clientId: string, what: string) {
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
  return { span, isArray, texts };
}
