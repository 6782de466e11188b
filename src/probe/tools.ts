import type { Endpoint } from '../fleet/fleet.ts';
import type { Clock, Random } from './ports.ts';
import type { Prober } from './prober.ts';

/** A place to probe, with the name under which it is reported. */
export interface Target extends Endpoint {
  readonly name: string;
}

/** What probing needs beside the fleet: who sends, time and randomness. */
export interface Tools {
  readonly prober: Prober;
  readonly clock: Clock;
  readonly random: Random;
}
