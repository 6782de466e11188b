const CUT = 1024;
const MAX_CONVICTION = 10;
const MAX_SIGNATURES = 16;

/** A gate request as it came in: the fields that are signed have lost `;`, `|` and `&`, and what is beyond 1024 characters. */
export interface GateRequest {
  readonly tool: string;
  readonly actor: string;
  readonly session: string;
  /** Absent when it was not given, or is empty. */
  readonly nonce: string | undefined;
  /** Unix seconds. */
  readonly ts: number | undefined;
  /** `signature`, then `signatures[]`; empty when the request is not signed. */
  readonly candidates: readonly string[];
  readonly idempotencyKey: string | undefined;
}

/** A field that the schema refuses. */
export interface SchemaProblem {
  readonly loc: readonly string[];
  readonly msg: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isConviction: Check = (value) => typeof value === 'number' && value >= 0 && value <= MAX_CONVICTION;
const isTexts: Check = (value) => Array.isArray(value) && value.length <= MAX_SIGNATURES && value.every(isText);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);

const SCHEMA: readonly (readonly [name: string, check: Check, msg: string])[] = [
  ['tool', isText, 'must be text'],
  ['params', isObject, 'must be an object'],
  ['conviction', isConviction, `must be a number from 0 to ${MAX_CONVICTION}`],
  ['actor_did', isText, 'must be text'],
  ['session_id', isText, 'must be text'],
  ['nonce', optional(isText), 'must be text'],
  ['ts', optional(isNumber), 'must be a number of seconds'],
  ['signature', optional(isText), 'must be text'],
  ['signatures', optional(isTexts), `must be a list of at most ${MAX_SIGNATURES} texts`],
  ['idempotency_key', optional(isText), 'must be text'],
];

/** Reads the body of a gate request, or says which field is wrong. */
export function parseGateRequest(body: string): GateRequest | { readonly problem: SchemaProblem } {
  const fields = objectIn(body);
  if (fields === undefined) return { problem: { loc: ['body'], msg: 'must be a JSON object' } };
  const wrong = SCHEMA.find(([name, check]) => !check(fields[name]));
  if (wrong !== undefined) return { problem: { loc: ['body', wrong[0]], msg: wrong[2] } };
  return {
    tool: clean(textOf(fields, 'tool')),
    actor: clean(textOf(fields, 'actor_did')),
    session: clean(textOf(fields, 'session_id')),
    nonce: clean(textOf(fields, 'nonce')) || undefined,
    ts: typeof fields.ts === 'number' ? fields.ts : undefined,
    candidates: [textOf(fields, 'signature'), ...textsOf(fields.signatures)].filter((text) => text !== ''),
    idempotencyKey: textOf(fields, 'idempotency_key') || undefined,
  };
}

function clean(text: string): string {
  return [...text.replace(/[;|&]/g, '')].slice(0, CUT).join('');
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function objectIn(body: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
