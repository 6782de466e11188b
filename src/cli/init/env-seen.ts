import { readVariable } from '../../credential/env-file.ts';
import type { DraftPlace, DraftReplay } from '../../fleet/draft.ts';
import type { ProfileName } from '../../fleet/profiles.ts';

/** What an env file, or a JSON file, of a replica tells of how secrets stand in it; never a value. */
export interface EnvSeen {
  readonly profile: ProfileName;
  readonly place: DraftPlace | undefined;
  readonly clients: readonly string[];
  readonly replay: DraftReplay | undefined;
}

const NAME = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=/gm;
/** The variable that makes a service a gate. */
const GATE_SECRET = 'INTERSERVICE_HMAC_SECRET';
/** For how long a gate remembers a nonce where its file does not say; its window is the same then. */
const GATE_SECONDS = 300;
const TELLING = /SECRET|HMAC|KEY|CLIENT/i;

/** Reads the text of a replica's env file for where its secrets stand; `undefined` when nothing there looks like one. */
export function seeEnvFile(text: string, file: string): EnvSeen | undefined {
  const names = [...text.matchAll(NAME)].map(([, name = '']) => name);
  if (names.includes(GATE_SECRET)) {
    const seconds = (variable: string) => secondsIn(names.includes(variable) ? readVariable(text, variable, file) : '');
    const nonceTtl = seconds('NONCE_TTL_SECONDS') ?? GATE_SECONDS;
    const replay = { maxAge: `${seconds('SIGNATURE_SKEW_SECONDS') ?? nonceTtl}s`, nonceTtl: `${nonceTtl}s` };
    return { profile: 'gate-v1', place: undefined, clients: [], replay };
  }
  // By their names first; else by what looks like nothing but secrets.
  for (const isNamed of [true, false]) {
    for (const variable of names.filter((name) => TELLING.test(name) === isNamed)) {
      const found = seeJson(variable, readVariable(text, variable, file) ?? '', isNamed ? isTelling : isLong);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function secondsIn(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && text !== '' && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** How deep in a JSON file clients are looked for. */
const DEEPEST = 4;

/** Reads the text of a replica's JSON file for where its secrets stand; `undefined` when nothing there looks like one. */
export function seeJsonFile(text: string): EnvSeen | undefined {
  const root = mapping(text);
  for (const isOne of [isTelling, isLong]) {
    for (const { pointer, name, object } of root === undefined ? [] : objectsIn(root)) {
      const found = clientsIn(object, isOne);
      // By a name on the way to them, so that the host and the port of a server are not taken for two clients.
      if (found === undefined || (found.way === '' && !TELLING.test(name))) continue;
      const place = { variable: undefined, format: 'json', pointer: `${pointer}/{client}${found.way}` } as const;
      return { profile: 'keyring-v1', place, clients: found.clients, replay: undefined };
    }
  }
  return undefined;
}

interface Nested {
  readonly pointer: string;
  readonly name: string;
  readonly object: object;
}

/** An object and those in it, the outer ones first. */
function objectsIn(root: object): readonly Nested[] {
  const all: Nested[] = [];
  let level: readonly Nested[] = [{ pointer: '', name: '', object: root }];
  for (let depth = 0; depth < DEEPEST; depth += 1) {
    all.push(...level);
    level = level.flatMap(({ pointer, object }) =>
      Object.entries(object).flatMap(([name, value]) => {
        const inner = asMapping(value);
        return inner === undefined ? [] : [{ pointer: `${pointer}/${escapeToken(name)}`, name, object: inner }];
      }),
    );
  }
  return all;
}

function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** `{"wallet":{"hmacSecrets":["…"]}}`, `{"wallet":["…"]}` or `{"wallet":"…"}`: clients, and the way to their secrets. */
function seeJson(variable: string, value: string, isOne: IsOne): EnvSeen | undefined {
  const object = mapping(value);
  const found = object === undefined ? undefined : clientsIn(object, isOne);
  if (found === undefined) return undefined;
  const place = { variable, format: 'json', pointer: `/{client}${found.way}` } as const;
  return { profile: 'keyring-v1', place, clients: found.clients, replay: undefined };
}

/** The members of an object as clients, and the one way from each to its secrets; `undefined` where they have none. */
function clientsIn(
  object: object,
  isOne: IsOne,
): { readonly clients: readonly string[]; readonly way: string } | undefined {
  const entries = Object.entries(object);
  const [first] = entries;
  const way = first === undefined ? undefined : wayToSecrets(first[1], isOne);
  if (way === undefined || entries.some(([, one]) => wayToSecrets(one, isOne) !== way)) return undefined;
  return { clients: entries.map(([id]) => id), way };
}

function mapping(text: string): object | undefined {
  try {
    return asMapping(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asMapping(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

/** Whether a member of a client is its secrets, by its name and its texts. */
type IsOne = (name: string, texts: readonly string[]) => boolean;

const isTelling: IsOne = (name) => name === '' || TELLING.test(name);
/** So many characters no name and no setting has that is listed for each client; 64 bits in hex. */
const LONG = 16;
const isLong: IsOne = (_, texts) => texts.every((text) => text.length >= LONG && !/\s/.test(text));

function wayToSecrets(value: unknown, isOne: IsOne): string | undefined {
  const texts = textsIn(value);
  if (texts !== undefined) return isOne('', texts) ? '' : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const ways = Object.entries(value).filter(
    ([name, one]) => isOne(name, textsIn(one) ?? []) && textsIn(one) !== undefined,
  );
  return ways.length === 1 ? `/${escapeToken(ways[0]?.[0] ?? '')}` : undefined;
}

function textsIn(value: unknown): readonly string[] | undefined {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const strings = texts.filter((one) => typeof one === 'string' && one !== '');
  return texts.length > 0 && strings.length === texts.length ? (strings as readonly string[]) : undefined;
}
