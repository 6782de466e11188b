import type { Exchange, OutcomeRule } from './outcome.ts';

type Condition = OutcomeRule['when'];

/** The first rule whose every condition holds for the exchange. A rule without conditions matches nothing. */
export function matchRule(exchange: Exchange, rules: readonly OutcomeRule[]): OutcomeRule | undefined {
  return rules.find(
    (rule) => Object.values(rule.when).some((part) => part !== undefined) && holds(rule.when, exchange),
  );
}

/** Whether every condition holds for the exchange. */
export function holds(when: Condition, exchange: Exchange): boolean {
  if (exchange.kind === 'fault') {
    const wantsAnswer =
      when.status !== undefined || when.header !== undefined || when.pointer !== undefined || when.body !== undefined;
    return !wantsAnswer && when.fault === exchange.code;
  }
  return (
    when.fault === undefined &&
    (when.status === undefined || when.status === exchange.status) &&
    (when.body === undefined || matches(when.body, exchange.body)) &&
    (when.header === undefined || matches(when.header.matches, exchange.headers[when.header.name])) &&
    (when.pointer === undefined || matches(when.pointer.matches, valueAt(exchange.body, when.pointer.path)))
  );
}

/** `search` rather than `test`: a pattern with the flag `g` keeps no position between answers. */
function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && value.search(pattern) !== -1;
}

/** The value at a JSON pointer (RFC 6901); `undefined` when the body is not JSON or has nothing there. */
function valueAt(body: string, pointer: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (pointer === '') return value;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
