import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Command, crashAndResume, failingTask, type Kill, type Point, tasksIn } from '../crash/crash-run.ts';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

const REPLICAS = ['signer-a', 'signer-b'];
const RANDOM_KILLS = 8;
/** Longer than any command takes to its first few entries on an idle machine. */
const LATEST_KILL_MS = 9000;
/** Each command from the state in which the one before ends. */
const ORDER: readonly Command[] = ['overlap', 'rollback', 'failing-overlap', 'overlap', 'retire'];

function at(kinds: string, moment: Point['moment']): Point {
  return { kinds, nth: 1, moment };
}

/** What one task is killed at, one process after the other: intended, done but not recorded, torn in recording, recorded. */
const TASK: readonly Point[] = [
  at('intent', 'durable'),
  at('outcome', 'before'),
  at('outcome', 'torn'),
  at('outcome', 'named'),
];

const PHASE: readonly Point[] = (['before', 'durable', 'named', 'named'] as const).map((moment) =>
  at('checkpoint|destroy', moment),
);

/**
 * Kills at every boundary of every task. A process that is taken up goes on with the task that is open, so that the next
 * point is always the first of its kind. The task that fails is tried again until its failure has had its consequence.
 */
function everyBoundary(command: Command): readonly Point[] {
  const tasks: (readonly Point[])[] = Array.from({ length: tasksIn({ replicas: REPLICAS }, command) }, () => TASK);
  if (command === 'failing-overlap') {
    tasks[failingTask({ replicas: REPLICAS }) - 1] = [
      at('intent', 'durable'),
      at('outcome', 'before'),
      at('checkpoint', 'named'),
    ];
  }
  return tasks.flat();
}

function anyTimes(): readonly number[] {
  return Array.from({ length: RANDOM_KILLS }, () => Math.round(Math.random() * LATEST_KILL_MS));
}

for (const [what, killsOf] of [
  ['at every boundary of every task', everyBoundary],
  ['at every change of phase', () => PHASE],
  ['at any time', anyTimes],
] as const) {
  describe(`rotctl is killed ${what}`, () => {
    let fleet: PracticeFleet;
    beforeAll(async () => {
      fleet = await startPracticeFleet();
    }, 120_000);
    afterAll(() => fleet.down());

    for (const command of ORDER) {
      const kills: readonly Kill[] = killsOf(command);
      const times = typeof kills[0] === 'number' ? ` after ${kills.join(', ')} ms` : '';
      it(`${command}: ${kills.length} kills${times}`, within(1200), () => crashAndResume(fleet, command, kills));
    }
  });
}
