import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** How many times each side is run; the sides take turns, so that a busy moment of the machine meets both. */
export const ROUNDS = 9;

/** A ratio of two medians, and what the single rounds say of its certainty. */
export interface Ratio {
  readonly ratio: number;
  /** Half the distance between the quartiles of the rounds' own ratios, as a share of the ratio. */
  readonly noise: number;
  /** Medians of both sides, in the unit that was measured. */
  readonly thing: number;
  readonly base: number;
}

/** What a measured value is held against: `exactly` is for counts, which have no noise. */
export type Limit = { readonly most: number } | { readonly least: number } | { readonly exactly: number };

/** Measures both sides in turn, after one round that does not count. */
export async function compare(
  thing: () => number | Promise<number>,
  base: () => number | Promise<number>,
  rounds = ROUNDS,
): Promise<Ratio> {
  const pairs: { readonly thing: number; readonly base: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { base: await base(), thing: await thing() };
    if (round > 0) pairs.push(pair);
  }
  const ratios = pairs.map((pair) => pair.thing / pair.base);
  const medians = { thing: median(pairs.map((pair) => pair.thing)), base: median(pairs.map((pair) => pair.base)) };
  const noise = (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2 / median(ratios);
  return { ratio: medians.thing / medians.base, noise, ...medians };
}

/** Hands one line of the table to `run.mjs`. Without a limit the line only informs. */
export function row(name: string, value: number, noise: number, limit: Limit | undefined, note: string): void {
  process.stdout.write(`${JSON.stringify({ name, value, noise, limit, note })}\n`);
}

/** `row` for a ratio, with both sides in the note. */
export function ratioRow(name: string, { ratio, noise, thing, base }: Ratio, limit: Limit | undefined, unit: string) {
  row(name, ratio, noise, limit, `${thing.toPrecision(3)} over ${base.toPrecision(3)} ${unit}`);
}

/** User and system milliseconds that this process spends on some work, all of its threads together. */
export async function ownCpu(work: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** User and system milliseconds of one run of a command, a mean of `times` runs one after the other. Throws when one fails. */
export function cpuOf(argv: readonly string[], times: number): number {
  const script =
    'TIMEFORMAT="%3U %3S"; n=$1; shift; time { for ((i = 0; i < n; i++)); do "$@" >/dev/null 2>&1 || exit 9; done; }';
  const run = spawnSync('bash', ['--norc', '-c', script, 'bash', String(times), ...argv], {
    env: plainEnv(),
    encoding: 'utf8',
  });
  const [user = Number.NaN, system = Number.NaN] = run.stderr.trim().split(' ').map(Number);
  if (run.status !== 0 || Number.isNaN(user + system)) throw new Error(`${argv.join(' ')} failed: ${run.stderr}`);
  return ((user + system) * 1000) / times;
}

/** The environment of every child: without `NODE_EXTRA_CA_CERTS` and the like, which slow the start of Node. */
export function plainEnv(): { readonly PATH: string } {
  return { PATH: process.env.PATH ?? '' };
}

/** The folder of the program that `run.mjs` has built, with its `dist/` and `metafile.json`. */
export function program(): string {
  const folder = process.env.BENCH_PROGRAM;
  if (folder === undefined) throw new Error('run it with `node bench/run.mjs`, which builds the program first');
  return folder;
}

/** What esbuild says of the built program: which sources are in which file of `dist/`. */
export function builtFrom(): ReadonlyMap<string, readonly string[]> {
  const meta: { outputs: Record<string, { inputs: object }> } = JSON.parse(
    readFileSync(`${program()}/metafile.json`, 'utf8'),
  );
  return new Map(Object.entries(meta.outputs).map(([file, { inputs }]) => [file, Object.keys(inputs)]));
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
}
