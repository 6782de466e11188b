import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENV, freePorts, requirePrograms, run, until } from '../foreign/processes.ts';
import { type Begun, type Ended, startRotctl } from '../foreign/rotctl-run.ts';
import { type Tally, tallyOf } from '../foreign/tally.ts';
import { FLEET_TEXTS } from './fleet-texts.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
const CTL = join(ROOT, 'test/support/foreign-signer.py');

/** Which service: receivers of Standard Webhooks, a header scheme of its own, or receivers of signed bodies alone. */
export type Service = 'hooks' | 'orders' | 'hub';

/** How a fleet is made; everything has a default. */
export interface Options {
  readonly replicas?: number;
  /** Whether the sending clients run; by default they do not. */
  readonly clients?: boolean;
  /** Whether receivers of webhooks remember message ids, in Redis. */
  readonly remembers?: boolean;
  /** Lets a test change the fleet file's text. */
  readonly edit?: (text: string) => string;
}

/** A running fleet of real processes in a folder of its own. */
export interface DescribedFleet {
  readonly home: string;
  rotctl(...words: string[]): Promise<Ended>;
  begin(...words: string[]): Begun;
  /** Plants words in the fault file of a replica (1, 2, …); none lifts all. */
  plant(replica: number, ...words: string[]): void;
  /** The secrets that a replica's env file lists for a client. */
  stored(replica: number, client: string): readonly string[];
  tally(client: string): Tally;
  /** What the services and clients have logged. */
  logs(): string;
  stop(): Promise<void>;
}

const CLIENTS: Readonly<Record<Service, readonly string[]>> = {
  hooks: ['billing'],
  orders: ['shop', 'app'],
  hub: ['billing'],
};

/** Starts a fleet; whoever starts it stops it. */
export async function startDescribed(service: Service, options: Options = {}): Promise<DescribedFleet> {
  await requirePrograms(['python3', 'redis-server']);
  const home = mkdtempSync(join(tmpdir(), `described-${service}-`));
  for (const folder of ['etc', 'run', 'faults', 'counts']) mkdirSync(join(home, folder), { mode: 0o700 });
  const [redis = 0, balancer = 0, ...ports] = await freePorts((options.replicas ?? 2) + 2);
  const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  const store = spawn('redis-server', ['--port', `${redis}`, ...quiet], { stdio: 'ignore', env: ENV });
  writeUnits(home, service, options, { redis, balancer, ports });
  const text = FLEET_TEXTS[service]({ home, ctl: CTL, balancer, ports, remembers: options.remembers ?? false });
  writeFileSync(join(home, 'rotctl.yaml'), options.edit?.(text) ?? text);
  const fleet = handle(home, service, store);
  try {
    await until(() => run('redis-cli', ['-p', `${redis}`, 'PING'], home).then((reply) => reply.includes('PONG')));
    await Promise.all(
      [...ports.map((_, n) => `${service}-${n + 1}`), 'balancer'].map((unit) => ctl(home, 'start', unit)),
    );
    if (options.clients === true) await Promise.all(CLIENTS[service].map((client) => ctl(home, 'start', client)));
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

async function ctl(home: string, action: string, unit: string): Promise<void> {
  await run('python3', [CTL, 'ctl', action, join(home, 'run', `${unit}.json`)], home);
}

function handle(home: string, service: Service, store: ChildProcess): DescribedFleet {
  const begin = (...words: string[]) => startRotctl(home, ROOT, words);
  return {
    home,
    begin,
    rotctl: (...words) => begin(...words).ended,
    plant: (replica, ...words) => writeFileSync(join(home, 'faults', `${service}-${replica}`), words.join('\n')),
    stored: (replica, client) => storedIn(join(home, 'etc', `${service}-${replica}.env`), variableOf(service, client)),
    tally: (client) => tallyOf(join(home, 'counts', client)),
    logs: () =>
      readdirSync(join(home, 'run'))
        .filter((name) => name.endsWith('.log'))
        .map((name) => readFileSync(join(home, 'run', name), 'utf8'))
        .join(''),
    async stop() {
      const units = readdirSync(join(home, 'run')).filter((name) => name.endsWith('.json'));
      await Promise.all(units.map((name) => ctl(home, 'stop', name.slice(0, -5)).catch(() => undefined)));
      store.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function variableOf(service: Service, client: string): string {
  return service === 'orders' ? `KEYS_${client.toUpperCase()}` : 'WEBHOOK_SECRETS';
}

function storedIn(file: string, variable: string): readonly string[] {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${variable}=`));
  return (line ?? '').slice(variable.length + 1).split(',');
}

function freshSecret(service: Service, client: string): string {
  if (service === 'hooks') return `whsec_${randomBytes(32).toString('base64')}`;
  const key = randomBytes(24).toString('hex');
  return service === 'hub' ? key : `${client}-1.${key}`;
}

interface Ports {
  readonly redis: number;
  readonly balancer: number;
  readonly ports: readonly number[];
}

function writeUnits(home: string, service: Service, options: Options, { redis, balancer, ports }: Ports): void {
  const unit = (name: string, argv: readonly (string | number)[], port?: number) => {
    const paths = { pid: join(home, 'run', `${name}.pid`), log: join(home, 'run', `${name}.log`) };
    writeFileSync(join(home, 'run', `${name}.json`), JSON.stringify({ argv: argv.map(String), ...paths, port }));
  };
  const secrets = CLIENTS[service].map((client) => [client, freshSecret(service, client)] as const);
  const store = service === 'orders' || options.remembers === true ? ['--redis', redis] : [];
  for (const [n, port] of ports.entries()) {
    const name = `${service}-${n + 1}`;
    const env = join(home, 'etc', `${name}.env`);
    const lines = secrets.map(([client, secret]) => `${variableOf(service, client)}=${secret}`);
    writeFileSync(env, `# ${name}\n${lines.join('\n')}\nREGION=eu\n`, { mode: 0o600 });
    const faults = join(home, 'faults', name);
    const own = ['--port', port, '--env', env, '--faults', faults, '--name', name, ...store];
    const forgets = service !== 'orders' && options.remembers !== true ? ['forgets'] : [];
    writeFileSync(faults, forgets.join('\n'));
    unit(name, [process.execPath, join(HERE, `${service}.mjs`), ...own], port);
  }
  unit('balancer', ['python3', CTL, 'balancer', '--port', balancer, '--to', ...ports], balancer);
  for (const [client, secret] of secrets) {
    const env = join(home, 'etc', `${client}.env`);
    const counts = join(home, 'counts', client);
    mkdirSync(counts);
    writeFileSync(env, `SIGNING_SECRET=${secret}\n`, { mode: 0o600 });
    const own = ['--scheme', service, '--id', client, '--port', balancer, '--env', env, '--counts', counts];
    unit(client, [process.execPath, join(HERE, 'sender.mjs'), ...own]);
  }
}

/** The first digits of the SHA-256 of a text, as the services name a secret on their pages. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
