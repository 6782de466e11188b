import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../../src/fleet/fleet.ts';
import { readFleet } from '../../../src/fleet/read-fleet.ts';
import { ENV, freePorts, requirePrograms, run, until } from '../foreign/processes.ts';
import { type Ended, startRotctl } from '../foreign/rotctl-run.ts';
import { makeCertificates } from '../words/certificates.ts';
import { type Counts, countsIn } from '../words/words-fleet.ts';
import { fleetText, type Placed } from './fleet-text.ts';
import { type FrontKind, type FrontSpec, writeFront } from './fronts.ts';

const CALLERS = ['wallet', 'payouts'] as const;
const SIGNERS = ['signer-1', 'signer-2'] as const;

/** A fleet of signers behind nginx or HAProxy, none of which is part of rotctl. */
export interface CertificateFleet {
  readonly home: string;
  readonly fleet: Fleet;
  readonly fronts: readonly FrontSpec[];
  ctl(action: string, unit: string): Promise<void>;
  rotctl(...words: string[]): Promise<Ended>;
  counts(): readonly Counts[];
  stop(): Promise<void>;
}

/** How it is made. */
export interface Options {
  readonly kind: FrontKind;
  /** Where each front keeps sessions. */
  readonly sessions: readonly [FrontSpec['sessions'], FrontSpec['sessions']];
  readonly callers?: boolean;
  readonly edit?: (text: string) => string;
}

/** Starts one; whoever starts it stops it. */
export async function startFleet(root: string, options: Options): Promise<CertificateFleet> {
  const { kind } = options;
  await requirePrograms(['python3', 'openssl', 'redis-server', 'curl']);
  await run(kind, ['-v'], '/');
  const home = mkdtempSync(join(tmpdir(), `${kind}-`));
  for (const folder of ['tls', 'etc', 'run', 'faults', 'counts']) mkdirSync(join(home, folder), { mode: 0o700 });
  const [redis = 0, balancer = 0, ...ports] = await freePorts(2 + 2 * SIGNERS.length);
  const placed: Placed = { root, home, kind, balancer, fronts: ports.slice(0, SIGNERS.length) };
  await makeCertificates(join(home, 'tls'), SIGNERS, ['rotctl', ...CALLERS]);
  writeSettings(home);
  const fronts = SIGNERS.map((name, n): FrontSpec => {
    const [port = 0, to = 0] = [ports[n], ports[n + SIGNERS.length]];
    const sessions = options.sessions[n] ?? 'process';
    const says = n === 0 ? 'the code' : 'its own words';
    return { kind, home: join(home, 'front', name), port, to, sessions, says };
  });
  writeUnits(placed, fronts, redis);
  writeProgram(placed);
  const text = options.edit?.(fleetText(placed)) ?? fleetText(placed);
  writeFileSync(join(home, 'rotctl.yaml'), text);
  const store = spawn('redis-server', ['--port', `${redis}`, '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
    env: ENV,
  });
  const made = handle(placed, fronts, store, readFleet(text, join(home, 'rotctl.yaml')));
  try {
    await until(() => run('redis-cli', ['-p', `${redis}`, 'PING'], home).then((reply) => reply.includes('PONG')));
    const first = [...SIGNERS, ...SIGNERS.map((name) => `front-${name}`), 'balancer'];
    await Promise.all(first.map((unit) => made.ctl('start', unit)));
    if (options.callers === true) await Promise.all(CALLERS.map((caller) => made.ctl('start', caller)));
  } catch (error) {
    await made.stop();
    throw error;
  }
  return made;
}

function handle(
  { root, home }: Placed,
  fronts: readonly FrontSpec[],
  store: ChildProcess,
  fleet: Fleet,
): CertificateFleet {
  const ctl = async (action: string, unit: string): Promise<void> => {
    await run('python3', [starter(root), 'ctl', action, join(home, 'run', `${unit}.json`)], home);
  };
  return {
    ...{ home, fleet, fronts, ctl },
    rotctl: (...words) => startRotctl(home, root, words).ended,
    counts: () => CALLERS.map((caller) => countsIn(join(home, 'counts', caller))),
    async stop() {
      const units = readdirSync(join(home, 'run')).filter((name) => name.endsWith('.json'));
      await Promise.all(units.map((name) => ctl('stop', name.slice(0, -5)).catch(() => undefined)));
      store.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function starter(root: string): string {
  return join(root, 'test/support/foreign-signer.py');
}

/** The program of `spec/certificate-command.md`, word for word but for its folder. */
function writeProgram({ root, home }: Placed): void {
  const page = readFileSync(join(root, 'spec/certificate-command.md'), 'utf8');
  const [, program = ''] = /```python\n(.*?)```/s.exec(page) ?? [];
  writeFileSync(join(home, 'certificates.py'), program.replace('/etc/nginx/', `${home}/front/`), { mode: 0o700 });
}

function writeSettings(home: string): void {
  const secrets = CALLERS.map((caller) => [caller, randomBytes(24).toString('hex')] as const);
  const clients = JSON.stringify(Object.fromEntries(secrets.map(([caller, secret]) => [caller, { secret }])));
  for (const name of SIGNERS)
    writeFileSync(join(home, 'etc', `${name}.env`), `CLIENTS='${clients}'\n`, { mode: 0o600 });
  for (const [caller, secret] of secrets) {
    const lines = `SIGNING_ID=${caller}\nSIGNING_SECRET=${secret}\n`;
    writeFileSync(join(home, 'etc', `${caller}.env`), lines, { mode: 0o600 });
    copyFileSync(join(home, 'tls/ca.pem'), join(home, 'tls', `${caller}-trust.pem`));
  }
}

function writeUnits({ root, home, balancer }: Placed, fronts: readonly FrontSpec[], redis: number): void {
  const script = join(root, 'test/systems/words/words.py');
  const unit = (
    name: string,
    argv: readonly (string | number)[],
    port?: number,
    log = join(home, 'run', `${name}.log`),
  ) => {
    const pid = join(home, 'run', `${name}.pid`);
    writeFileSync(join(home, 'run', `${name}.json`), JSON.stringify({ argv: argv.map(String), pid, log, port }));
  };
  for (const [n, name] of SIGNERS.entries()) {
    const front = fronts[n];
    if (front === undefined) continue;
    const own = ['--env', join(home, 'etc', `${name}.env`), '--redis', redis, '--faults', join(home, 'faults', name)];
    unit(name, ['python3', script, 'signer', '--plain', '--port', front.to, ...own], front.to);
    unit(
      `front-${name}`,
      writeFront(front),
      front.port,
      join(front.home, front.kind === 'haproxy' ? 'access.log' : 'out.log'),
    );
    const [chain, key] = ['pem', 'key'].map((kind) => readFileSync(join(home, 'tls', `${name}.${kind}`), 'utf8'));
    const keep = (file: string, text: string, mode = 0o600) => writeFileSync(join(front.home, file), text, { mode });
    keep('trust.pem', readFileSync(join(home, 'tls/ca.pem'), 'utf8'), 0o644);
    if (front.kind === 'haproxy') keep('both.pem', `${chain}${key}`);
    else {
      keep('chain.pem', chain ?? '', 0o644);
      keep('key.pem', key ?? '');
    }
  }
  unit(
    'balancer',
    ['python3', starter(root), 'balancer', '--port', balancer, '--to', ...fronts.map(({ port }) => port)],
    balancer,
  );
  for (const caller of CALLERS) {
    const counts = join(home, 'counts', caller);
    mkdirSync(counts);
    const tls = ['--cert', `tls/${caller}.pem`, '--key', `tls/${caller}.key`, '--ca', `tls/${caller}-trust.pem`];
    const at = tls.map((word) => (word.startsWith('tls/') ? join(home, word) : word));
    const own = [
      '--env',
      join(home, 'etc', `${caller}.env`),
      '--counts',
      counts,
      '--server-name',
      'signer.words.example',
    ];
    unit(caller, ['python3', script, 'caller', '--port', balancer, ...at, ...own]);
  }
}
