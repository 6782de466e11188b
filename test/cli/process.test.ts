import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Built, buildProgramFiles, run } from './program-build.ts';

const MISTAKES = new URL('../mistakes', import.meta.url).pathname;
let built: Built;

beforeAll(async () => {
  built = await buildProgramFiles();
});

describe('the program', () => {
  test('says its version as package.json has it', async () => {
    const { version } = JSON.parse(readFileSync(join(built.home, '../package.json'), 'utf8'));
    expect(await run(built, ['--version'])).toMatchObject({ code: 0, stdout: `rotctl ${version}\n`, stderr: '' });
  });

  test.each([
    { env: { NODE_DEBUG: 'http' }, says: 'NODE_DEBUG is set' },
    { env: { SSLKEYLOGFILE: '/tmp/keys' }, says: 'SSLKEYLOGFILE is set' },
    { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, says: 'NODE_TLS_REJECT_UNAUTHORIZED is 0' },
    { env: { NODE_OPTIONS: '--report-on-fatalerror' }, says: 'NODE_OPTIONS has --report-on-fatalerror' },
    {
      env: { NODE_OPTIONS: '--max-old-space-size=512 --heapsnapshot-signal=SIGUSR2' },
      says: 'NODE_OPTIONS has --heapsnapshot-signal',
    },
  ])('refuses to run under $env, as JSON too', async ({ env, says }) => {
    const { code, stdout, stderr } = await run(built, ['status', '--json'], { env });
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'USAGE' });
    expect(stderr).toContain(says);
  });

  test('refuses to be started with a debugger', async () => {
    const { code, stderr } = await run(built, ['status'], { node: ['--inspect=127.0.0.1:0'] });
    expect(code).toBe(2);
    expect(stderr).toContain('node was started with --inspect,');
  });

  test('runs under harmless options', async () => {
    expect((await run(built, ['explain', 'HELD'], { env: { NODE_OPTIONS: '--max-old-space-size=512' } })).code).toBe(0);
  });

  test('stops a long search for a counterexample at the first signal', async () => {
    const words = ['runbook', 'check', 'gate-hmac', '--replicas', '4', '--clients', '4', '--templates', '2', '--whole'];
    const child = spawn(process.execPath, [built.main, ...words], {
      cwd: built.home,
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      if (!said.includes('states so far') && data.includes('states so far')) child.kill('SIGINT');
      said += data;
    });
    expect(await once(child, 'close')).toEqual([14, null]);
    expect(said.trimEnd().split('\n').at(-1)).toMatch(/^STOPPED /);
  });

  test('makes files for its user alone, whatever the umask was', async () => {
    await run(built, ['explain', 'HELD', '--out', 'day/one']);
    expect(statSync(join(built.home, 'day')).mode & 0o777).toBe(0o700);
    expect(statSync(join(built.home, 'day/one/verdict.json')).mode & 0o777).toBe(0o600);
  });

  test('ends with its own exit code when nobody reads its output any more', async () => {
    const child = spawn(process.execPath, [built.main, 'explain', 'HELD'], {
      cwd: built.home,
      env: { PATH: process.env.PATH },
    });
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('a completion script is one that bash takes, and completes a command', () => {
    const env = { PATH: process.env.PATH };
    const script = execFileSync(process.execPath, [built.main, 'completion', 'bash'], {
      cwd: built.home,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ask = `${script}\nCOMP_WORDS=(rotctl ledger ve); COMP_CWORD=2; _rotctl; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim()).toBe('verify');
  });
});

describe('the proof of runbooks, on real files', () => {
  const mistake = (name: string): string => join(built.home, '..', name);

  test.each([
    { files: ['signer-hmac'], code: 0, last: 'PASS 1 runbook: 1 safe (1/1 checks, 0 unknown)' },
    { files: ['unsafe.yaml'], code: 2, last: 'FAIL 1 runbook: 1 unsafe (0/1 checks, 0 unknown)' },
    {
      files: ['broken.yaml', 'signer-hmac'],
      code: 2,
      last: 'FAIL 2 runbooks: 1 safe, 1 unreadable (1/2 checks, 0 unknown)',
    },
    { files: ['absent.yaml'], code: 2, last: 'FAIL 1 runbook: 1 unreadable (0/1 checks, 0 unknown)' },
  ])('$files ends with $code', async ({ files, code, last }) => {
    copyFileSync(join(MISTAKES, 'm12-hot-reload-not-persisted.yaml'), mistake('unsafe.yaml'));
    writeFileSync(mistake('broken.yaml'), 'schema: [\n');
    const paths = files.map((file) => (file.endsWith('.yaml') ? `../${file}` : file));
    const text = await run(built, ['runbook', 'check', ...paths]);
    expect(text.code).toBe(code);
    expect(text.stderr.trim().split('\n').at(-1)).toBe(last);
    expect(text.stdout).not.toContain('\u001b');
    const { code: again, stdout } = await run(built, ['runbook', 'check', ...paths, '--json']);
    expect(again).toBe(code);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'rotctl.runbook-check.v1', exitCode: code });
  });
});

describe('a cold start', () => {
  const HEAVY = ['zod', 'yaml', 'undici', 'ioredis', 'execa', 'chalk', 'age-encryption', 'pkijs', 'fast-check'];

  /** The packages in a chunk and in everything that it imports statically. */
  function packagesIn(output: string, seen = new Set<string>()): Set<string> {
    if (seen.has(output)) return new Set();
    seen.add(output);
    const chunk = built.metafile.outputs[output];
    const own = Object.keys(chunk?.inputs ?? {}).flatMap(
      (input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [],
    );
    const imported = (chunk?.imports ?? []).filter(({ kind }) => kind === 'import-statement');
    return new Set([...own, ...imported.flatMap(({ path }) => [...packagesIn(path, seen)])]);
  }

  function chunkOf(source: string): string {
    const found = Object.entries(built.metafile.outputs).find(
      ([, { entryPoint }]) => entryPoint?.endsWith(source) === true,
    );
    if (found === undefined) throw new Error(`${source} has no chunk of its own`);
    return found[0];
  }

  test('of --version loads no package at all', () => {
    expect([...packagesIn(chunkOf('src/main.ts'))]).toEqual([]);
  });

  test('of --help loads commander alone', () => {
    expect([...packagesIn(chunkOf('src/cli/program.ts'))]).toEqual(['commander']);
  });

  /** The sources in a chunk and in everything that it imports statically. */
  function sourcesIn(output: string, seen = new Set<string>()): string[] {
    if (seen.has(output)) return [];
    seen.add(output);
    const chunk = built.metafile.outputs[output];
    const imported = (chunk?.imports ?? []).filter(({ kind }) => kind === 'import-statement');
    return [...Object.keys(chunk?.inputs ?? {}), ...imported.flatMap(({ path }) => sourcesIn(path, seen))];
  }

  const CHECKER = /src\/machine\/safety\/(check|explore)\.ts$/;

  test.each(['main.ts', 'cli/program.ts', 'cli/status.ts', 'cli/ledger.ts', 'cli/present.ts'])(
    'by %s loads no safety checker',
    (source) => expect(sourcesIn(chunkOf(`src/${source}`)).filter((path) => CHECKER.test(path))).toEqual([]),
  );

  test('of runbook check does load it: the measure sees sources', () => {
    expect(sourcesIn(chunkOf('src/cli/runbook-check.ts')).filter((path) => CHECKER.test(path))).not.toEqual([]);
  });

  test.each(['status', 'ledger', 'practice', 'explain', 'completion', 'present'])(
    'of %s loads no heavy package',
    (command) => {
      expect([...packagesIn(chunkOf(`src/cli/${command}.ts`))].filter((name) => HEAVY.includes(name))).toEqual([]);
    },
  );

  test('of check does load what reads the fleet file: the measure sees packages', () => {
    expect([...packagesIn(chunkOf('src/cli/check.ts')), ...packagesIn(chunkOf('src/cli/inventory.ts'))]).toContain(
      'zod',
    );
  });
});
