import { expect, it } from 'vitest';
import { explainLoss } from '../../src/probe/hold/explain-loss.ts';
import type { Asked } from '../../src/probe/hold/held-nonces.ts';

/** What `replica` said to a nonce that `origin` took. */
function asked(said: Asked['said'], origin: string, replica: string, ageMs: number): Asked {
  const held = { nonce: `${origin}${ageMs}`, client: 'c0', replica: origin, since: 0, burnedAt: 0 };
  return { said, held, replica, outcome: { code: 'UNKNOWN', reason: '' }, ageMs, spent: false };
}

it('nonces of one replica that are lost while older ones of others hold have a shorter life, from it or from one that was asked since', () => {
  const cause = explainLoss({
    lost: [asked('lost', 'g1', 'g2', 900)],
    held: [asked('held', 'g2', 'g1', 1000)],
    events: undefined,
    again: false,
    during: undefined,
  });
  expect(cause).toEqual({
    hazards: ['H1'],
    what: 'nonces that g1 took are forgotten within 900 ms: it gave them a shorter life than replay.nonceTtl, or a replica that was asked for them since has shortened it',
  });
});
