import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENV, freePorts, requirePrograms, run, until } from '../foreign/processes.ts';
import { type Begun, type Ended, startRotctl } from '../foreign/rotctl-run.ts';
import { makeCertificates } from './certificates.ts';
import { type FleetFile, fleetText } from './fleet-text.ts';

const PROGRAMS = ['python3', 'openssl', 'redis-server'] as const;
/** The callers of the fleet; the first one's id is the signers' default. */
export const CALLERS = ['wallet', 'payouts'] as const;

/** How a fleet is made; everything has a default. */
export interface WordsOptions extends Partial<FleetFile> {
  readonly callers?: boolean;
  /** Words for every signer's command line. */
  readonly signer?: readonly string[];
  /** Whether the signers have a default client id. */
  readonly defaultId?: boolean;
  readonly edit?: (text: string) => string;
}

/** What a caller counted, over all its lives. */
export interface Counts {
  readonly sent: number;
  readonly accepted: number;
  readonly faults: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Unix seconds of each refusal. */
  readonly refusedAt: readonly number[];
}

/** A fleet of signers that answer in words: real processes in a folder of their own. */
export interface WordsFleet {
  readonly home: string;
  readonly replicas: readonly string[];
  rotctl(...words: string[]): Promise<Ended>;
  begin(...words: string[]): Begun;
  /** Plants words in the fault file of a replica (1, 2, …); none lifts all. */
  plant(replica: number, ...words: string[]): void;
  ctl(action: 'start' | 'stop' | 'restart' | 'reload', unit: string): Promise<void>;
  /** What a replica's file lists: by id, its secrets. */
  listed(replica: number): Record<string, string[]>;
  /** A variable of a unit's file. */
  variable(unit: string, name: string): string | undefined;
  counts(caller: string): Counts;
  ledger(): string;
  rewrite(change: (text: string) => string): void;
  stop(): Promise<void>;
}

/** Starts a fleet; whoever starts it stops it. */
export async function startWords(root: string, options: WordsOptions = {}): Promise<WordsFleet> {
  await requirePrograms(PROGRAMS);
  const home = mkdtempSync(join(tmpdir(), 'words-'));
  for (const folder of ['tls', 'etc', 'run', 'faults', 'counts']) mkdirSync(join(home, folder), { mode: 0o700 });
  const ports = await freePorts(5);
  const [redis = 0, balancer = 0, ...signers] = ports;
  const file: FleetFile = { root, signers, balancer, stands: 'object', second: false, ...options };
  const replicas = signers.map((_, n) => `signer-${n + 1}`);
  await makeCertificates(join(home, 'tls'), replicas, ['rotctl', ...CALLERS]);
  writeSettings(home, file, options);
  writeUnits(home, file, options, redis);
  const text = fleetText(file);
  writeFileSync(join(home, 'rotctl.yaml'), options.edit?.(text) ?? text);
  const store = spawn('redis-server', ['--port', `${redis}`, '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
    env: ENV,
  });
  const fleet = handle(home, root, replicas, store);
  try {
    await until(() => run('redis-cli', ['-p', `${redis}`, 'PING'], home).then((reply) => reply.includes('PONG')));
    await Promise.all([...replicas, 'balancer'].map((unit) => fleet.ctl('start', unit)));
    if (options.callers !== false) await Promise.all(CALLERS.map((caller) => fleet.ctl('start', caller)));
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

function handle(home: string, root: string, replicas: readonly string[], store: ChildProcess): WordsFleet {
  const ctl = async (action: string, unit: string): Promise<void> => {
    await run('python3', [starter(root), 'ctl', action, join(home, 'run', `${unit}.json`)], home);
  };
  const begin = (...words: string[]) => startRotctl(home, root, words);
  const variable = (unit: string, name: string): string | undefined => {
    const lines = readFileSync(join(home, 'etc', `${unit}.env`), 'utf8').split('\n');
    return lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
  };
  return {
    ...{ home, replicas, begin, ctl, variable },
    rotctl: (...words) => begin(...words).ended,
    plant: (replica, ...words) => writeFileSync(join(home, 'faults', `signer-${replica}`), words.join('\n')),
    listed: (replica) => listedIn(variable(`signer-${replica}`, 'CLIENTS') ?? ''),
    counts: (caller) => countsIn(join(home, 'counts', caller)),
    ledger: () => readFileSync(join(home, 'rotation-ledger.yaml'), 'utf8'),
    rewrite(change) {
      const path = join(home, 'rotctl.yaml');
      writeFileSync(path, change(readFileSync(path, 'utf8')));
    },
    async stop() {
      const units = readdirSync(join(home, 'run')).filter((name) => name.endsWith('.json'));
      await Promise.all(units.map((name) => ctl('stop', name.slice(0, -5)).catch(() => undefined)));
      store.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function listedIn(text: string): Record<string, string[]> {
  const entries: Record<string, string | string[] | { secret: string | string[] }> = JSON.parse(
    text.replace(/^'|'$/g, ''),
  );
  return Object.fromEntries(
    Object.entries(entries).map(([id, entry]) => {
      const found = typeof entry === 'object' && !Array.isArray(entry) ? entry.secret : entry;
      return [id, [found].flat()];
    }),
  );
}

/** What a caller has counted, over all its lives. */
export function countsIn(folder: string): Counts {
  const sum = { sent: 0, accepted: 0, faults: 0, refused: {} as Record<string, number>, refusedAt: [] as number[] };
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith('.json')) continue;
    const one: Counts = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    sum.sent += one.sent;
    sum.accepted += one.accepted;
    sum.faults += one.faults;
    sum.refusedAt.push(...one.refusedAt);
    for (const [words, times] of Object.entries(one.refused)) sum.refused[words] = (sum.refused[words] ?? 0) + times;
  }
  return sum;
}

/** The starter and the balancer are the other foreign fleet's; neither knows the protocol. */
function starter(root: string): string {
  return join(root, 'test/support/foreign-signer.py');
}

function writeSettings(home: string, { signers, stands }: FleetFile, { defaultId = true }: WordsOptions): void {
  const secrets = CALLERS.map((caller) => [caller, randomBytes(24).toString('hex')] as const);
  const entry = (secret: string) => {
    if (stands === 'list') return [secret];
    return stands === 'text' ? secret : { secret, permissions: ['sign'], note: 'keep me' };
  };
  const clients = JSON.stringify(Object.fromEntries(secrets.map(([caller, secret]) => [caller, entry(secret)])));
  for (const n of signers.keys()) {
    const lines = [
      '# a signer that answers in words',
      `CLIENTS='${clients}'`,
      ...(defaultId ? ['DEFAULT_CLIENT=wallet'] : []),
    ];
    writeFileSync(join(home, 'etc', `signer-${n + 1}.env`), `${lines.join('\n')}\n`, { mode: 0o600 });
  }
  for (const [caller, secret] of secrets) {
    const lines = `SIGNING_ID=${caller}\nSIGNING_SECRET=${secret}\n`;
    writeFileSync(join(home, 'etc', `${caller}.env`), lines, { mode: 0o600 });
  }
}

function writeUnits(home: string, file: FleetFile, { signer = [] }: WordsOptions, redis: number): void {
  const { root, signers, balancer } = file;
  const script = join(root, 'test/systems/words/words.py');
  const unit = (name: string, argv: readonly (string | number)[], port?: number) => {
    const [pid, log] = ['pid', 'log'].map((kind) => join(home, 'run', `${name}.${kind}`));
    writeFileSync(
      join(home, 'run', `${name}.json`),
      JSON.stringify({ argv: ['python3', ...argv.map(String)], pid, log, port }),
    );
  };
  const at = (name: string, port: number) => {
    const pem = (kind: string) => join(home, 'tls', `${name}.${kind}`);
    const env = join(home, 'etc', `${name}.env`);
    const tls = ['--cert', pem('pem'), '--key', pem('key'), '--ca', join(home, 'tls/ca.pem')];
    return ['--port', port, '--env', env, ...tls];
  };
  for (const [n, port] of signers.entries()) {
    const name = `signer-${n + 1}`;
    const own = ['--redis', redis, '--faults', join(home, 'faults', name), ...signer];
    unit(name, [script, 'signer', ...at(name, port), ...own], port);
  }
  unit('balancer', [starter(root), 'balancer', '--port', balancer, '--to', ...signers], balancer);
  for (const caller of CALLERS) {
    const counts = join(home, 'counts', caller);
    mkdirSync(counts);
    const own = ['--counts', counts, '--server-name', 'signer.words.example'];
    unit(caller, [script, 'caller', ...at(caller, balancer), ...own]);
  }
}
