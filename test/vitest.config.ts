import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';
import { TotalsReporter } from './support/totals-reporter.ts';

/** `make test-systems` and `make test-long` name their folder here; without it the quick tests run. */
const suite = process.env.ROTCTL_TEST_SUITE;
/**
 * How many files run side by side. Most start fleets of real processes and then wait, for windows to pass and rolls to
 * end, so that one more than there are processors still leaves each of them time enough.
 */
const lanes = Number(process.env.ROTCTL_TEST_LANES ?? (suite === 'long' ? 1 : Math.min(availableParallelism() + 1, 4)));

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: [`test/${suite === undefined ? '' : `${suite}/`}**/*.test.ts`],
    exclude: ['node_modules/**', ...(suite === undefined ? ['test/systems/**', 'test/long/**'] : [])],
    // What is waited for inside has deadlines of its own, and says what it was.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globalSetup: ['test/support/in-memory.ts'],
    pool: 'forks',
    fileParallelism: lanes > 1,
    maxWorkers: lanes,
    // A whole fleet is enough for one lane; fleets of other systems wait more than they work.
    maxConcurrency: lanes > 1 && suite === undefined ? 1 : 2,
    sequence: { sequencer: LongestFirst },
    env: { NODE_EXTRA_CA_CERTS: '' },
    reporters: ['default', new TotalsReporter()],
  },
});
