import { createHash } from 'node:crypto';
import { it } from 'vitest';
import { startPracticeFleet, within } from '../support/practice-fleet.ts';
import { type Command, crashAndResume, describePoint, type Moment, type Point, tasksIn } from './crash-run.ts';

/** Prints itself in each title; set it to see the same crash points again. */
const seed = Number(process.env.ROTCTL_SEED ?? Date.now() % 1_000_000);
const MOMENTS: readonly Moment[] = ['before', 'torn', 'durable', 'named'];
const TWO = { replicas: ['signer-a', 'signer-b'] };

let drawn = 0;

/** A number from 0 to below 1: the same ones, in the same order, for the same seed. */
function random(): number {
  drawn += 1;
  return createHash('sha256').update(`${seed} ${drawn}`).digest().readUInt32BE() / 2 ** 32;
}

function pick<T>(from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}

function anyPoint(command: Command): Point {
  return {
    kinds: pick(['intent', 'outcome']),
    nth: 1 + Math.floor(random() * tasksIn(TWO, command)),
    moment: pick(MOMENTS),
  };
}

/** On each fleet one after the other. What is destroyed and not yet recorded as destroyed is crashed at in any case. */
const fleets: readonly (readonly (readonly [Command, readonly Point[]])[])[] = [
  [
    ['overlap', [anyPoint('overlap')]],
    ['retire', [{ kinds: 'outcome', nth: tasksIn(TWO, 'retire'), moment: 'before' }]],
    ['overlap', [anyPoint('overlap')]],
  ],
  [
    ['overlap', [anyPoint('overlap')]],
    ['rollback', [anyPoint('rollback')]],
    ['failing-overlap', [anyPoint('failing-overlap')]],
  ],
];

for (const trials of fleets) {
  const title = trials
    .map(([command, points]) => `${command}${points.map((point) => ` ${describePoint(point)}`)}`)
    .join(', ');
  it.concurrent(`rotctl is killed and resumed: ${title} (seed ${seed})`, within(150), async () => {
    const fleet = await startPracticeFleet();
    for (const [command, points] of trials) await crashAndResume(fleet, command, points);
    await fleet.down();
  });
}
