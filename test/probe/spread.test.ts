import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { spread } from '../../src/probe/identity.ts';
import type { Transport } from '../../src/probe/ports.ts';
import { createProber } from '../../src/probe/prober.ts';
import type { Target } from '../../src/probe/round.ts';
import { fakeClock, fakeRandom } from './fakes.ts';
import { PROBE } from './harness.ts';

const target = (name: string): Target => ({ name, url: new URL(`https://${name}.test:1`), serverName: name });
const [A, B, FRONT] = [target('signer-a'), target('signer-b'), target('front')];

const SECRET = Secret.fromText('0123456789abcdef0123456789abcdef');

/** All show one certificate; each answers as the instance given for its host, the front as the given ones in turn. */
function answering(instances: Record<string, string | undefined>, behind: readonly string[]): Transport {
  let turn = 0;
  return {
    send: async ({ url }) => {
      const instance = url.hostname === 'front.test' ? behind[turn++ % behind.length] : instances[url.hostname];
      const headers = {
        'content-type': 'application/json',
        ...(instance === undefined ? {} : { 'x-signer-instance': instance }),
      };
      return { kind: 'answer', status: 401, headers, body: '{"errorCode":"AUTH_INVALID_HMAC"}', ms: 1, peer: 'one' };
    },
    close: async () => {},
  };
}

function look(transport: Transport) {
  const [clock, random] = [fakeClock(), fakeRandom()];
  const prober = createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'r' });
  return spread({ prober, clock, random }, FRONT, [A, B], { client: 'client-a', secret: SECRET });
}

const TOLD_APART = { 'signer-a.test': 'i-a', 'signer-b.test': 'i-b' };

describe('replicas that all show one certificate', () => {
  it('are told apart by what their answers say of the process', async () => {
    const seen = await look(answering(TOLD_APART, ['i-a', 'i-a', 'i-b']));
    expect(seen).toMatchObject({ by: 'instance', reached: ['signer-a', 'signer-b'], strangers: 0, tries: 4 });
  });

  it('also where others ask a balancer that takes turns in step with us', async () => {
    const { send, close } = answering(TOLD_APART, ['i-a', 'i-b']);
    let underWay = 0;
    const inStep: Transport = {
      close,
      async send(to, ...sent) {
        if (to.url.hostname === 'front.test' && underWay === 0) await send(to, ...sent);
        underWay += 1;
        return send(to, ...sent).finally(() => (underWay -= 1));
      },
    };
    expect((await look(inStep)).reached).toEqual(['signer-b', 'signer-a']);
  });

  it('with one replica behind the balancer, only that one is reached', async () => {
    expect(await look(answering(TOLD_APART, ['i-a']))).toMatchObject({
      reached: ['signer-a'],
      tries: 16,
      recognised: 16,
    });
  });

  it('with an unlisted process behind the balancer, it is counted', async () => {
    expect(await look(answering(TOLD_APART, ['i-x', 'i-a', 'i-b']))).toMatchObject({ strangers: 1 });
  });

  it.each([
    ['say nothing', {}],
    ['say the same', { 'signer-a.test': 'i', 'signer-b.test': 'i' }],
    ['of which one says nothing', { 'signer-a.test': 'i-a' }],
  ])('and %s cannot be told apart', async (_what, instances) => {
    expect(await look(answering(instances, ['i-a', 'i-b']))).toMatchObject({ by: undefined, reached: [], tries: 0 });
  });
});
