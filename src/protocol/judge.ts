import { escapeForeign } from '../errors/escape.ts';
import { judgeGate } from './judge-gate.ts';
import { judgeKeyring } from './judge-keyring.ts';
import { type Exchange, type Outcome, type OutcomeRule, unknown } from './outcome.ts';
import type { Protocol } from './protocol.ts';
import { retryAfterMs } from './retry-after.ts';
import { matchRule } from './rules.ts';

type Answer = Extract<Exchange, { kind: 'answer' }>;

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** How each protocol reads a JSON object that came with a status. */
const JUDGES: Readonly<Record<Protocol, (status: number, body: Readonly<Record<string, unknown>>) => Outcome>> = {
  'keyring-v1': judgeKeyring,
  'gate-v1': judgeGate,
};

/**
 * Judges one answer by its protocol. Pure, and denies by default: what is not recognised is `UNKNOWN` with the reason,
 * never accepted and never refused. The fleet's own rules come first; the first that matches wins.
 *
 * An `ACCEPTED` is a statement about one answer. That the signer checks signatures at all is shown only by a
 * wrong-secret control that it refuses; callers must send one.
 */
export function judge(
  exchange: Exchange,
  rules: readonly OutcomeRule[] = [],
  protocol: Protocol = 'keyring-v1',
): Outcome {
  const ruled = matchRule(exchange, rules);
  if (ruled !== undefined) return { code: ruled.outcome, reason: `${glimpse(exchange)} (rule of the fleet)` };
  if (exchange.kind === 'fault') return unknown(faultText(exchange));
  return judgeAnswer(exchange, protocol);
}

function judgeAnswer(answer: Answer, protocol: Protocol): Outcome {
  const { status, headers } = answer;
  if (status === 429) return unknown('429 rate limited', retryAfterMs(headers));
  if (status >= 300 && status < 400) return unknown(`${status} redirect to ${shown(headers.location)}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return unknown(`${status} with content encoding ${shown(encoding)}`);
  }
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    return unknown(`${status} with content type ${shown(headers['content-type'])}`, retryAfterMs(headers));
  }
  const body = parseObject(answer.body);
  if (typeof body === 'string') return unknown(`${status} ${body}`);
  return JUDGES[protocol](status, body);
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
  return fault.detail === '' ? fault.code : `${fault.code}: ${escapeForeign(fault.detail, 120)}`;
}

function shown(value: string | undefined): string {
  return value === undefined ? 'none' : `"${escapeForeign(value, 60)}"`;
}
