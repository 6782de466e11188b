import { hash } from 'node:crypto';
import { HASH_BYTES, type NonceForm, type SignatureScheme, type TimestampUnit } from './scheme.ts';
import type { BodyDigest, Placeholder, Template } from './template.ts';

/** What the placeholders of one request stand for. Texts are as they are sent. */
export interface RequestValues {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly keyId: string;
  readonly client: string;
  readonly body: Uint8Array;
  /** Header values by lower-case name, for `{header:NAME}`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of the JSON body, for `{field:NAME}`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The exact bytes that are signed. A body enters as it is, whatever its bytes are. */
export function signedBytes(signs: Template, values: RequestValues): Buffer {
  return Buffer.concat(
    signs.map((piece) => {
      if ('text' in piece) return Buffer.from(piece.text);
      return piece.name === 'body' ? Buffer.from(values.body) : Buffer.from(textOf(piece, values));
    }),
  );
}

/** A digest that has the right form and that no key gives: bytes of zero. */
export function zeroDigest({ hash: name, encoding }: Pick<SignatureScheme, 'hash' | 'encoding'>): string {
  return Buffer.alloc(HASH_BYTES[name].digest).toString(encoding);
}

/** The text of a header or field that is sent. @param signature what stands for `{signature}` */
export function sentText(template: Template, values: RequestValues, signature: string): string {
  return template
    .map((piece) => ('text' in piece ? piece.text : piece.name === 'signature' ? signature : textOf(piece, values)))
    .join('');
}

/**
 * The text of a header that bears signatures. Several are joined: what stands around `{signature}`, up to the separator
 * where the template has that itself, is repeated for each (`t={timestamp},v1={signature}` becomes `t=…,v1=…,v1=…`).
 */
export function sentSignatures(
  template: Template,
  values: RequestValues,
  signatures: readonly string[],
  between: string,
): string {
  const at = template.findIndex((piece) => 'name' in piece && piece.name === 'signature');
  if (at === -1) return sentText(template, values, '');
  const before = sentText(template.slice(0, at), values, '');
  const after = sentText(template.slice(at + 1), values, '');
  const start = before.lastIndexOf(between) === -1 ? 0 : before.lastIndexOf(between) + between.length;
  const end = after.indexOf(between) === -1 ? after.length : after.indexOf(between);
  const each = signatures.map((signature) => `${before.slice(start)}${signature}${after.slice(0, end)}`);
  return `${before.slice(0, start)}${each.join(between)}${after.slice(end)}`;
}

/** What a timestamp is in a unit, and the moment that it says, which a coarse unit cuts off. Unix milliseconds. */
export function timestampText(unit: TimestampUnit, atMs: number): { readonly text: string; readonly atMs: number } {
  const whole = Math.round(atMs);
  if (unit === 'milliseconds') return { text: String(whole), atMs: whole };
  if (unit === 'iso8601') return { text: new Date(whole).toISOString(), atMs: whole };
  const seconds = Math.floor(whole / 1000);
  return { text: String(seconds), atMs: seconds * 1000 };
}

/** A nonce in its form. @param core hex digits, at least as many as the form has */
export function nonceText({ prefix, form, digits }: NonceForm, core: string): string {
  if (form === 'hex') return `${prefix}${core.slice(0, digits)}`;
  const variant = '89ab'.charAt(Number.parseInt(core.charAt(16), 16) % 4);
  const uuid = [core.slice(0, 8), core.slice(8, 12), `4${core.slice(13, 16)}`, `${variant}${core.slice(17, 20)}`];
  return `${prefix}${[...uuid, core.slice(20, 32)].join('-')}`;
}

/** The key id that is made from a key: the first digits of its SHA-256 in hex. */
export function digestKeyId(key: Uint8Array, digits: number): string {
  return hash('sha256', key, 'hex').slice(0, digits);
}

function textOf(piece: Placeholder, values: RequestValues): string {
  const [path = '', ...query] = values.target.split('?');
  switch (piece.name) {
    case 'path':
      return path;
    case 'query':
      return query.join('?');
    case 'body':
      return Buffer.from(values.body).toString('utf8');
    case 'bodyDigest':
      return bodyDigest(values.body, piece.digest ?? { hash: 'sha256', encoding: 'hex' });
    case 'header':
      return values.headers[piece.of ?? ''] ?? '';
    case 'field':
      return fieldText(values.fields, piece.of ?? '');
    case 'signature':
      return '';
    default:
      return values[piece.name];
  }
}

function bodyDigest(body: Uint8Array, { hash: name, encoding }: BodyDigest): string {
  return hash(name, body, encoding);
}

function fieldText(fields: RequestValues['fields'], name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}
