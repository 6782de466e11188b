import { expect, it } from 'vitest';
import { expectCaught, QUICKLY_CAUGHT } from '../support/forced-mistake.ts';
import { startPracticeFleet, within } from '../support/practice-fleet.ts';

/** Which mistake of certificates this run makes; all are made by the long tests. */
const seed = Number(process.env.ROTCTL_SEED ?? Date.now() % 1_000_000);
const mistake = QUICKLY_CAUGHT[seed % QUICKLY_CAUGHT.length] ?? expect.unreachable('there are some');

it(
  `${mistake.file}, made on the operator’s word, is caught live and taken back (seed ${seed})`,
  within(60),
  async () => {
    const fleet = await startPracticeFleet();
    await expectCaught(fleet, mistake);
    const retired = await fleet.rotctl(['retire']);
    expect([retired.code, retired.stderr]).toEqual([
      13,
      expect.stringMatching(/^next: rotctl overlap --material mtls$/m),
    ]);
    await fleet.down();
  },
);
