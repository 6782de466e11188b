import { escapeForeign } from '../errors/escape.ts';
import { judgeGate } from './judge-gate.ts';
import { judgeKeyring } from './judge-keyring.ts';
import { type Exchange, type Outcome, type OutcomeRule, unknown } from './outcome.ts';
import type { BuiltIn, Protocol } from './protocol.ts';
import { retryAfterMs } from './retry-after.ts';
import { matchRule } from './rules.ts';

type Redact = (text: string) => string;

type Answer = Extract<Exchange, { kind: 'answer' }>;

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** How each protocol reads a JSON object that came with a status. */
const JUDGES: Readonly<Record<BuiltIn, (status: number, body: Readonly<Record<string, unknown>>) => Outcome>> = {
  'keyring-v1': judgeKeyring,
  'gate-v1': judgeGate,
};

/** What an answer of each protocol says why with; its judge shows that. */
const SAID: Readonly<Record<BuiltIn, readonly string[]>> = { 'keyring-v1': ['errorCode'], 'gate-v1': ['detail'] };

/**
 * Judges one answer by its protocol. Pure, and denies by default: what is not recognised is `UNKNOWN` with the reason,
 * never accepted and never refused. The fleet's own rules come first; the first that matches wins.
 *
 * An `ACCEPTED` is a statement about one answer. That the signer checks signatures at all is shown only by a
 * wrong-secret control that it refuses; callers must send one.
 *
 * @param redact replaces every known secret in a text, of which a reason shows a part
 */
export function judge(
  exchange: Exchange,
  rules: readonly OutcomeRule[] = [],
  protocol: Protocol = 'keyring-v1',
  redact?: Redact,
): Outcome {
  const ruled = matchRule(exchange, rules);
  if (ruled !== undefined) return { code: ruled.outcome, reason: `${glimpse(exchange)} (rule of the fleet)` };
  if (exchange.kind === 'fault') return unknown(faultText(exchange));
  // Before anything is cut: of a secret that is cut in two, a half would be shown.
  return judgeAnswer(redact === undefined ? exchange : { ...exchange, body: redact(exchange.body) }, protocol);
}

function judgeAnswer(answer: Answer, protocol: Protocol): Outcome {
  const { status, headers } = answer;
  if (status === 429) return unknown('429 rate limited', retryAfterMs(headers));
  if (status >= 300 && status < 400) return unknown(`${status} redirect to ${shown(headers.location)}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return unknown(`${status} with content encoding ${shown(encoding)}`);
  }
  if (protocol === 'described') return withoutRule(answer);
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    const type = shown(headers['content-type']);
    const what = `${status} with content type ${type}${telltale(answer.body) ?? words(answer.body)}`;
    return unknown(what, retryAfterMs(headers));
  }
  const body = parseObject(answer.body);
  if (typeof body === 'string') return unknown(`${status} ${body}${words(answer.body)}`);
  const outcome = JUDGES[protocol](status, body);
  if (outcome.code !== 'UNKNOWN' || SAID[protocol].some((name) => Object.hasOwn(body, name))) return outcome;
  return { ...outcome, reason: `${outcome.reason}${words(answer.body)}` };
}

/** Of a described service nothing is known but the rules of its fleet; the operator is shown what to write one for. */
function withoutRule({ status, headers, body }: Answer): Outcome {
  const said = body.trim() === '' ? 'with an empty body' : quoted(body);
  return unknown(`${status} ${said}, for which outcomes has no rule`, retryAfterMs(headers));
}

/** What pages of servers before a signer say in words of their own. They prove nothing until the fleet declares them. */
const TELLTALES: readonly (readonly [page: RegExp, says: string])[] = [
  [
    /no required ssl certificate was sent|ssl certificate error/i,
    'it asks for a client certificate; to count that, declare under outcomes: { when: { status: 400, body: SSL certificate }, outcome: AUTH_MTLS_REQUIRED }',
  ],
  [/plain http request was sent to https port|http request to an https server/i, 'it speaks https (scheme or port)'],
];

function telltale(body: string): string | undefined {
  const found = TELLTALES.find(([page]) => page.test(body));
  return found === undefined ? undefined : `: ${found[1]}`;
}

/** How an answer begins whose words no rule knows, so that a rule can be written for it. */
function words(body: string): string {
  return body.trim() === '' ? '' : `: ${quoted(body)}`;
}

function quoted(body: string): string {
  return `"${escapeForeign(body.trim(), 80)}"`;
}

/** The body as an object, or why it is none, in words that follow a status. */
function parseObject(body: string): Readonly<Record<string, unknown>> | string {
  if (body.trim() === '') return 'with an empty body';
  try {
    const value: unknown = JSON.parse(body);
    if (Array.isArray(value)) return 'with an array for a body';
    if (typeof value !== 'object' || value === null) return 'with a body that is not an object';
    return value as Record<string, unknown>;
  } catch {
    return 'with a body that is not JSON';
  }
}

function glimpse(exchange: Exchange): string {
  return exchange.kind === 'fault' ? faultText(exchange) : `${exchange.status}`;
}

function faultText(fault: Extract<Exchange, { kind: 'fault' }>): string {
  return fault.detail === '' ? fault.code : `${fault.code}: ${escapeForeign(fault.detail, 240)}`;
}

function shown(value: string | undefined): string {
  return value === undefined ? 'none' : `"${escapeForeign(value, 60)}"`;
}
