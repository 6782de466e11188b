import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { SHORT_FLEET } from './fleet-text.ts';

const read = (more: string, environment = 'production') =>
  readFleet(
    `${SHORT_FLEET.replace('environment: production', `environment: ${environment}`)}${more}\n`,
    '/f/rotctl.yaml',
  );
const accepts = (check: string) => `accepts: [{ check: ${check}, reason: it is old, owner: platform }]`;
const rule = (when: string, outcome: string) => `outcomes: [{ when: ${when}, outcome: ${outcome} }]`;

describe('in production no fleet file switches replay checks off', () => {
  it.each([
    [
      'by accepting that one replica takes a request twice',
      accepts('replay.same-replica'),
      /^accepts\[0\]\.check: may not be replay\.same-replica/,
    ],
    [
      'by accepting that two replicas share no store',
      accepts('replay.cross-replica'),
      /may not be replay\.cross-replica/,
    ],
    ['by accepting that copies at once get through', accepts('replay.concurrent'), /may not be replay\.concurrent/],
    ['by accepting that a change loses nonces', accepts('replay.namespace'), /may not be replay\.namespace/],
    ['by accepting a signer that fails open', accepts('store.fail-closed'), /may not be store\.fail-closed/],
    [
      'by nonces that die before their window',
      `replay: { maxAge: 60s, nonceTtl: 59s }\n${accepts('replay.ttl-bound')}`,
      /^replay\.nonceTtl: must be at least maxAge in production/,
    ],
    ['by a life of zero', 'replay: { nonceTtl: 0s }', /^replay\.nonceTtl: /],
    ['by a key that no schema knows', 'replay: { enabled: false }', /replay\.enabled: is not a known key/],
  ])('%s', (_how, more, why) => {
    expect(refusalFrom(() => read(more)).message).toMatch(why);
  });

  it.each([
    ['a staging fleet may say what it lacks', accepts('replay.cross-replica'), 'staging'],
    [
      'a life below 2·maxAge may be accepted by name',
      `replay: { maxAge: 60s, nonceTtl: 60s }\n${accepts('replay.ttl-bound')}`,
      'production',
    ],
    ['regions may be accepted by name', accepts('replay.cross-domain'), 'production'],
  ])('%s', (_what, more, environment) => {
    expect(() => read(more, environment)).not.toThrow();
  });
});

describe('no rule makes of a leak a refusal, in any environment', () => {
  it.each([
    ['a status of success', rule('{ status: 200 }', 'REPLAY_NONCE_USED'), /^outcomes\[0\]\.when\.status: 200 alone/],
    ['a status of success, for the store', rule('{ status: 204 }', 'STORE_FAILED'), /204 alone/],
    ['no answer', rule('{ fault: TIMEOUT }', 'REPLAY_NONCE_USED'), /^outcomes\[0\]\.when\.fault: proves no REPLAY/],
    ['a reset, for the store', rule('{ fault: ECONNRESET }', 'STORE_FAILED'), /proves no STORE_FAILED/],
  ])('%s', (_what, more, why) => {
    expect(refusalFrom(() => read(more, 'staging')).message).toMatch(why);
  });

  it('a body of its own tells a refusal with 200', () => {
    expect(() => read(rule("{ status: 200, body: 'replayed' }", 'REPLAY_NONCE_USED'), 'staging')).not.toThrow();
  });
});
