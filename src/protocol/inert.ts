import { escapeForeign } from '../errors/escape.ts';
import type { Exchange, OutcomeRule } from './outcome.ts';
import type { Protocol } from './protocol.ts';
import { holds } from './rules.ts';

/** An answer that an accepted probe may get, because the service has then done nothing: conditions as of an outcome rule. */
export type InertAnswer = Pick<OutcomeRule['when'], 'status' | 'header' | 'pointer' | 'body'>;

/**
 * Why an answer to an accepted probe may mean that the service has done what the probe asks for; `undefined` where it is
 * inert. An answer of 400 or more says itself that nothing was done, and so does a gate's 200 with `approved` false.
 * Every other one has to be declared by the fleet, because a 200 of a signer is a signature.
 */
export function harmOf(
  exchange: Exchange,
  declared: readonly InertAnswer[] = [],
  protocol: Protocol = 'keyring-v1',
): string | undefined {
  if (exchange.kind === 'fault' || exchange.status >= 400) return undefined;
  if (declared.some((when) => holds(when, exchange))) return undefined;
  const approved = approvedIn(exchange.body);
  if (protocol === 'gate-v1' && approved === false) return undefined;
  return `${exchange.status}${approved === undefined ? '' : `, approved ${escapeForeign(String(approved), 20)}`}`;
}

function approvedIn(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && 'approved' in value ? value.approved : undefined;
  } catch {
    return undefined;
  }
}
