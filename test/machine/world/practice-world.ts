import { randomBytes } from 'node:crypto';
import type { Session } from '../../../src/cli/session.ts';
import { Secret } from '../../../src/credential/secret.ts';
import type { Endpoint, Fleet } from '../../../src/fleet/fleet.ts';
import type { Phase } from '../../../src/machine/phase.ts';
import type { Move } from '../../../src/machine/safety/moves.ts';
import type { Model, State } from '../../../src/machine/safety/world.ts';
import type { Proof, RotatingGeneration } from '../../../src/machine/step.ts';
import { askOracle, burn } from '../../../src/probe/oracle.ts';
import { carryOut } from '../../../src/runner/carry-out.ts';
import { acceptorIn, clientIn, keyringConfigurations } from '../../../src/runner/configurations.ts';
import type { Pair } from '../../../src/runner/pair.ts';
import { named } from '../../../src/runner/prove-rounds.ts';
import { bySecret } from '../../deploy/by-secret.ts';
import { startPracticeFleet } from '../../support/practice-fleet.ts';
import { ClientTraffic } from './client-traffic.ts';
import { DOWN, GENERATIONS, placeOf, type Sight } from './expected.ts';
import { type Opened, openPractice } from './open-practice.ts';
import type { Supervisor } from './practice-commands.ts';

const CLIENTS = ['client-a', 'client-b'];

/** A practice fleet of real processes, on which every move of the model can be made, and where all can be seen. */
export class PracticeWorld {
  readonly model: Model;
  readonly supervisor: Supervisor;
  readonly #session: Session;
  readonly #fleet: Fleet;
  readonly #runner: Opened['runner'];
  readonly #pairs = new Map<string, Pair>();
  readonly #traffic: ClientTraffic;
  #refusedBefore = 0;

  private constructor({ model, supervisor, session, runner }: Opened) {
    this.model = model;
    this.supervisor = supervisor;
    this.#session = session;
    this.#fleet = runner.fleet;
    this.#runner = runner;
    this.#traffic = new ClientTraffic(session, runner.fleet);
  }

  /** Starts a fleet of three signers and two clients; its processes end with the tests of the file. */
  static async start(): Promise<PracticeWorld> {
    const world = new PracticeWorld(await openPractice(await startPracticeFleet({ replicas: 3 }), CLIENTS));
    await world.repair();
    return world;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  /** Makes a move of the model in earnest; the rotation's own moves are none. */
  async bring(move: Move): Promise<void> {
    switch (move.kind) {
      case 'effect': {
        const task = { ...move.task, targets: [move.target] };
        const { driver } = this.#session.tools;
        const configurations = keyringConfigurations({ fleet: this.#runner.fleet, driver }, this.#pairs);
        const carried = await carryOut({ ...this.#runner, pairs: this.#pairs, configurations }, 'r1', task);
        const bad = carried.done ? carried.notes : [carried.why];
        if (bad.length > 0) throw new Error(bad.join('; '));
        return;
      }
      case 'restart':
        await this.supervisor.tell('kill', move.target);
        await this.supervisor.tell('start', move.target);
        return;
      case 'crash':
        await this.supervisor.tell('kill', move.target);
        return;
      case 'start':
        await this.supervisor.tell('start', move.target);
        return;
      case 'client-restart':
        await this.supervisor.tell('restart', move.target);
        return;
      case 'scale-out':
        await this.supervisor.tell('renew', move.target);
        return;
      case 'reconcile':
        return this.#reconcile(move.template, move.target);
      default:
        return;
    }
  }

  /** What a reconciler does: the template's own secrets, whatever they are, become those of the replica. */
  async #reconcile(template: string, replica: string): Promise<void> {
    const driver = bySecret(this.#session.tools.driver);
    const held = await driver.readAccepted(this.#acceptor(template), CLIENTS);
    await driver.writeAccepted(this.#acceptor(replica), held);
  }

  /** The evidence matrix as it is: one signed probe for each client's generation, straight to each replica. */
  async matrix(): Promise<Sight> {
    const rows = await Promise.all(this.#fleet.replicas.map((replica) => this.#row(replica)));
    return new Map(rows.flat());
  }

  /** One after the other, over a connection that is kept for as long as the replica's process lives. */
  async #row(replica: Fleet['replicas'][number]): Promise<[place: string, seen: string][]> {
    const row: [string, string][] = [];
    for (const generation of GENERATIONS) {
      for (const client of CLIENTS) {
        const seen = await this.#answer(replica, client, this.#pair(client)[generation]);
        row.push([placeOf.cell(replica.name, generation, client), seen]);
      }
    }
    return row;
  }

  /** A connection that broke off says nothing, and is tried again; one that is refused says that nobody is there. */
  async #answer(endpoint: Endpoint, client: string, secret: Secret, tries = 4): Promise<string> {
    const { outcome, fault } = await this.#session.probes.prober.probe({ endpoint, client, secret });
    if (fault?.code === 'ECONNREFUSED') return DOWN;
    return fault === undefined || tries === 1 ? outcome.code : this.#answer(endpoint, client, secret, tries - 1);
  }

  /** What every configuration file holds. */
  async disks(): Promise<Sight> {
    const driver = bySecret(this.#session.tools.driver);
    const sight = new Map<string, string>();
    for (const acceptor of [...this.#fleet.templates, ...this.#fleet.replicas]) {
      for (const [client, secrets] of await driver.readAccepted(acceptor, CLIENTS)) {
        const names = secrets.map((secret) => this.#nameOf(client, secret.fingerprint));
        sight.set(placeOf.acceptorDisk(acceptor.name, client), names.join(', '));
      }
    }
    for (const client of this.#fleet.clients) {
      const secret = await driver.readSigning(client);
      sight.set(placeOf.clientDisk(client.id), this.#nameOf(client.id, secret.fingerprint));
    }
    return sight;
  }

  /** What the clients' requests were signed with since `expectTraffic`; silent clients are left out. */
  async traffic(): Promise<Sight> {
    const used = await this.#traffic.used();
    return new Map(
      [...used].map(([client, prints]) => {
        const names = prints.map((print) => this.#nameOf(client, print)).sort();
        return [placeOf.traffic(client), names.join(' and ')];
      }),
    );
  }

  /** From here on a client signs otherwise. @param up the replicas that answer */
  expectTraffic(up: readonly string[]): Promise<void> {
    return this.#traffic.begin(up);
  }

  /** Resolves when each of the clients has been seen since `expectTraffic`. */
  seeTraffic(clients: readonly string[]): Promise<void> {
    return this.#traffic.sawAll(clients);
  }

  /** How many valid requests of the clients authentication has refused since the walk began. */
  async refused(): Promise<number> {
    return (await this.#refusedInAll()) - this.#refusedBefore;
  }

  /** Burns a nonce at one replica, and says what each other one answers to it. */
  async burnedElsewhere(at: string, generation: RotatingGeneration): Promise<Sight> {
    const { probes } = this.#session;
    const [client = ''] = CLIENTS;
    const secret = this.#pair(client)[generation];
    const targets = this.#fleet.replicas.map((replica) => named(replica.name, replica));
    const place = targets.find(({ name }) => name === at);
    if (place === undefined) throw new Error(`no replica ${at}`);
    const { burned } = await burn(probes, place, { client, secret });
    if (burned === undefined) return new Map([[at, 'the nonce could not be burned']]);
    const asked = targets.map(async (target) => {
      const { outcome } = await askOracle(probes, target, burned, secret);
      return [target.name, outcome.code] as const;
    });
    return new Map(await Promise.all(asked));
  }

  /** Takes a proof as the runner does. */
  async isProven(proof: Proof, phase: Phase, targets: readonly string[]): Promise<boolean> {
    const prover = await this.#session.tools.prover(this.#pairs);
    return (await prover.prove(proof, phase, targets)).verdict === 'pass';
  }

  /**
   * Another rotation begins: what each client signs with becomes its `current`, which everybody lists alone from now on,
   * and `next` is fresh. Nobody is locked out by that.
   */
  async renew({ world }: State): Promise<void> {
    const { inventory } = this.model.setting;
    for (const [index, client] of inventory.clients.entries()) {
      const signs = world.clients[index]?.memory.signs ?? 'current';
      this.#pairs.set(client, { current: this.#pair(client)[signs], next: freshSecret() });
    }
    await this.#writeCurrent();
    for (const [index, replica] of inventory.replicas.entries()) {
      const down = world.replicas[index]?.memory === undefined;
      await this.supervisor.tell(down ? 'start' : 'reload', replica);
    }
    await this.#begun();
  }

  /** Makes a first state out of anything: everybody gets new secrets and a new process. */
  async repair(): Promise<void> {
    for (const client of CLIENTS) this.#pairs.set(client, { current: freshSecret(), next: freshSecret() });
    await this.#writeCurrent();
    const anew = async (name: string) => {
      await this.supervisor.tell('kill', name);
      await this.supervisor.tell('start', name);
    };
    await Promise.all(this.#fleet.replicas.map(({ name }) => anew(name)));
    // Only now, and to their last answers: none of theirs is refused any more.
    await Promise.all(CLIENTS.map((client) => this.supervisor.tell('restart', client)));
    await this.#begun();
  }

  async #writeCurrent(): Promise<void> {
    const driver = bySecret(this.#session.tools.driver);
    const lists = new Map([...this.#pairs].map(([client, { current }]) => [client, [current]]));
    for (const acceptor of [...this.#fleet.templates, ...this.#fleet.replicas])
      await driver.writeAccepted(acceptor, lists);
    for (const client of CLIENTS) {
      await driver.writeSigning(clientIn(this.#runner.fleet, client), this.#pair(client).current);
    }
  }

  async #begun(): Promise<void> {
    await this.expectTraffic(this.model.setting.inventory.replicas);
    this.#refusedBefore = await this.#refusedInAll();
  }

  async #refusedInAll(): Promise<number> {
    const { clients } = await this.supervisor.tell('status');
    const counts = Array.isArray(clients) ? clients.map((client: { refused: number }) => client.refused) : [];
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #acceptor(name: string) {
    return acceptorIn(this.#runner.fleet, name);
  }

  #pair(client: string): Pair {
    const pair = this.#pairs.get(client);
    if (pair === undefined) throw new Error(`no secrets of ${client}`);
    return pair;
  }

  #nameOf(client: string, fingerprint: string): string {
    const pair = this.#pair(client);
    return GENERATIONS.find((generation) => pair[generation].fingerprint === fingerprint) ?? 'a foreign secret';
  }
}

function freshSecret(): Secret {
  return Secret.fromText(randomBytes(32).toString('hex'));
}
