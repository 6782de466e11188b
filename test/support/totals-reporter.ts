import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** What a file of tests came to. A file that could not even be loaded counts as one failure. */
interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** Where failures stand that belong to no file. */
const NO_FILE = '';

/**
 * Writes the totals of each file of the run as JSON, by its path from the project's root, to the file that
 * `ROTCTL_TEST_TOTALS` names; without it, does nothing.
 */
export class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env.ROTCTL_TEST_TOTALS;
    if (file === undefined || file === '') return;
    const totals = Object.fromEntries(modules.map((module) => [module.relativeModuleId, totalsOf(module)]));
    if (unhandledErrors.length > 0) totals[NO_FILE] = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    writeFileSync(file, `${JSON.stringify(totals)}\n`);
  }
}

function totalsOf(module: TestModule): Totals {
  const totals: Totals = { passed: 0, failed: module.errors().length, skipped: 0 };
  for (const suite of module.children.allSuites()) totals.failed += suite.errors().length;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') totals.passed += 1;
    else if (state === 'failed' || state === 'pending') totals.failed += 1;
    else totals.skipped += 1;
  }
  return totals;
}
