import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENV, freePorts, requirePrograms, run, until } from './processes.ts';
import { type Begun, type Ended, startRotctl } from './rotctl-run.ts';
import { type Tally, tallyOf } from './tally.ts';

const PROGRAMS = ['python3', 'openssl', 'redis-server'] as const;
const CLIENTS = ['client-a', 'client-b'] as const;

/** How a foreign fleet is made; everything has a default. */
export interface ForeignOptions {
  /** Folder of the project, whose `bin/rotctl.js` is run and whose `test/support` holds the signer. */
  readonly root: string;
  readonly replicas?: number;
  readonly workers?: number;
  /** Which commands the fleet file states. */
  readonly takeUp?: 'reload' | 'restart' | 'both';
  /** One certificate for all replicas, as behind a wildcard name. */
  readonly sameCertificate?: boolean;
  /** Which replicas the balancer sends to; all by default. */
  readonly balanced?: readonly number[];
  /** Whether the sending clients run. */
  readonly clients?: boolean;
  /** Clients that the signers know and the fleet file lacks; they do not run. */
  readonly strangers?: readonly string[];
  /** Lets a test change the fleet file's text. */
  readonly edit?: (text: string, fleet: Addresses) => string;
}

/** Where the parts listen. */
export interface Addresses {
  readonly ports: readonly number[];
  /** A second port of the first replica's process. */
  readonly also: number;
  readonly balancer: number;
  readonly redis: number;
}

/** A fleet of independent signers, real processes in a folder of their own. */
export interface ForeignFleet extends Addresses {
  readonly home: string;
  rotctl(...words: string[]): Promise<Ended>;
  /** Starts rotctl without waiting. */
  begin(...words: string[]): Begun;
  /** Plants words in the fault file of a replica (1, 2, …); none lifts all. */
  plant(replica: number, ...words: string[]): void;
  ctl(action: 'start' | 'stop' | 'restart' | 'reload', unit: string): Promise<void>;
  /** Makes a unit of a client that runs beside the others, from that of a client, with an env file as it is now or another secret. */
  twin(client: string, name: string, secret?: string): void;
  /** Words for redis-cli, to the fleet's own store. */
  cli(...words: string[]): Promise<string>;
  /** The stored secrets of a client at a replica, in order. */
  stored(replica: number, client: string): string[];
  tally(client: string): Tally;
  stop(): Promise<void>;
}

/** Starts a fleet; whoever starts it stops it. */
export async function startForeign(options: ForeignOptions): Promise<ForeignFleet> {
  await requirePrograms(PROGRAMS);
  const home = mkdtempSync(join(tmpdir(), 'foreign-'));
  for (const folder of ['tls', 'etc', 'run', 'faults', 'counts', 'logs'])
    mkdirSync(join(home, folder), { mode: 0o700 });
  const count = options.replicas ?? 3;
  const [redis = 0, balancer = 0, also = 0, ...ports] = await freePorts(count + 3);
  const addresses: Addresses = { ports, also, balancer, redis };
  const clients = [...CLIENTS, ...(options.strangers ?? [])];
  await makeCertificates(home, count, options.sameCertificate ?? false, clients);
  writeUnits(home, options, addresses);
  const store = spawn(
    'redis-server',
    ['--port', `${redis}`, '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--dir', home],
    {
      stdio: 'ignore',
      env: ENV,
    },
  );
  const text = fleetText(options, addresses);
  writeFileSync(join(home, 'rotctl.yaml'), options.edit?.(text, addresses) ?? text);
  const fleet = handle(home, options, addresses, store);
  try {
    await until(() => fleet.cli('PING').then((reply) => reply.includes('PONG')));
    const units = [...ports.map((_, n) => `signer-${n + 1}`), 'balancer'];
    await Promise.all(units.map((unit) => fleet.ctl('start', unit)));
    if (options.clients !== false) await Promise.all(CLIENTS.map((client) => fleet.ctl('start', client)));
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

function handle(home: string, options: ForeignOptions, addresses: Addresses, store: ChildProcess): ForeignFleet {
  const script = scriptOf(options);
  const ctl = async (action: string, unit: string): Promise<void> => {
    await run('python3', [script, 'ctl', action, join(home, 'run', `${unit}.json`)], home);
  };
  const begin = (...words: string[]) => startRotctl(home, options.root, words);
  return {
    ...addresses,
    home,
    begin,
    rotctl: (...words) => begin(...words).ended,
    plant: (replica, ...words) => writeFileSync(join(home, 'faults', `signer-${replica}`), words.join('\n')),
    ctl,
    twin: (client, name, secret) => {
      const text = readFileSync(join(home, 'run', `${client}.json`), 'utf8');
      const env = join(home, 'etc', `${client}.env`);
      const own = join(home, 'etc', `${name}.env`);
      const line = secret === undefined ? readFileSync(env) : `SIGNING_SECRET=${secret}\n`;
      writeFileSync(own, line, { mode: 0o600 });
      const changed = text.replace(env, own).replace(`/run/${client}.pid`, `/run/${name}.pid`);
      writeFileSync(join(home, 'run', `${name}.json`), changed);
    },
    cli: (...words) => run('redis-cli', ['-p', `${addresses.redis}`, ...words], home),
    stored: (replica, client) => storedIn(home, replica, client),
    tally: (client) => tallyOf(join(home, 'counts', client)),
    async stop() {
      const units = readdirSync(join(home, 'run')).filter((name) => name.endsWith('.json'));
      await Promise.all(units.map((name) => ctl('stop', name.slice(0, -5)).catch(() => undefined)));
      store.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function storedIn(home: string, replica: number, client: string): string[] {
  const name = `SIGNER_SECRETS_${client.toUpperCase().replace('-', '_')}`;
  const text = readFileSync(join(home, 'etc', `signer-${replica}.env`), 'utf8');
  const line = text.split('\n').find((each) => each.startsWith(`${name}=`)) ?? '';
  return line
    .slice(name.length + 1)
    .replaceAll('"', '')
    .split(',');
}

// What an operator has: certificates, env files, units, a fleet file --------------------------------------------------

async function makeCertificates(
  home: string,
  replicas: number,
  same: boolean,
  clients: readonly string[],
): Promise<void> {
  const tls = join(home, 'tls');
  const ssl = (...words: string[]) => run('openssl', words, tls);
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  await ssl(
    'req',
    '-x509',
    ...key('ca'),
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=foreign ca',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  );
  const servers = Array.from({ length: replicas }, (_, n) => `signer-${n + 1}`);
  for (const name of [...(same ? servers.slice(0, 1) : servers), 'rotctl', ...clients]) {
    const server = name.startsWith('signer');
    await ssl('req', ...key(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const names = `subjectAltName=DNS:${name}.foreign.example,DNS:signer.foreign.example`;
    const use = server ? `extendedKeyUsage=serverAuth\n${names}\n` : 'extendedKeyUsage=clientAuth\n';
    writeFileSync(join(tls, `${name}.ext`), use);
    await ssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-out',
      `${name}.pem`,
      '-extfile',
      `${name}.ext`,
    );
  }
}

function writeUnits(home: string, options: ForeignOptions, { ports, also, balancer, redis }: Addresses): void {
  const script = scriptOf(options);
  const unit = (name: string, argv: (string | number)[], port?: number) =>
    writeFileSync(
      join(home, 'run', `${name}.json`),
      JSON.stringify({
        argv: ['python3', script, ...argv.map(String)],
        pid: join(home, 'run', `${name}.pid`),
        log: join(home, 'run', `${name}.log`),
        port,
      }),
    );
  const tls = (name: string) => [
    '--cert',
    join(home, 'tls', `${name}.pem`),
    '--key',
    join(home, 'tls', `${name}.key`),
    '--ca',
    join(home, 'tls', 'ca.pem'),
  ];
  const clients = [...CLIENTS, ...(options.strangers ?? [])];
  const secrets = clients.map((client) => [client, randomBytes(24).toString('hex')] as const);
  const variable = (client: string) => `SIGNER_SECRETS_${client.toUpperCase().replace('-', '_')}`;
  for (const [n, port] of ports.entries()) {
    const name = `signer-${n + 1}`;
    const env = join(home, 'etc', `${name}.env`);
    const lines = secrets.map(([client, secret]) => `${variable(client)}=${secret}`);
    writeFileSync(env, `# ${name}\nLOG_LEVEL=info\n${lines.join('\n')}\nREGION=eu\n`, { mode: 0o600 });
    const certificate = options.sameCertificate === true ? 'signer-1' : name;
    const own = [
      'signer',
      '--port',
      port,
      '--redis',
      redis,
      '--workers',
      options.workers ?? 1,
      '--env',
      env,
      '--faults',
      join(home, 'faults', name),
      '--access',
      join(home, 'logs', `${name}.log`),
    ];
    unit(name, [...own, ...tls(certificate), ...(n === 0 ? ['--also', also] : [])], port);
  }
  const to = (options.balanced ?? ports.map((_, n) => n + 1)).map((n) => ports[n - 1] ?? 0);
  unit('balancer', ['balancer', '--port', balancer, '--to', ...to], balancer);
  for (const [client, secret] of secrets) {
    const env = join(home, 'etc', `${client}.env`);
    writeFileSync(env, `SIGNING_SECRET=${secret}\n`, { mode: 0o600 });
    mkdirSync(join(home, 'counts', client));
    const own = [
      'client',
      '--id',
      client,
      '--every',
      250,
      '--port',
      balancer,
      '--counts',
      join(home, 'counts', client),
      '--server-name',
      'signer.foreign.example',
      '--env',
      env,
    ];
    unit(client, [...own, ...tls(client)]);
  }
}

function fleetText(options: ForeignOptions, { ports, balancer }: Addresses): string {
  const script = scriptOf(options);
  const takeUp = options.takeUp ?? 'both';
  const command = (action: string, unit: string) => `[python3, ${script}, ctl, ${action}, run/${unit}.json]`;
  const commands = (unit: string) =>
    [
      ...(takeUp === 'restart' ? [] : [`      reload: ${command('reload', unit)}`]),
      ...(takeUp === 'reload' ? [] : [`      restart: ${command('restart', unit)}`]),
    ].join('\n');
  const replicas = ports.map((port, n) => {
    const name = `signer-${n + 1}`;
    const serverName = options.sameCertificate === true ? 'signer' : name;
    return `  - name: ${name}
    url: https://127.0.0.1:${port}
    serverName: ${serverName}.foreign.example
    deploy:
      path: etc/${name}.env
      variable: SIGNER_SECRETS_{CLIENT}
      format: list
${commands(name)}`;
  });
  const clients = CLIENTS.map(
    (client) => `  - id: ${client}
    deploy:
      path: etc/${client}.env
      variable: SIGNING_SECRET
      restart: ${command('restart', client)}
    cadence: 800ms
    atRest: 500ms`,
  );
  return `schema: rotctl.fleet.v1
name: foreign
environment: staging
replicas:
${replicas.join('\n')}
balancer: { url: "https://127.0.0.1:${balancer}", serverName: signer.foreign.example }
clients:
${clients.join('\n')}
tls: { ca: tls/ca.pem, cert: tls/rotctl.pem, key: tls/rotctl.key, required: true }
replay: { maxAge: 2s, nonceTtl: 6s, clockError: 200ms, storeTimeout: 250ms }
probe: { causes: 'refused by policy, signs nothing', deadline: 1500ms }
readiness: { deadline: 8s }
canary: { ratePerSecond: 4, faultBudget: 0.2 }
usage:
  metric: signer_accepted_total
  labels: { client: client_id, fingerprint: secret, caller: source }
policy: { minOverlap: 1s, soak: 1s, onFailedOverlap: roll-back }
`;
}

function scriptOf({ root }: ForeignOptions): string {
  return join(root, 'test/support/foreign-signer.py');
}
