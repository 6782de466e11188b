import { it } from 'vitest';
import { expectCaught, MISTAKES } from '../support/forced-mistake.ts';
import { startPracticeFleet, within } from '../support/practice-fleet.ts';

it.each(MISTAKES)('$file, made on the operator’s word, is caught live', within(150), async (mistake) => {
  const fleet = await startPracticeFleet();
  await expectCaught(fleet, mistake);
  await fleet.down();
});
