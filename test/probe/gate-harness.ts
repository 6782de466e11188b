import { Secret } from '../../src/credential/secret.ts';
import type { ReplayContract } from '../../src/fleet/fleet.ts';
import type { CheckContext, GateExpectation } from '../../src/probe/checks/check.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { KeyIds } from '../../src/probe/key-ids.ts';
import { createProber } from '../../src/probe/prober.ts';
import { systemClock } from '../../src/system/clock.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { GATE_IDS, GATE_SECRETS, type GateKnobs, type MiniGate, miniGate, soundGate } from '../support/mini-gate.ts';
import { MiniStore } from '../support/mini-signer.ts';
import { asReplica } from './harness.ts';

/** The two secrets of the gates. */
export const SECRETS = {
  current: Secret.fromText(GATE_SECRETS.current),
  next: Secret.fromText(GATE_SECRETS.next),
} as const;

/** How a probe of the tests' gates is made. */
export const GATE_PROBE = {
  method: 'POST',
  path: '/gate/request',
  body: '',
  causes: 'nothing',
  deadlineMs: 1500,
  maxBytes: 65_536,
  perSecond: undefined,
  gate: { tool: 'practice.noop', session: 'practice-probe', actor: 'did:practice:rotctl', conviction: 0, params: {} },
} as const;

const REPLAY: ReplayContract = {
  maxAgeMs: 2000,
  nonceTtlMs: 6000,
  clockErrorMs: 100,
  storeTimeoutMs: 250,
  unsignedMs: 1000,
};

/** Running gates and all that is needed to check them. */
export interface GateFleet {
  readonly store: MiniStore;
  readonly gates: readonly MiniGate[];
  readonly context: CheckContext;
  /** The gate to break. */
  readonly last: MiniGate;
  /** Runs one check, and gives what it found on the last gate. */
  check(id: string, change?: Partial<CheckContext>): Promise<Finding>;
  /** Makes every gate sound again, but for what is given. */
  repair(change?: Partial<GateKnobs>): void;
  close(): Promise<void>;
}

/** What the configuration of every gate says; by default nothing is enforced or revoked. */
export function configured(
  gates: readonly MiniGate[],
  { strict = false, revoked = [] }: Partial<GateExpectation> = {},
): ReadonlyMap<string, GateExpectation> {
  return new Map(gates.map(({ name }) => [name, { strict, revoked }]));
}

/** Starts gates `gate-a`, `gate-b`, … that share one store, in the middle of a rotation. */
export async function startGates(count = 2): Promise<GateFleet> {
  const store = new MiniStore();
  const names = Array.from({ length: count }, (_, n) => `gate-${String.fromCharCode(97 + n)}`);
  const gates = await Promise.all(names.map((name) => miniGate(name, soundGate(store))));
  const last = gates.at(-1);
  if (last === undefined) throw new Error('a fleet has a gate');
  const keyIds = new KeyIds();
  for (const generation of ['current', 'next'] as const) keyIds.learn(SECRETS[generation], GATE_IDS[generation]);
  const transport = createTransport(undefined);
  const [clock, random] = [systemClock, pooledRandom()];
  const context: CheckContext = {
    clock,
    random,
    prober: createProber({
      ...{ settings: GATE_PROBE, outcomes: [], protocol: 'gate-v1', keyIds, transport, clock, random },
      runId: 'test',
    }),
    fleet: {
      replicas: gates.map((gate) => asReplica(gate)),
      balancer: undefined,
      tls: { ca: undefined, cert: undefined, key: undefined, required: false },
      replay: REPLAY,
      probe: GATE_PROBE,
    },
    clients: [
      {
        id: 'langgraph',
        accepted: (['current', 'next'] as const).map((generation) => ({ generation, secret: SECRETS[generation] })),
      },
    ],
    gates: configured(gates),
    vectors: undefined,
    burned: [],
    owed: [],
    patienceMs: 0,
    concurrency: { copies: 9, rounds: 3 },
  };
  return {
    store,
    gates,
    context,
    last,
    async check(id, change = {}) {
      const [check] = checksOf({ protocol: 'gate-v1' }).filter((each) => each.id === id);
      if (check === undefined) throw new Error(`gates have no check ${id}`);
      const found = await runChecks([check], { ...context, ...change });
      const finding = found.find(({ target }) => target === last.name || target === 'fleet');
      if (finding === undefined) throw new Error(`${id} found nothing on ${last.name}`);
      return finding;
    },
    repair: (change = {}) => {
      for (const { knobs } of gates) Object.assign(knobs, soundGate(store), change);
    },
    close: async () => {
      await transport.close();
      await Promise.all(gates.map((gate) => gate.close()));
    },
  };
}
