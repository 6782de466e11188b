import type { SignatureScheme } from './scheme.ts';
import { has, type Placeholder, type PlaceholderName, placeholdersIn, type Template } from './template.ts';

/** What a scheme lets through by its own design, in words, and the placeholder where it shows. */
export interface Weakness {
  readonly message: string;
  readonly within: string;
}

type Described = Pick<SignatureScheme, 'signs' | 'headers' | 'fields' | 'timestamp' | 'nonce' | 'singleUse' | 'keyId'>;

/**
 * What is wrong with a scheme before anything is sent: parts of the signed string that can be moved from one to the
 * other, because the same string has several readings, and a timestamp or nonce that is sent and not signed.
 *
 * @param clients the client ids, whose characters decide what may stand beside `{client}`
 */
export function weaknessesOf(scheme: Described, clients: readonly string[]): readonly Weakness[] {
  const sent = [...scheme.headers, ...scheme.fields].flatMap(({ template }) => placeholdersIn(template));
  const unsigned = (name: PlaceholderName, loss: string): Weakness[] => {
    const piece = sent.find((one) => one.name === name);
    if (piece === undefined || has(scheme.signs, name)) return [];
    return [{ message: `${piece.written} is sent and not signed: ${loss}`, within: piece.written }];
  };
  const shifted = ambiguity(scheme, clients);
  return [
    ...(shifted === undefined ? [] : [shifted]),
    ...unsigned('timestamp', 'whoever captures a request can send it again with a later one'),
    ...(scheme.singleUse ? unsigned('nonce', 'whoever captures a request can send it again with another one') : []),
  ];
}

/** A placeholder with the text that stands before the next one. */
interface Part {
  readonly piece: Placeholder;
  readonly before: string;
  readonly after: string;
}

/**
 * The signed string is read from the left for as long as each part ends where something stands that it cannot hold, and
 * from the right likewise. Where at most one part is left between the two, it has one reading.
 */
function ambiguity(scheme: Described, clients: readonly string[]): Weakness | undefined {
  const parts = partsOf(scheme.signs);
  const holds = (piece: Placeholder) => charactersOf(piece, scheme, clients);
  const bounded = (part: Part, separator: string, neighbour: Placeholder | undefined): boolean => {
    if (neighbour === undefined || part.piece.name === 'bodyDigest') return true;
    const may = holds(part.piece);
    if (separator !== '') return [...separator].some((char) => !may.test(char));
    return neighbour === parts[parts.indexOf(part) + 1]?.piece && startsApart(neighbour, may, holds(neighbour));
  };
  const stuck = parts.findIndex((part, index) => !bounded(part, part.after, parts[index + 1]?.piece));
  const open = parts.findLastIndex((part, index) => !bounded(part, part.before, parts[index - 1]?.piece));
  if (stuck === -1 || stuck >= open) return undefined;
  const [first, second] = [parts[stuck], parts[stuck + 1]];
  if (first === undefined || second === undefined) return undefined;
  const between =
    first.after === ''
      ? 'nothing stands between them'
      : `${JSON.stringify(first.after)} between them may stand in ${first.piece.written} too`;
  return {
    message: `${first.piece.written} and ${second.piece.written} can be shifted into each other, because ${between}: two requests would have one signature`,
    within: first.piece.written,
  };
}

/** Whether a part that follows at once begins with something that the one before it cannot hold. */
function startsApart(next: Placeholder, before: RegExp, own: RegExp): boolean {
  if (next.name === 'path' || next.name === 'target') return !before.test('/');
  // Disjoint alphabets: only parts of few characters can have them.
  return PRINTABLE.every((char) => !(before.test(char) && own.test(char)));
}

const PRINTABLE: readonly string[] = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));

function partsOf(template: Template): readonly Part[] {
  return template.flatMap((piece, index): Part[] => {
    if (!('name' in piece)) return [];
    const [previous, next] = [template[index - 1], template[index + 1]];
    const text = (one: typeof piece | { readonly text: string } | undefined) =>
      one !== undefined && 'text' in one ? one.text : '';
    return [{ piece, before: text(previous), after: text(next) }];
  });
}

const ANY = /[\s\S]/;
const URL_CHARACTERS = /[A-Za-z0-9._~!$&'()*+,;=:@%/-]/;

/** What a part may hold, one character at a time. */
function charactersOf(piece: Placeholder, { timestamp, nonce, keyId }: Described, clients: readonly string[]): RegExp {
  switch (piece.name) {
    case 'method':
      return /[A-Za-z]/;
    case 'path':
      return URL_CHARACTERS;
    case 'query':
    case 'target':
      return new RegExp(`${URL_CHARACTERS.source}|\\?`);
    case 'timestamp':
      return timestamp === 'iso8601' ? /[0-9TZ:.+-]/ : /[0-9]/;
    case 'nonce':
      return anyOf(`${nonce?.prefix ?? ''}`, '[A-Za-z0-9_-]');
    case 'keyId':
      return keyId?.from === 'sha256' ? /[0-9a-f]/ : /[A-Za-z0-9_-]/;
    case 'client':
      return anyOf(clients.join(''));
    case 'bodyDigest':
      return piece.digest?.encoding === 'base64' ? /[A-Za-z0-9+/=]/ : /[0-9a-f]/;
    case 'header':
      return /[^\r\n]/;
    default:
      return ANY;
  }
}

/** One of these characters, or what the other pattern takes. */
function anyOf(characters: string, other = '(?!)'): RegExp {
  const escaped = [...new Set(characters)].map((char) => char.replace(/[\\\]^-]/g, '\\$&')).join('');
  return new RegExp(`[${escaped}]|${other}`);
}
