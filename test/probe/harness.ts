import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Secret } from '../../src/credential/secret.ts';
import type { Replica } from '../../src/fleet/fleet.ts';
import { certificatesIn } from '../../src/pki/tls-files.ts';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import { createProber, type Prober } from '../../src/probe/prober.ts';
import type { Target } from '../../src/probe/round.ts';
import { readVectors } from '../../src/probe/vectors.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createHandshakes } from '../../src/system/handshake.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { type Knobs, type MiniSigner, MiniStore, miniSigner, SECRETS, soundKnobs } from '../support/mini-signer.ts';
import { type TestPki, testPki } from '../support/test-pki.ts';

/** Running signers and all that is needed to check them. */
export interface TestFleet {
  readonly pki: TestPki;
  readonly store: MiniStore;
  readonly signers: readonly MiniSigner[];
  readonly context: CheckContext;
  /** Another context over the same signers. */
  with(change: Partial<CheckContext>): CheckContext;
  /** A prober that gives up after 150 ms. */
  readonly impatient: Prober;
  /** Makes every signer sound again. */
  repair(): void;
  close(): Promise<void>;
}

export const PROBE = {
  method: 'POST',
  path: '/v1/sign/session-transaction',
  body: '{"probe":true}',
  causes: 'nothing',
  deadlineMs: 3000,
  maxBytes: 65_536,
  perSecond: undefined,
};

/** Starts signers `signer-a`, `signer-b`, … that share one store, with a window of 2 s and a nonce life of 5 s. */
export async function startFleet(count = 3, initial: Partial<Knobs> = {}): Promise<TestFleet> {
  const pki = await testPki();
  const store = new MiniStore();
  const names = Array.from({ length: count }, (_, n) => `signer-${String.fromCharCode(97 + n)}`);
  const signers = await Promise.all(names.map((name) => miniSigner(name, pki, { ...soundKnobs(store), ...initial })));
  const transport = createTransport({ ca: pki.ca, cert: pki.client.cert, key: pki.client.key });
  const [clock, random] = [systemClock, pooledRandom()];
  const shared = { outcomes: [], transport, clock, random, runId: 'test' };
  const context: CheckContext = {
    clock,
    random,
    prober: createProber({ settings: PROBE, ...shared }),
    fleet: {
      replicas: signers.map(asReplica),
      balancer: undefined,
      tls: { ca: '', cert: '', key: '', required: true },
      replay: { maxAgeMs: 2000, nonceTtlMs: 5000, clockErrorMs: 100, storeTimeoutMs: 250 },
      probe: PROBE,
    },
    tls: {
      files: {
        ca: certificatesIn(pki.ca, 'ca.pem', 'bundle'),
        cert: certificatesIn(pki.client.cert, 'rotctl.pem', 'chain'),
        key: { file: 'rotctl.key', key: createPrivateKey(pki.client.key), problem: undefined },
      },
      handshakes: createHandshakes({ ca: pki.ca, cert: pki.client.cert, key: pki.client.key }),
    },
    clients: [{ id: 'client-a', accepted: [{ generation: 'current', secret: Secret.fromText(SECRETS.current) }] }],
    vectors: readVectors(readFileSync('spec/signer-auth-v1.json', 'utf8'), 'spec/signer-auth-v1.json'),
    burned: [],
    owed: [],
    patienceMs: 0,
    concurrency: { copies: 9, rounds: 3 },
  };
  return {
    pki,
    store,
    signers,
    context,
    impatient: createProber({ settings: { ...PROBE, deadlineMs: 150 }, ...shared }),
    with: (change) => ({ ...context, ...change }),
    repair: () => {
      for (const { knobs } of signers) Object.assign(knobs, soundKnobs(store), initial);
    },
    close: async () => {
      await transport.close();
      await Promise.all(signers.map((signer) => signer.close()));
    },
  };
}

/** How a replica is deployed is of no interest to a probe. */
export function asReplica({ name, url, serverName }: Target): Replica {
  const format = { kind: 'single' } as const;
  const deploy = {
    driver: 'env-file',
    path: '',
    variable: '',
    format,
    reload: undefined,
    restart: undefined,
    deadlineMs: 1,
  } as const;
  return { name, url, serverName, deploy };
}
