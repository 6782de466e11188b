// The totals of test runs, as the tests' own reporter wrote them: for each file of tests { passed, failed, skipped }.
// `totals.mjs again FILE` prints the files that are worth running again alone; `totals.mjs sum FOLDER` prints what all
// runs in the folder came to, as `passed failed`, where NAME.alone.json stands for the same files of NAME.json.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** More than these are no accident. */
const MOST_AGAIN = 5;

const [command, path] = process.argv.slice(2);
console.log(command === 'again' ? again(path).join('\n') : sum(path));

function again(file) {
  if (!existsSync(file)) return [];
  const failed = Object.entries(read(file)).flatMap(([name, totals]) => (totals.failed > 0 ? [name] : []));
  // What belongs to no file cannot be run again.
  return failed.length > MOST_AGAIN || failed.includes('') ? [] : failed;
}

function sum(folder) {
  const total = { passed: 0, failed: 0 };
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json') && !file.endsWith('.alone.json'))) {
    const alone = join(folder, name.replace(/json$/, 'alone.json'));
    const totals = { ...read(join(folder, name)), ...(existsSync(alone) ? read(alone) : {}) };
    for (const { passed, failed } of Object.values(totals)) {
      total.passed += passed;
      total.failed += failed;
    }
  }
  return `${total.passed} ${total.failed}`;
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
