import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, requirePrograms, run } from '../foreign/processes.ts';
import { type Begun, type Ended, startRotctl } from '../foreign/rotctl-run.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Starts and stops what a unit file describes; the supervisor of the foreign signers. */
const SUPERVISOR = join(ROOT, 'test/support/foreign-signer.py');

/** Variables; `undefined` leaves one out that is set otherwise. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What the service counted, over all its lives. */
export interface Tally {
  readonly accepted: number;
  readonly refused: number;
  readonly faults: number;
  /** The refusals' texts. */
  readonly answers: readonly string[];
}

/** Gates in Python and, on request, a service that never stops asking them: processes in a folder of their own. */
export interface GateFleet {
  readonly home: string;
  /** The secret that all share at first. */
  readonly secret: string;
  readonly urls: readonly string[];
  begin(...words: string[]): Begun;
  rotctl(...words: string[]): Promise<Ended>;
  ctl(action: 'start' | 'stop' | 'restart', unit: string): Promise<void>;
  /** The variables in the env file of a gate (`gate-1`, …) or of the service (`service`). */
  variables(unit: string): Record<string, string>;
  /** Lines of a unit's log. */
  log(unit: string): string[];
  tally(): Tally;
  /** Adds text to the fleet file. */
  declare(text: string): void;
  stop(): Promise<void>;
}

/** Starts one gate for each set of variables, which are laid over the usual ones; whoever starts a fleet stops it. */
export async function startGates(gates: readonly Variables[], service?: Variables): Promise<GateFleet> {
  await requirePrograms(['python3']);
  const home = mkdtempSync(join(tmpdir(), 'gates-'));
  for (const folder of ['etc', 'run', 'secrets']) mkdirSync(join(home, folder), { mode: 0o700 });
  const ports = await freePorts(gates.length);
  const secret = randomBytes(24).toString('base64url');
  for (const [n, own] of gates.entries()) {
    const name = `gate-${n + 1}`;
    mkdirSync(join(home, 'secrets', name));
    writeEnv(home, name, { ...gateVariables(secret), ...own });
    writeUnit(home, name, gateWords(home, name, ports[n] ?? 0), ports[n]);
  }
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  if (service !== undefined) {
    writeEnv(home, 'service', { ...serviceVariables(secret, urls), ...service });
    writeUnit(home, 'service', [join(HERE, 'service.py'), '--env-file', join(home, 'etc/service.env')]);
  }
  writeFileSync(join(home, 'rotctl.yaml'), fleetText(urls));
  const fleet = handle(home, secret, urls);
  try {
    await Promise.all(urls.map((_, n) => fleet.ctl('start', `gate-${n + 1}`)));
    if (service !== undefined) await fleet.ctl('start', 'service');
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

function handle(home: string, secret: string, urls: readonly string[]): GateFleet {
  const file = join(home, 'rotctl.yaml');
  const begin = (...words: string[]) => startRotctl(home, ROOT, words);
  const log = (unit: string) => readFileSync(join(home, 'run', `${unit}.log`), 'utf8').split('\n');
  const ctl = async (action: string, unit: string): Promise<void> => {
    await run('python3', [SUPERVISOR, 'ctl', action, `run/${unit}.json`], home);
  };
  return {
    home,
    secret,
    urls,
    begin,
    rotctl: (...words) => begin(...words).ended,
    ctl,
    variables: (unit) => readEnv(readFileSync(join(home, 'etc', `${unit}.env`), 'utf8')),
    log,
    tally: () => tallyOf(log('service')),
    declare: (text) => writeFileSync(file, `${readFileSync(file, 'utf8')}${text}`),
    async stop() {
      const units = readdirSync(join(home, 'run')).filter((name) => name.endsWith('.json'));
      await Promise.all(units.map((name) => ctl('stop', name.slice(0, -5)).catch(() => undefined)));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The last line of each life has all that was counted in it. */
function tallyOf(lines: readonly string[]): Tally {
  const lives = new Map<number, { accepted: number; refused: number; faults: number; answers: object }>();
  for (const line of lines.filter((each) => each.startsWith('{'))) {
    const counts = JSON.parse(line);
    lives.set(counts.started, counts);
  }
  const sum = (of: 'accepted' | 'refused' | 'faults') => [...lives.values()].reduce((all, life) => all + life[of], 0);
  const answers = [...lives.values()].flatMap((life) => Object.keys(life.answers));
  return { accepted: sum('accepted'), refused: sum('refused'), faults: sum('faults'), answers };
}

function readEnv(text: string): Record<string, string> {
  const pairs = text.split('\n').flatMap((line) => {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line.trim()) ?? [];
    return name === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, '$2')]];
  });
  return Object.fromEntries(pairs);
}

// What an operator has: env files, units, a fleet file -----------------------------------------------------------------

function gateVariables(secret: string): Variables {
  return {
    INTERSERVICE_HMAC_SECRET: secret,
    REQUIRE_SIGNATURE: 'true',
    SIGNATURE_SKEW_SECONDS: '2',
    NONCE_TTL_SECONDS: '5',
    ALLOWED_TOOLS: 'practice.noop,ledger.read,ledger.write',
    TRUSTED_SESSIONS: 'practice-probe=practice.noop,agent-7=ledger.read+practice.noop,a,a:b',
  };
}

function serviceVariables(secret: string, urls: readonly string[]): Variables {
  return {
    INTERSERVICE_HMAC_SECRET: secret,
    GATE_URLS: urls.join(','),
    SERVICE_ACTOR: 'did:python:agent',
    SERVICE_SESSION: 'agent-7',
    SERVICE_TOOL: 'ledger.read',
    REQUESTS_PER_SECOND: '10',
  };
}

function writeEnv(home: string, name: string, variables: Variables): void {
  const lines = Object.entries(variables).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  writeFileSync(join(home, 'etc', `${name}.env`), `# ${name}\n${lines.join('\n')}\n`, { mode: 0o600 });
}

function gateWords(home: string, name: string, port: number): string[] {
  const state = (file: string) => join(home, 'run', `${name}-${file}`);
  const files = [
    '--env-file',
    join(home, 'etc', `${name}.env`),
    '--nonces',
    state('nonces'),
    '--ledger',
    state('ledger'),
  ];
  const secrets = `/run/secrets/=${join(home, 'secrets', name)}`;
  return [join(HERE, 'gate.py'), '--port', `${port}`, ...files, '--secrets', secrets];
}

function writeUnit(home: string, name: string, words: readonly string[], port?: number): void {
  const [pid, log] = ['pid', 'log'].map((kind) => join(home, 'run', `${name}.${kind}`));
  const unit = { argv: ['python3', '-B', ...words], pid, log, port };
  writeFileSync(join(home, 'run', `${name}.json`), JSON.stringify(unit));
}

function fleetText(urls: readonly string[]): string {
  const deploy = (unit: string) =>
    `{ driver: env-file, path: etc/${unit}.env, restart: [python3, ${SUPERVISOR}, ctl, restart, run/${unit}.json], deadline: 10s }`;
  const replicas = urls.map((url, n) => {
    const name = `gate-${n + 1}`;
    return `  - { name: ${name}, url: "${url}", log: run/${name}.log, deploy: ${deploy(name)} }`;
  });
  return `schema: rotctl.fleet.v1
name: python-gate
environment: staging
protocol: gate-v1
replicas:
${replicas.join('\n')}
clients:
  - { id: agent, actor: "did:python:agent", deploy: ${deploy('service')}, cadence: 500ms, atRest: 500ms }
replay: { maxAge: 2s, nonceTtl: 5s, clockError: 200ms, storeTimeout: 250ms }
probe:
  path: /gate/request
  tool: practice.noop
  session: practice-probe
  actor: did:python:rotctl
  causes: 'denied by policy: approved is false; one row in the gate ledger'
  deadline: 1500ms
readiness: { deadline: 8s }
canary: { ratePerSecond: 4, faultBudget: 0.2 }
usage: { from: ledger, path: /ledger, entries: /rows, at: /when, client: /actor, keyId: /kid }
logs: { refused: 'invalid request signature' }
policy: { minOverlap: 1s, soak: 1s, onFailedOverlap: roll-back }
`;
}
