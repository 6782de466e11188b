import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { IdentityWatch } from '../../src/probe/identity-watch.ts';
import { createProber } from '../../src/probe/prober.ts';
import { systemClock } from '../../src/system/clock.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { testPki } from '../support/test-pki.ts';
import { PROBE } from './harness.ts';

const A = { name: 'signer-a', url: new URL('https://10.0.0.1:8443'), serverName: 'a' };
const B = { name: 'signer-b', url: new URL('https://10.0.0.2:8443'), serverName: 'b' };
const BALANCER = { url: new URL('https://10.0.0.9:8443'), serverName: 'x' };

type Act = (watch: IdentityWatch) => void;
const saw =
  (to: typeof BALANCER, peer: string, instance?: string): Act =>
  (watch) =>
    watch.saw(to, instance === undefined ? { peer } : { peer, instance });
/** We change the certificate of a replica from p to q. */
const rotates: Act = (watch) => watch.rotates(new Map([['signer-a', ['p', 'q']]]));
const reloads: Act = (watch) => watch.loading(['signer-a']);
const settles: Act = (watch) => watch.settled();

it('is seen in the answers of a real signer, over TLS', async () => {
  const pki = await testPki();
  const signer = await miniSigner('signer-a', pki, { ...soundKnobs(new MiniStore()), instance: 'one' });
  const identities = new IdentityWatch([signer], false);
  const transport = createTransport({ ca: pki.ca, cert: pki.client.cert, key: pki.client.key });
  const [clock, random] = [systemClock, pooledRandom()];
  const prober = createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'test', identities });
  const ask = () =>
    prober.probe({ endpoint: signer, client: 'client-a', secret: Secret.fromText(SECRETS.current), fresh: true });
  await ask();
  signer.knobs.instance = 'two';
  await ask();
  expect(identities.take()).toEqual([{ replica: 'signer-a', what: 'instance', was: 'one', is: 'two' }]);
  expect(identities.certificates()).toEqual({ 'signer-a': expect.stringMatching(/^[0-9a-f]{64}$/) });
  await transport.close();
  await signer.close();
});

describe('who answers at an address', () => {
  const rows: [string, readonly Act[], readonly string[]][] = [
    ['the same all along', [saw(A, 'p', 'i'), saw(A, 'p', 'i')], []],
    [
      'another certificate of ours before a reload',
      [rotates, saw(A, 'p', 'i'), saw(A, 'q', 'i')],
      ['signer-a certificate p q'],
    ],
    [
      'another of ours after a reload, and the first over a kept connection',
      [rotates, saw(A, 'p', 'i'), reloads, saw(A, 'q', 'i'), settles, saw(A, 'p', 'i'), saw(A, 'q', 'i')],
      [],
    ],
    [
      'a stranger’s after a reload',
      [rotates, saw(A, 'p', 'i'), reloads, settles, saw(A, 'x', 'i')],
      ['signer-a certificate p x'],
    ],
    ['another certificate', [saw(A, 'p', 'i'), saw(A, 'q', 'i')], ['signer-a certificate p q']],
    ['another process', [saw(A, 'p', 'i'), saw(A, 'p', 'j'), saw(A, 'p', 'j')], ['signer-a instance i j']],
    [
      'another process, which we restarted',
      [saw(A, 'p', 'i'), (w) => w.loading(['signer-a']), saw(A, 'p', 'j'), (w) => w.settled(), saw(A, 'p', 'j')],
      [],
    ],
    [
      'another process than the one that we restarted',
      [saw(A, 'p', 'i'), saw(B, 'q', 'k'), (w) => w.loading(['signer-a']), saw(B, 'q', 'l')],
      ['signer-b instance k l'],
    ],
    [
      'another certificate after our restart',
      [saw(A, 'p', 'i'), (w) => w.loading(['signer-a']), saw(A, 'q', 'j')],
      ['signer-a certificate p q'],
    ],
    ['anybody behind the balancer', [saw(BALANCER, 'p', 'i'), saw(BALANCER, 'q', 'j')], []],
    [
      'another one than a rotation began with',
      [(w) => w.begin({ 'signer-a': 'p' }), saw(A, 'q', 'i')],
      ['signer-a certificate p q'],
    ],
    ['whoever it is, when it begins', [saw(A, 'p', 'i'), (w) => w.begin(), saw(A, 'q', 'j')], []],
  ];
  it.each(rows)('%s', (_, acts, expected) => {
    const watch = new IdentityWatch([A, B], false);
    for (const act of acts) act(watch);
    expect(watch.take().map(({ replica, what, was, is }) => `${replica} ${what} ${was} ${is}`)).toEqual(expected);
    expect(watch.take()).toEqual([]);
  });

  it('of several processes that are accepted, only the certificate counts', () => {
    const watch = new IdentityWatch([A], true);
    for (const act of [saw(A, 'p', 'i'), saw(A, 'p', 'j'), saw(A, 'q', 'j')]) act(watch);
    expect(watch.take()).toEqual([{ replica: 'signer-a', what: 'certificate', was: 'p', is: 'q' }]);
    expect(watch.certificates()).toEqual({ 'signer-a': 'q' });
  });
});
