import type { GateRequest } from './request.ts';

const KEPT = 10_000;

/** Fault `idempotency-cache`: answers that were given, to be given again without looking. */
export interface AnswerCache {
  find(request: GateRequest): unknown;
  keep(request: GateRequest, body: unknown): void;
}

/** An empty cache of this process. */
export function makeAnswerCache(): AnswerCache {
  const answers = new Map<string, unknown>();
  return {
    find: (request) => answers.get(nameOf(request) ?? ''),
    keep: (request, body) => {
      const name = nameOf(request);
      if (name === undefined) return;
      answers.set(name, body);
      const [oldest = ''] = answers.keys();
      if (answers.size > KEPT) answers.delete(oldest);
    },
  };
}

/** By its idempotency key, or else by its nonce. */
function nameOf({ idempotencyKey, nonce }: GateRequest): string | undefined {
  if (idempotencyKey !== undefined) return `key:${idempotencyKey}`;
  return nonce === undefined ? undefined : `nonce:${nonce}`;
}
