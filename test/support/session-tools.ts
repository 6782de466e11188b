import type { SessionTools } from '../../src/probe/kept-sessions.ts';
import { createProber } from '../../src/probe/prober.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createKeptConnections } from '../../src/system/kept-connections.ts';
import { pooledRandom } from '../../src/system/random.ts';
import { createTransport } from '../../src/system/transport.ts';
import { PROBE } from '../probe/harness.ts';

/** What trying sessions takes, on real connections that trust a bundle; whoever opens it closes it. */
export function sessionTools(ca: string): SessionTools & { close(): Promise<void> } {
  const transport = createTransport({ ca });
  const [clock, random] = [systemClock, pooledRandom()];
  const prober = createProber({ settings: PROBE, outcomes: [], transport, clock, random, runId: 'test' });
  return {
    clock,
    random,
    prober,
    keep: createKeptConnections({ ca }),
    deadlineMs: 5000,
    close: () => transport.close(),
  };
}
