import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** What a run came to. A file that could not even be loaded counts as one failure. */
interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Writes the totals of the run as JSON to the file that `ROTCTL_TEST_TOTALS` names; without it, does nothing.
 */
export class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env.ROTCTL_TEST_TOTALS;
    if (file === undefined || file === '') return;
    const totals: Totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) count(module, totals);
    writeFileSync(file, `${JSON.stringify(totals)}\n`);
  }
}

function count(module: TestModule, totals: Totals): void {
  totals.failed += module.errors().length;
  for (const suite of module.children.allSuites()) totals.failed += suite.errors().length;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') totals.passed += 1;
    else if (state === 'failed' || state === 'pending') totals.failed += 1;
    else totals.skipped += 1;
  }
}
