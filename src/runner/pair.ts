import type { Secret } from '../credential/secret.ts';
import type { RotatingGeneration } from '../machine/step.ts';

/** The two secrets of one client in one rotation, and where it has two client ids, under which each stands. */
export type Pair = Readonly<Record<RotatingGeneration, Secret>> & {
  readonly ids?: Readonly<Record<RotatingGeneration, string>> | undefined;
};

/** The secrets of a rotation, by client id. */
export type Pairs = ReadonlyMap<string, Pair>;
