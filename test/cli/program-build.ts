import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { temporaryFolder } from '../support/temporary.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const REQUIRE =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/** The program, built from source into a folder of its own. */
export interface Built {
  /** Absolute path of the file to start. */
  readonly main: string;
  /** A folder to work in. */
  readonly home: string;
  readonly metafile: Metafile;
}

/** How a run of the program ended. */
export interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Builds the program the way `npm run build` does. */
export async function buildProgramFiles(): Promise<Built> {
  const root = temporaryFolder('rotctl-built-');
  for (const name of ['package.json', 'runbooks', 'spec']) symlinkSync(join(REPOSITORY, name), join(root, name));
  const home = join(root, 'home');
  mkdirSync(home);
  const source = (path: string): string => join(REPOSITORY, 'src', path);
  const { metafile } = await build({
    entryPoints: {
      main: source('main.ts'),
      practice: source('practice/main.ts'),
      'canary-worker': source('probe/canary-worker.ts'),
    },
    outdir: join(root, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: REQUIRE },
    metafile: true,
    absWorkingDir: root,
    logLevel: 'silent',
  });
  return { main: join(root, 'dist/main.js'), home, metafile };
}

/** The files in the chunk of a source that has one of its own, and in all that this chunk imports statically. */
export function filesLoadedBy({ metafile }: Built, source: string): string[] {
  const chunks = Object.entries(metafile.outputs);
  const found = chunks.find(([, { entryPoint }]) => entryPoint?.endsWith(source));
  if (found === undefined) throw new Error(`${source} has no chunk of its own`);
  const seen = new Set<string>();
  const filesIn = (output: string): string[] => {
    if (seen.has(output)) return [];
    seen.add(output);
    const chunk = metafile.outputs[output];
    const below = (chunk?.imports ?? []).filter(({ kind }) => kind === 'import-statement');
    return [...Object.keys(chunk?.inputs ?? {}), ...below.flatMap(({ path }) => filesIn(path))];
  };
  return filesIn(found[0]);
}

/** Starts the program; `during` is called with each piece of its stderr. */
export function run(
  { main, home }: Built,
  argv: readonly string[],
  settings: {
    env?: NodeJS.ProcessEnv;
    node?: readonly string[];
    during?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Run> {
  const { env = {}, node = [], during = () => {} } = settings;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...node, main, ...argv], {
      cwd: home,
      env: { PATH: process.env.PATH, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
      during(stderr, (signal) => child.kill(signal));
    });
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
