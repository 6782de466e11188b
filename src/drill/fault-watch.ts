import { RotctlError } from '../errors/rotctl-error.ts';
import { countClients } from './count-clients.ts';
import { DRILL_FAULTS, type DrillFault, findFault, type Seen } from './faults.ts';
import type { DrillTools, FaultEnd, Planted } from './tools.ts';

interface Watched extends Planted {
  readonly fault: DrillFault;
  check: string | null;
  recovered: boolean;
}

/** Plants faults, recognises them in what checks have seen, and lifts them. What it does is in the ledger. */
export class FaultWatch {
  readonly #tools: DrillTools;
  readonly #watched: Watched[] = [];

  constructor(tools: DrillTools) {
    this.#tools = tools;
  }

  async plant(planted: Planted): Promise<void> {
    const fault = DRILL_FAULTS[this.#tools.kind].find(({ name }) => name === planted.name);
    if (fault === undefined)
      throw new RotctlError('USAGE', `no fault is called ${planted.name}`, { next: 'rotctl drill --list-faults' });
    await countClients(this.#tools);
    await this.#tools.stage.plant(planted.name, planted.target);
    this.#watched.push({ ...planted, fault, check: null, recovered: false });
    await this.#tools.note('fault', {
      fault: planted.name,
      target: planted.target,
      event: 'planted',
      proof: 'the replica has confirmed it',
    });
  }

  /** The planted faults that are not lifted yet. */
  get open(): readonly Planted[] {
    return this.#watched.filter(({ recovered }) => !recovered);
  }

  /**
   * Recognises open faults in what was seen, lifts them and has their replicas up again.
   *
   * @returns how many were found
   */
  async recover(seen: Seen): Promise<number> {
    let found = 0;
    for (const watched of this.#watched) {
      if (watched.recovered) continue;
      const check = findFault(watched.fault, watched.target, seen);
      if (check === undefined) continue;
      found += 1;
      watched.check ??= check;
      await this.#lift(watched, check);
    }
    return found;
  }

  async #lift(watched: Watched, check: string): Promise<void> {
    const { note, stage, progress } = this.#tools;
    const { name, target } = watched;
    await note('fault', { fault: name, target, event: 'found', check });
    await stage.lift(name, target);
    for (const replica of await stage.down()) await stage.start(replica);
    await note('fault', { fault: name, target, event: 'lifted' });
    await countClients(this.#tools);
    watched.recovered = true;
    progress.part(`fault ${name} on ${target} was found by ${check}, and is lifted`);
  }

  /** What became of each fault that the operator asked for. */
  ends(): FaultEnd[] {
    return this.#watched.map(({ name, target, check, recovered }) => ({
      name,
      target,
      found: check !== null,
      check,
      recovered,
    }));
  }
}
