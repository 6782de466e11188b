import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reveal, Secret } from '../../../src/credential/secret.ts';
import { oddIdentities } from '../../../src/pki/odd.ts';
import { certificatesIn } from '../../../src/pki/tls-files.ts';
import type { CheckContext, MtlsLook } from '../../../src/probe/checks/check.ts';
import { MTLS_CHECKS } from '../../../src/probe/checks/handshakes.ts';
import { runChecks } from '../../../src/probe/checks/run-checks.ts';
import { createProber } from '../../../src/probe/prober.ts';
import type { Target } from '../../../src/probe/round.ts';
import type { OutcomeRule } from '../../../src/protocol/outcome.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createHandshakes } from '../../../src/system/handshake.ts';
import { pooledRandom } from '../../../src/system/random.ts';
import { createTransport } from '../../../src/system/transport.ts';
import { asReplica, PROBE } from '../../probe/harness.ts';
import { type TestGeneration, testGeneration } from '../../support/generations.ts';
import { type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../../support/mini-signer.ts';
import type { TestPki } from '../../support/test-pki.ts';
import { nginxFront, pythonFront, type Version } from './fronts.ts';

/** What nginx says of a certificate that it does not like, and of none. */
const NGINX_RULE: OutcomeRule = {
  when: { status: 400, body: /No required SSL certificate was sent|The SSL certificate error/ },
  outcome: 'AUTH_MTLS_REQUIRED',
};

let generation: TestGeneration;
let pki: TestPki;
let odd: NonNullable<MtlsLook['odd']>;
let signer: MiniSigner;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  generation = await testGeneration('current');
  const { authority, identity } = generation;
  const client = { cert: identity.chain, key: reveal(identity.key).toString('utf8') };
  pki = { ca: authority.cert, client, server: generation.server };
  odd = await oddIdentities({
    authority: { cert: authority.cert, key: Secret.fromText(authority.key) },
    commonName: 'rotctl',
    now: Date.now(),
  });
  signer = await miniSigner('signer-a', pki, { ...soundKnobs(new MiniStore()), mtls: 'off' });
});
afterAll(async () => {
  for (const each of close.reverse()) await each();
  await signer.close();
});

/** The verdict and the reason of each check of the matrix. */
async function matrixOf(replica: Target, outcomes: readonly OutcomeRule[]): Promise<Record<string, [string, string]>> {
  const own = { ca: pki.ca, ...pki.client };
  const transport = createTransport(own);
  close.push(() => transport.close());
  const [clock, random] = [systemClock, pooledRandom()];
  const context: CheckContext = {
    clock,
    random,
    prober: createProber({ settings: PROBE, outcomes, transport, clock, random, runId: 'test' }),
    fleet: {
      replicas: [asReplica(replica)],
      balancer: undefined,
      tls: { ca: 'ca.pem', cert: 'rotctl.pem', key: 'rotctl.key', required: true },
      replay: { maxAgeMs: 2000, nonceTtlMs: 5000, clockErrorMs: 100, storeTimeoutMs: 250 },
      probe: PROBE,
    },
    tls: {
      files: {
        ca: certificatesIn(pki.ca, 'ca.pem', 'bundle'),
        cert: certificatesIn(pki.client.cert, 'rotctl.pem', 'chain'),
        key: { file: 'rotctl.key', key: createPrivateKey(pki.client.key), problem: undefined },
      },
      handshakes: createHandshakes(own),
    },
    clients: [{ id: 'client-a', accepted: [{ generation: 'current', secret: Secret.fromText(SECRETS.current) }] }],
    vectors: undefined,
    burned: [],
    owed: [],
    patienceMs: 0,
    mtls: { odd },
  };
  const findings = await runChecks(MTLS_CHECKS, context);
  return Object.fromEntries(findings.map(({ id, verdict, reason = '' }) => [id, [verdict, reason]]));
}

const FRONTS = [
  ['Python, which refuses in the handshake', pythonFront, []],
  ['nginx, which answers 400', nginxFront, [NGINX_RULE]],
] as const;

describe.each(['TLSv1.2', 'TLSv1.3'] satisfies Version[])('over %s', (version) => {
  it.each(FRONTS)('the handshake matrix passes whole before %s', { timeout: 60_000 }, async (_, front, outcomes) => {
    const opened = await front(pki, signer, version);
    close.push(() => opened.close());
    const missing = `it does not offer ${version === 'TLSv1.2' ? 'TLS 1.3' : 'TLS 1.2'}`;
    expect(await matrixOf(opened, outcomes)).toEqual(
      Object.fromEntries(MTLS_CHECKS.map(({ id }) => [id, ['pass', missing]])),
    );
  });

  it('what nginx answers is unknown until the fleet file says what it means', { timeout: 60_000 }, async () => {
    const opened = await nginxFront(pki, signer, version);
    close.push(() => opened.close());
    const found = await matrixOf(opened, []);
    expect(found['mtls.generations']?.[0]).toBe('pass');
    expect(found['mtls.wrong-purpose']).toEqual(['unknown', expect.stringContaining('declare under outcomes')]);
  });
});
