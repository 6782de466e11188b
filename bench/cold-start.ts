/**
 * What a command costs before it does anything: CPU over that of `node -e 0`, and which code it loads. The times of
 * single starts vary by a third and more, the modules do not: none of the heavy packages may be among them.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { builtFrom, compare, cpuOf, plainEnv, program, ratioRow, row } from './measure.ts';
import { writeLedger } from './rotation-ledger.ts';

const STARTS = 4;
const HEAVY = ['zod', 'yaml', 'undici', 'ioredis', 'execa', 'chalk', 'pkijs', 'age-encryption'];

/** Starts a program in a process that notes each script that is parsed in it and each of Node's own modules. */
const WATCHER = `
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
const [, , note, main, ...rest] = process.argv;
const scripts = [];
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params }) => { if (params.url.startsWith('file:')) scripts.push(params.url); });
session.post('Debugger.enable');
scripts.length = 0;
const before = new Set(process.moduleLoadList);
process.on('exit', () => {
  const native = process.moduleLoadList.filter((name) => !before.has(name) && name.startsWith('NativeModule '));
  writeFileSync(note, JSON.stringify({ scripts, native }));
});
process.argv = [process.argv[0], main, ...rest];
await import(main);
`;

interface Loaded {
  readonly sources: readonly string[];
  readonly files: number;
  readonly native: number;
}

const home = mkdtempSync(join(tmpdir(), 'rotctl-bench-'));
const main = join(program(), 'dist/main.js');
const built = builtFrom();

function loadedBy(args: readonly string[]): Loaded {
  const [watcher, note] = [join(home, 'watcher.mjs'), join(home, 'note.json')];
  writeFileSync(watcher, WATCHER);
  const run = spawnSync(process.execPath, [watcher, note, main, ...args], { env: plainEnv(), encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr}`);
  const { scripts, native }: { scripts: string[]; native: string[] } = JSON.parse(readFileSync(note, 'utf8'));
  const files = [...new Set(scripts)]
    .map((url) => relative(program(), new URL(url).pathname))
    .filter((f) => built.has(f));
  if (files.length === 0) throw new Error('no file of the program was seen');
  return { sources: files.flatMap((file) => built.get(file) ?? []), files: files.length, native: native.length };
}

function heavyIn({ sources }: Loaded): string[] {
  return HEAVY.filter((name) => sources.some((path) => path.includes(`node_modules/${name}/`)));
}

/** A count of 0 means nothing when the names are wrong: other commands of the same program do load these packages. */
function refuseBlindness(): void {
  const found = heavyIn({ sources: [...built.values()].flat(), files: 0, native: 0 });
  if (found.length !== HEAVY.length) throw new Error(`of ${HEAVY.join(', ')} the program has only ${found.join(', ')}`);
}

const ledger = join(home, 'rotation-ledger.yaml');
await writeLedger(ledger, 100);
const commands = [
  { name: '--version', args: ['--version'], most: 1.3 },
  { name: '--help', args: ['--help'], most: 1.6 },
  { name: 'status, 100 entries', args: ['status', '--ledger', ledger], most: 2 },
];

refuseBlindness();
for (const { name, args, most } of commands) {
  const start = () => cpuOf([process.execPath, join(program(), 'bin/rotctl.js'), ...args], STARTS);
  const bare = () => cpuOf([process.execPath, '-e', '0'], STARTS);
  ratioRow(`${name} over node -e 0`, await compare(start, bare), { most }, 'ms CPU');
  const loaded = loadedBy(args);
  const found = heavyIn(loaded);
  const own = loaded.sources.filter((path) => path.startsWith('src/')).length;
  const note = `${found.join(', ') || 'none'}; ${own} of our modules in ${loaded.files} files, ${loaded.native} of Node's own`;
  row(`${name}, heavy packages loaded`, found.length, 0, { exactly: 0 }, note);
}
rmSync(home, { recursive: true });
