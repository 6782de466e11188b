import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './support/totals-reporter.ts';

/** `make test-systems` and `make test-long` name their folder here; without it the quick tests run. */
const suite = process.env.ROTCTL_TEST_SUITE;

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: [`test/${suite === undefined ? '' : `${suite}/`}**/*.test.ts`],
    exclude: ['node_modules/**', ...(suite === undefined ? ['test/systems/**', 'test/long/**'] : [])],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most files start fleets of real processes: side by side on a small machine they would measure each other.
    fileParallelism: false,
    env: { NODE_EXTRA_CA_CERTS: '' },
    reporters: ['default', new TotalsReporter()],
  },
});
