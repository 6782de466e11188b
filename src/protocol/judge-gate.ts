import { escapeForeign } from '../errors/escape.ts';
import { type Outcome, type OutcomeCode, unknown } from './outcome.ts';

/** What a gate says, by status and text: it has no codes. Whatever is not here proves nothing. */
const ANSWERS: readonly { readonly status: number; readonly text: string; readonly code: OutcomeCode }[] = [
  { status: 400, text: 'nonce and ts must be provided together', code: 'AUTH_INVALID_NONCE' },
  { status: 401, text: 'request timestamp outside allowed window', code: 'AUTH_TIMESTAMP_SKEW' },
  { status: 401, text: 'invalid request signature', code: 'AUTH_INVALID_HMAC' },
  { status: 409, text: 'replay detected', code: 'REPLAY_NONCE_USED' },
  { status: 503, text: 'replay store unavailable', code: 'STORE_FAILED' },
];

/** Refusals that come before the signature is looked at, and what is wrong with the probe then. */
const BEFORE: readonly { readonly status: number; readonly why: string }[] = [
  { status: 401, why: "the probe's session is not trusted, or something before the signature refused it" },
  { status: 403, why: "the probe's session is not allowed the tool" },
  { status: 422, why: 'the body is not what the gate takes' },
];

/**
 * Judges a JSON answer of `gate-v1`. A 200 proves that a signature was found right, whether the request was approved or
 * not; everything else is recognised by its status and the text in `detail`.
 */
export function judgeGate(status: number, body: Readonly<Record<string, unknown>>): Outcome {
  if (!Object.hasOwn(body, 'detail')) return judgeBare(status, body);
  const texts = textsIn(body.detail);
  const said = ANSWERS.filter(({ text }) => texts.includes(text));
  const reason = `${status} ${escapeForeign(said[0]?.text ?? texts[0] ?? 'without a text', 80)}`;
  const [found, another] = said;
  if (another !== undefined) return unknown(`${reason} and ${another.text} (an answer that contradicts itself)`);
  if (found?.status === status) return { code: found.code, reason };
  const before = BEFORE.find((answer) => answer.status === status);
  return unknown(`${reason} (${before?.why ?? 'not an answer of the contract that proves anything'})`);
}

function judgeBare(status: number, body: Readonly<Record<string, unknown>>): Outcome {
  if (status !== 200) return unknown(`${status} without a detail`);
  if (Object.keys(body).length === 0) return unknown('200 with an empty object');
  if (Object.hasOwn(body, 'error')) return unknown('200 with an error');
  const approved = typeof body.approved === 'boolean' ? `, approved ${body.approved}` : '';
  return { code: 'ACCEPTED', reason: `200${approved}` };
}

/** `detail` is a text, or an object with texts in it. */
function textsIn(detail: unknown): readonly string[] {
  if (typeof detail === 'string') return [detail.trim()];
  if (typeof detail !== 'object' || detail === null) return [];
  return Object.values(detail).flatMap((value) => (typeof value === 'string' ? [value.trim()] : []));
}
