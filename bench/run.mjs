/**
 * Builds the program and the benches into a folder of their own, runs them one after the other and prints one table.
 * `node bench/run.mjs [NAME…]`. Exits 1 when a limit is broken by more than the noise.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BENCHES = ['cold-start', 'checker', 'sign', 'probe', 'canary', 'practice', 'ledger'];
/** Rounds that differ by more than this among themselves prove nothing good. */
const TELLING = 0.5;
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  legalComments: 'none',
  logLevel: 'warning',
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
};

/** The program as `npm run build` makes it, and what is shipped beside it. */
async function buildProgram(folder) {
  const entryPoints = {
    main: 'src/main.ts',
    practice: 'src/practice/main.ts',
    'canary-worker': 'src/probe/canary-worker.ts',
  };
  const { metafile } = await build({
    ...COMMON,
    entryPoints,
    splitting: true,
    outdir: join(folder, 'dist'),
    metafile: true,
  });
  const outputs = Object.entries(metafile.outputs).map(([path, of]) => [path.slice(path.lastIndexOf('dist/')), of]);
  writeFileSync(join(folder, 'metafile.json'), JSON.stringify({ outputs: Object.fromEntries(outputs) }));
  mkdirSync(join(folder, 'bin'));
  for (const file of ['bin/rotctl.js', 'package.json']) copyFileSync(join(ROOT, file), join(folder, file));
  for (const name of ['runbooks', 'spec']) symlinkSync(join(ROOT, name), join(folder, name));
}

/** Runs one bench; `ledger` prints text of its own, the others one JSON row a line. */
function runBench(name, folder) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, BENCH_PROGRAM: folder };
  const script = join(folder, 'bench', `${name}.js`);
  const run = spawnSync(process.execPath, [script], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0)
    return [{ name, value: Number.NaN, noise: 0, limit: { most: 0 }, note: `it failed (${run.signal ?? run.status})` }];
  return name === 'ledger'
    ? ledgerRows(run.stdout)
    : run.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
}

const LEDGER = [
  ['verify the chain', 'ledger: verify 100k entries over JSON.parse', 1.5],
  ['verify and read all entries', 'ledger: read 100k entries over JSON.parse', 2.5],
  ['last entry', 'ledger: last entry of 100k (ms)', 5],
  ['append, 100000 entries over 10', 'ledger: append to 100k entries over append to 10', 1.2],
];

function ledgerRows(text) {
  const noise = Number(/spread (\d+) %/.exec(text)?.[1]) / 200;
  return LEDGER.map(([said, name, most]) => {
    const line = text.split('\n').find((each) => each.startsWith(`${said}:`)) ?? '';
    const value = Number(/: ([\d.]+)/.exec(line)?.[1]);
    return { name, value, noise, limit: { most }, note: /\((.*)\)/.exec(line)?.[1] ?? '' };
  });
}

function verdictOf({ value, noise, limit }) {
  if (limit === undefined) return { text: 'no limit', broken: false };
  if (Number.isNaN(value)) return { text: 'NOT MEASURED', broken: true };
  const [kind, bound] = Object.entries(limit)[0];
  if (kind === 'exactly') return value === bound ? { text: 'ok', broken: false } : { text: 'BROKEN', broken: true };
  const over = kind === 'most' ? value / bound - 1 : bound / value - 1;
  if (over <= 0) return { text: noise > TELLING ? 'too noisy to tell' : 'ok', broken: false };
  const share = `${(over * 100).toFixed(0)} %`;
  return over > noise
    ? { text: `BROKEN by ${share}`, broken: true }
    : { text: `over by ${share}, within the noise`, broken: false };
}

function limitText(limit) {
  if (limit === undefined) return '';
  const [kind, bound] = Object.entries(limit)[0];
  return `${{ most: '≤', least: '≥', exactly: '=' }[kind]} ${bound}`;
}

function print(cells) {
  const widths = [54, 7, 7, 6, 30];
  console.log(
    cells.map((cell, index) => (widths[index] === undefined ? cell : cell.padEnd(widths[index]))).join(' | '),
  );
}

const asked = process.argv.slice(2);
const stranger = asked.find((name) => !BENCHES.includes(name));
if (stranger !== undefined) {
  console.error(`there is no bench ${stranger}: ${BENCHES.join(', ')}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'rotctl-bench-program-'));
try {
  await buildProgram(folder);
  const entryPoints = Object.fromEntries(BENCHES.map((name) => [name, `bench/${name}.ts`]));
  await build({ ...COMMON, entryPoints, outdir: join(folder, 'bench') });
  const load = loadavg().map((each) => each.toFixed(1));
  console.log(`Node ${process.versions.node}, ${availableParallelism()} processors, load ${load.join(' ')}`);
  print(['bench', 'ratio', 'limit', 'noise', 'verdict', 'measured']);
  for (const name of asked.length === 0 ? BENCHES : asked) {
    for (const row of runBench(name, folder)) {
      const { text, broken } = verdictOf(row);
      if (broken) process.exitCode = 1;
      const value = Number.isInteger(row.value) ? String(row.value) : row.value.toFixed(2);
      print([row.name, value, limitText(row.limit), `${(row.noise * 100).toFixed(0)} %`, text, row.note]);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
