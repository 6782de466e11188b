import type { Secret } from '../credential/secret.ts';
import type { RotatingGeneration } from '../machine/step.ts';

/** The two secrets of one client in one rotation. */
export type Pair = Readonly<Record<RotatingGeneration, Secret>>;

/** The secrets of a rotation, by client id. */
export type Pairs = ReadonlyMap<string, Pair>;
