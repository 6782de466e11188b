import { DRILL_FAULTS } from './faults.ts';

/** A kind of drill that a game day plays. */
export interface GameDayDrill {
  readonly name: string;
  readonly runbook: string;
  /** Seconds that it takes without a fault, beside as many others as a game day plays at once. */
  readonly typicalS: number;
  /** What the default campaign plants in it: each line is one drill, with a fault on each of some replicas. */
  readonly campaign: readonly FaultGroup[];
}

/** Faults that one drill has to find, as `drill --fault` takes them. */
export interface FaultGroup {
  readonly faults: readonly string[];
  /** Seconds that such a drill takes. */
  readonly typicalS: number;
}

/** One drill of a game day: one process, one practice fleet, one folder. */
export interface Job {
  /** Also the name of its folder. */
  readonly id: string;
  readonly drill: string;
  readonly runbook: string;
  /** `NAME` or `NAME@REPLICA`; none is the plain drill. */
  readonly faults: readonly string[];
  readonly typicalS: number;
  /** Whether the game day proves nothing without it: plain drills, and faults that somebody named. */
  readonly asked: boolean;
}

/** Which faults are played. */
export interface Choice {
  /** `NAME` or `NAME@REPLICA`, each in a drill of its own, in place of the default campaign. */
  readonly faults: readonly string[];
  readonly all: boolean;
}

/** Seconds of a drill with one fault that nobody has measured. */
const UNMEASURED_S = 70;

/**
 * The signers' faults, one of each kind first: a replica that misses the new secret, one that keeps the old, a store that
 * fails open; then clocks, stores, silence and death. Faults that show in the same check are not planted together.
 */
const SIGNER_FAULTS: readonly FaultGroup[] = [
  { faults: ['keeps-old@signer-b', 'fail-open@signer-c'], typicalS: 65 },
  { faults: ['skewed-clock@signer-a', 'non-atomic-store@signer-b'], typicalS: 65 },
  { faults: ['misses-next@signer-b', 'memory-store@signer-c'], typicalS: 75 },
  { faults: ['slow@signer-b'], typicalS: 70 },
  { faults: ['reset@signer-c'], typicalS: 70 },
  { faults: ['crash-mid-roll@signer-b'], typicalS: 70 },
];

/** Every drill that exists, in the order of playing. */
export const GAME_DAY_DRILLS: readonly GameDayDrill[] = [
  { name: 'signer-hmac', runbook: 'signer-hmac', typicalS: 60, campaign: SIGNER_FAULTS },
];

/** What is to be played, in order: each plain drill, then the faults, turn by turn through the drills. */
export function jobsOf({ faults, all }: Choice, drills: readonly GameDayDrill[] = GAME_DAY_DRILLS): readonly Job[] {
  const named = [...new Set(all ? DRILL_FAULTS.map(({ name }) => name) : faults)];
  const asked = named.length > 0;
  const groupsOf = ({ campaign }: GameDayDrill): readonly FaultGroup[] =>
    asked ? named.map((fault) => ({ faults: [fault], typicalS: UNMEASURED_S })) : campaign;
  const rounds = Math.max(0, ...drills.map((drill) => groupsOf(drill).length));
  const planted = Array.from({ length: rounds }, (_, round) =>
    drills.flatMap((drill) =>
      groupsOf(drill)
        .slice(round, round + 1)
        .map((group) => jobOf(drill, group, asked)),
    ),
  );
  return [...drills.map((drill) => jobOf(drill, { faults: [], typicalS: drill.typicalS }, true)), ...planted.flat()];
}

function jobOf({ name, runbook }: GameDayDrill, { faults, typicalS }: FaultGroup, asked: boolean): Job {
  const id = [name, ...(faults.length === 0 ? [] : [faults.join('+').replaceAll('@', '-on-')])].join('-');
  return { id, drill: name, runbook, faults, typicalS, asked };
}

/** A drill of a game day in words: `signer-hmac with keeps-old on signer-b`. */
export function sayJob({ drill, faults }: Job): string {
  const planted = faults.map((fault) => fault.replace('@', ' on '));
  return planted.length === 0 ? drill : `${drill} with ${planted.join(' and ')}`;
}
