import type { Protocol } from '../../protocol/protocol.ts';
import { DRILL_FAULTS, parseFault } from '../faults.ts';

/** A kind of drill that a game day plays. */
export interface GameDayDrill {
  readonly name: string;
  readonly runbook: string;
  readonly protocol: Protocol;
  /** The replicas of its practice fleet. */
  readonly replicas: readonly string[];
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

/** The gates' faults, in the same order: the new secret missed and key ids not bound; the old one kept; nonces not shared. */
const GATE_FAULTS: readonly FaultGroup[] = [
  { faults: ['strict-ignored@gate-b', 'keeps-old@gate-c'], typicalS: 75 },
  { faults: ['signature-not-required@gate-a', 'misses-next@gate-b'], typicalS: 80 },
  { faults: ['per-process-nonces@gate-b', 'revoked-ignored@gate-c'], typicalS: 80 },
  { faults: ['empty-secret-accepted@gate-a', 'default-key-id-missing@gate-b'], typicalS: 80 },
  { faults: ['idempotency-cache@gate-c'], typicalS: 75 },
  { faults: ['crash-mid-roll@gate-b'], typicalS: 80 },
];

/** Every drill that exists, in the order of playing. */
export const GAME_DAY_DRILLS: readonly GameDayDrill[] = [
  {
    name: 'signer-hmac',
    runbook: 'signer-hmac',
    protocol: 'keyring-v1',
    replicas: ['signer-a', 'signer-b', 'signer-c'],
    typicalS: 60,
    campaign: SIGNER_FAULTS,
  },
  {
    name: 'gate-hmac',
    runbook: 'gate-hmac',
    protocol: 'gate-v1',
    replicas: ['gate-a', 'gate-b', 'gate-c'],
    typicalS: 65,
    campaign: GATE_FAULTS,
  },
];

/**
 * What is to be played, in order. By default each drill with the first faults of its campaign, without which the game day
 * proves nothing: it is the whole drill, and has something to find. Then the plain drills, then the other faults, turn by
 * turn. Where faults are named: the plain drills, and each fault in every drill that knows it.
 */
export function jobsOf({ faults, all }: Choice, drills: readonly GameDayDrill[] = GAME_DAY_DRILLS): readonly Job[] {
  const plain = (asked: boolean) =>
    drills.map((drill) => jobOf(drill, { faults: [], typicalS: drill.typicalS }, asked));
  if (all || faults.length > 0) {
    const wanted = (drill: GameDayDrill): FaultGroup[] =>
      namedFor(drill, faults, all).map((fault) => ({ faults: [fault], typicalS: UNMEASURED_S }));
    return [...plain(true), ...inTurn(drills, wanted).map(({ drill, group }) => jobOf(drill, group, true))];
  }
  const groups = inTurn(drills, ({ campaign }) => campaign);
  const first = groups.slice(0, drills.filter(({ campaign }) => campaign.length > 0).length);
  return [
    ...first.map(({ drill, group }) => jobOf(drill, group, true)),
    ...plain(false),
    ...groups.slice(first.length).map(({ drill, group }) => jobOf(drill, group, false)),
  ];
}

/** The faults that were named, or all, as far as the drill knows them and has their replica. */
function namedFor({ protocol, replicas }: GameDayDrill, faults: readonly string[], all: boolean): readonly string[] {
  const known = DRILL_FAULTS[protocol].map(({ name }) => name);
  if (all) return known;
  return [...new Set(faults)].filter((fault) => {
    const { name, target } = parseFault(fault);
    return known.includes(name) && (target === undefined || replicas.includes(target));
  });
}

/** The first group of each drill, then the second of each, and so on. */
function inTurn(
  drills: readonly GameDayDrill[],
  groupsOf: (drill: GameDayDrill) => readonly FaultGroup[],
): { readonly drill: GameDayDrill; readonly group: FaultGroup }[] {
  const rounds = Math.max(0, ...drills.map((drill) => groupsOf(drill).length));
  return Array.from({ length: rounds }, (_, round) =>
    drills.flatMap((drill) =>
      groupsOf(drill)
        .slice(round, round + 1)
        .map((group) => ({ drill, group })),
    ),
  ).flat();
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
