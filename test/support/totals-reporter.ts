import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Writes the run's real totals as JSON to the file named by `ROTCTL_TEST_TOTALS`, for `.ci/run` to add up. */
export class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env.ROTCTL_TEST_TOTALS;
    if (path === undefined) return;
    const totals = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (module.state() === 'failed' && module.errors().length > 0) totals.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') totals[state] += 1;
        else totals.skipped += 1;
      }
    }
    writeFileSync(path, JSON.stringify(totals));
  }
}

// biome-ignore lint/style/noDefaultExport: the test runner loads a reporter by its default export
export default TotalsReporter;
