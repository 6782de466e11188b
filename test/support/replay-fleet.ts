import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENV, freePorts, run, until } from '../systems/foreign/processes.ts';
import { type Ended, startRotctl } from '../systems/foreign/rotctl-run.ts';
import { testPki } from './test-pki.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const SECRETS = {
  'client-a': 'replay-secret-a-0123456789abcdef0123456789abcdef',
  'client-b': 'replay-secret-b-0123456789abcdef0123456789abcdef',
};

/** One signer of a fleet. */
export interface SignerOptions {
  readonly name: string;
  /** What is wrong with it; see `replay-signer.mjs`. */
  readonly fault?: string;
  /** Which of the fleet's Redis servers it uses, from 0. */
  readonly store?: number;
  readonly db?: number;
  readonly clockOffsetMs?: number;
  readonly ttlMs?: number;
}

/** How a fleet of independent signers is made. */
export interface ReplayFleetOptions {
  readonly signers: readonly SignerOptions[];
  /** Settings of each Redis, beside those that every one has; one sound Redis by default. */
  readonly redis?: readonly (readonly string[])[];
  readonly maxAgeMs: number;
  readonly ttlMs: number;
  readonly clockErrorMs: number;
  /** Nonces are keyed without a client id, and rotctl.yaml says so. */
  readonly global?: boolean;
  /** Up to so many milliseconds before each answer. */
  readonly jitterMs?: number;
  readonly balancer?: boolean;
  /** More lines of rotctl.yaml, given the ports of the Redis servers. */
  readonly more?: (ports: readonly number[]) => string;
}

/** Independent signers as processes of their own, with real Redis servers, and `rotctl` to look at them. */
export interface ReplayFleet {
  readonly home: string;
  readonly redis: readonly number[];
  /** Runs the built program, with `--json`. */
  rotctl(...words: readonly string[]): Promise<Ended>;
  stop(): Promise<void>;
}

/** Starts signers, Redis servers and, when asked, a balancer that takes them in turn. */
export async function startReplayFleet(options: ReplayFleetOptions): Promise<ReplayFleet> {
  const home = mkdtempSync(join(tmpdir(), 'replay-'));
  const children: ChildProcess[] = [];
  const pki = await testPki();
  mkdirSync(join(home, 'tls'), { mode: 0o700 });
  writeFileSync(join(home, 'tls', 'ca.pem'), pki.ca);
  const stores = options.redis ?? [[]];
  const ports = await freePorts(stores.length + options.signers.length + 1);
  const redis = ports.slice(0, stores.length);
  for (const [n, words] of stores.entries()) {
    const base = ['--port', `${redis[n]}`, '--bind', '127.0.0.1', '--save', '', '--dir', home];
    base.push('--repl-diskless-sync-delay', '0');
    const given = words.map((word) => word.replace(/^redis:(\d)$/, (_, which) => `${redis[Number(which)]}`));
    children.push(spawn('redis-server', [...base, ...given], { stdio: 'ignore', env: ENV, cwd: home }));
  }
  await Promise.all(
    redis.map((port) =>
      // A replica is one when it has what its primary has: until then it is a store of its own.
      until(async () => /^role:master|^master_link_status:up/m.test(await info(port, home))),
    ),
  );
  const listening = options.signers.map((signer, n) => ({ ...signer, port: ports[stores.length + n] ?? 0 }));
  await Promise.all(
    listening.map(async (signer) => {
      const { cert, key } = await pki.server(`${signer.name}.test`);
      const [certFile, keyFile] = [join(home, 'tls', `${signer.name}.pem`), join(home, 'tls', `${signer.name}.key`)];
      writeFileSync(certFile, cert);
      writeFileSync(keyFile, key, { mode: 0o600 });
      children.push(
        await startSigner({ ...settingsOf(options, signer, redis), port: signer.port, cert: certFile, key: keyFile }),
      );
    }),
  );
  const front =
    options.balancer === true
      ? await startBalancer(
          ports.at(-1) ?? 0,
          listening.map(({ port }) => port),
        )
      : undefined;
  writeFleet(home, options, listening, front === undefined ? undefined : ports.at(-1), redis);
  return {
    home,
    redis,
    rotctl: (...words) => startRotctl(home, ROOT, words).ended,
    async stop() {
      front?.close();
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(
        children.map((child) =>
          child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined,
        ),
      );
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function info(port: number, home: string): Promise<string> {
  return run('redis-cli', ['-p', `${port}`, 'INFO', 'replication'], home);
}

function settingsOf(
  { maxAgeMs, ttlMs, global, jitterMs }: ReplayFleetOptions,
  signer: SignerOptions,
  redis: readonly number[],
) {
  const clients = Object.fromEntries(Object.entries(SECRETS).map(([id, secret]) => [id, [secret]]));
  const { fault = 'none', store = 0, db = 0, clockOffsetMs = 0 } = signer;
  // Nothing listens on port 1.
  const port = fault === 'fail-open' ? 1 : redis[store];
  return {
    clients,
    maxAgeMs,
    ttlMs: signer.ttlMs ?? ttlMs,
    redis: port,
    db,
    fault,
    clockOffsetMs,
    global: global === true,
    jitterMs: jitterMs ?? 0,
  };
}

async function startSigner(settings: object): Promise<ChildProcess> {
  const script = join(ROOT, 'test/support/replay-signer.mjs');
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: ENV,
  });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

/** Passes each connection on to the next replica in turn. */
async function startBalancer(port: number, targets: readonly number[]): Promise<Server> {
  let turn = 0;
  const server = createServer((socket) => {
    const target = dial(targets[turn++ % targets.length] ?? 0, '127.0.0.1');
    for (const one of [socket, target]) one.on('error', () => [socket, target].map((each) => each.destroy()));
    socket.pipe(target).pipe(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function writeFleet(
  home: string,
  options: ReplayFleetOptions,
  signers: readonly (SignerOptions & { readonly port: number })[],
  balancer: number | undefined,
  redis: readonly number[],
): void {
  const restart = '[/bin/true]';
  const replicas = signers.map(
    ({ name, port }) => `  - name: ${name}
    url: https://127.0.0.1:${port}
    serverName: ${name}.test
    deploy: { path: ${name}.env, variable: SECRETS, format: json, pointer: "/{client}", restart: ${restart} }
`,
  );
  const clients = Object.entries(SECRETS).map(([id, secret]) => {
    writeFileSync(join(home, `${id}.env`), `SECRET=${secret}\n`, { mode: 0o600 });
    return `  - id: ${id}\n    deploy: { path: ${id}.env, variable: SECRET, restart: ${restart} }\n`;
  });
  // The balancer passes TLS on, so that any replica's name may answer: the first one's certificate is not enough.
  const front =
    balancer === undefined ? '' : `balancer: { url: "https://127.0.0.1:${balancer}", serverName: 127.0.0.1 }\n`;
  const { maxAgeMs, ttlMs, clockErrorMs, global } = options;
  const text = `schema: rotctl.fleet.v1
name: independent
environment: staging
replicas:
${replicas.join('')}clients:
${clients.join('')}${front}tls: { ca: tls/ca.pem }
replay: { maxAge: ${maxAgeMs}ms, nonceTtl: ${ttlMs}ms, clockError: ${clockErrorMs}ms, storeTimeout: 250ms${global === true ? ', nonceKey: global' : ''} }
probe: { causes: 'refused by policy (422), signs nothing', deadline: ${Math.floor(maxAgeMs * 0.7)}ms }
lockout: none
${options.more?.(redis) ?? ''}`;
  writeFileSync(join(home, 'rotctl.yaml'), text);
}
