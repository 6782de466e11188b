import type { Session } from '../../../src/cli/session.ts';
import type { Fleet } from '../../../src/fleet/fleet.ts';
import { takeUsage } from '../../../src/watch/usage.ts';
import { compareUsage } from '../../../src/watch/usage-delta.ts';
import type { CountsReading, UsageSample } from '../../../src/watch/usage-reading.ts';
import { eventually } from '../../support/until.ts';

/** What the clients' accepted requests were signed with, by the pages of the signers. */
export class ClientTraffic {
  readonly #take: () => Promise<UsageSample>;
  #before: UsageSample = [];

  constructor({ transport, probes, tools }: Session, { usage, replicas, clients, probe, replay }: Fleet) {
    const [source] = usage;
    if (source?.from !== 'metrics') throw new Error('the fleet declares no page of metrics');
    const scope = {
      ...{ source, replicas, clients, ownActor: undefined, clockErrorMs: replay.clockErrorMs },
      ...{ runId: tools.runId, deadlineMs: probe.deadlineMs },
    };
    this.#take = () => takeUsage(scope, transport, probes.clock);
  }

  /** Forgets all that was counted. @param up the replicas that answer; the others have counted nothing */
  async begin(up: readonly string[]): Promise<void> {
    const isWhole = (one: UsageSample[number]) => one.read || !up.includes(one.replica);
    const sample = await eventually('every replica that is up shows its page', async () => {
      const taken = await this.#take();
      return taken.every(isWhole) && taken;
    });
    this.#before = sample.map((one) => (one.read ? one : empty(one)));
  }

  /** The fingerprints under which each client was accepted since `begin`; silent clients are left out. */
  async used(): Promise<ReadonlyMap<string, readonly string[]>> {
    const { counts } = compareUsage(this.#before, await this.#take());
    return new Map([...counts].map(([client, prints]) => [client, [...prints.keys()]]));
  }

  /** Resolves when each of the clients was seen since `begin`. */
  async sawAll(clients: readonly string[]): Promise<void> {
    const all = async () => {
      const used = await this.used();
      return clients.every((client) => used.has(client));
    };
    await eventually(`traffic of ${clients.join(', ')}`, all);
  }
}

/** A replica that was down had counted nothing. */
function empty({ replica, at }: UsageSample[number]): CountsReading {
  return {
    read: true,
    shows: 'counts',
    replica,
    at,
    processStart: undefined,
    counts: new Map(),
    own: 0,
    strangers: [],
  };
}
