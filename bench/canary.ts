/**
 * The canary's own latency while the main thread verifies all replicas without a pause, over that of the canary alone,
 * and over that while another process does the same: the fleet is as busy then, so what is left is the tool's own part.
 * A practice fleet of three; windows of each kind take turns.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Look, openLook } from '../src/cli/look.ts';
import type { GlobalFlags } from '../src/cli/request.ts';
import { type CanaryHandle, startCanary } from '../src/probe/canary.ts';
import { checksOf } from '../src/probe/checks/list.ts';
import { runChecks } from '../src/probe/checks/run-checks.ts';
import { KeyIds } from '../src/probe/key-ids.ts';
import { systemClock } from '../src/system/clock.ts';
import { systemPlatform } from '../src/system/platform.ts';
import { compare, median, plainEnv, program, ratioRow, row } from './measure.ts';
import { type Practice, startFleet } from './practice-home.ts';

const WINDOW_MS = 1500;
/** As `rotctl.yaml` has it by default, for each client on each route. */
const PER_SECOND = 10;

/** The checks that do not wait: waiting is no load. */
const CHECKS = checksOf({ protocol: 'keyring-v1' }, 'checklist', 'control', 'replay').filter(
  ({ needs }) => !needs.includes('patience'),
);

function openFleet(home: string): Promise<Look> {
  const root = pathToFileURL(`${program()}/`);
  const platform = systemPlatform(root, new URL('dist/', root), new AbortController().signal);
  const flags: GlobalFlags = {
    fleet: join(home, 'rotctl.yaml'),
    fleetGiven: true,
    ledger: undefined,
    clients: [],
    runbook: 'signer-hmac',
    json: false,
    out: undefined,
    dryRun: false,
    yes: false,
    quiet: true,
    verbose: false,
    color: false,
  };
  return openLook({ ...platform, openLedger: refuse, lock: refuse }, flags);
}

/** Verifies for one window; resolves to how many results came, and how many of them were failures. */
async function verify({ context }: Look): Promise<{ readonly found: number; readonly failed: number }> {
  const until = performance.now() + WINDOW_MS;
  let [found, failed] = [0, 0];
  while (performance.now() < until) {
    for (const check of CHECKS) {
      const findings = await runChecks([check], context);
      found += findings.length;
      failed += findings.filter(({ verdict }) => verdict === 'fail').length;
      if (performance.now() >= until) break;
    }
  }
  return { found, failed };
}

async function openCanary({ fleet, context }: Look): Promise<CanaryHandle> {
  const { tls, replicas, balancer, probe, replay } = fleet;
  const routes = [...replicas, ...(balancer === undefined ? [] : [{ name: 'balancer', ...balancer }])];
  const canary = await startCanary({
    routes: routes.map((route) => ({ name: route.name, endpoint: route })),
    clients: fleet.clients,
    tls: { ca: await text(tls.ca), cert: await text(tls.cert), key: await text(tls.key) },
    probe,
    protocol: fleet.protocol,
    keyIds: new KeyIds(),
    ratePerSecond: PER_SECOND,
    runId: 'bench',
    rules: fleet.outcomes,
    maxAgeMs: replay.maxAgeMs,
    workerUrl: new URL('dist/canary-worker.js', pathToFileURL(`${program()}/`)),
  });
  await canary.setSecrets(
    new Map(context.clients.map(({ id, accepted }) => [id, accepted.map(({ secret }) => secret)])),
  );
  return canary;
}

async function measure({ home }: Practice): Promise<void> {
  const look = await openFleet(home);
  const canary = await openCanary(look);
  const other = fork(process.argv[1] ?? '', [home], { env: { ...plainEnv(), BENCH_PROGRAM: program() } });
  await once(other, 'message');
  const lags: number[] = [];
  let [found, failed] = [0, 0];
  const p50 = async (work: () => Promise<unknown>): Promise<number> => {
    await canary.mark('before');
    await work();
    const counts = await canary.mark('window');
    if (counts.refused > 0 || counts.accepted === 0) throw new Error(`refused: ${JSON.stringify(counts.refusals)}`);
    lags.push(counts.timerLag.p50);
    return counts.latency.p50;
  };
  const here = () =>
    p50(async () => {
      const seen = await verify(look);
      found += seen.found;
      failed += seen.failed;
    });
  const alone = () => p50(() => systemClock.sleep(WINDOW_MS));
  const elsewhere = () =>
    p50(async () => {
      other.send('verify');
      await once(other, 'message');
    });
  const overAlone = await compare(here, alone, 7);
  const overOther = await compare(here, elsewhere, 7);
  other.kill();
  await canary.stop();
  await look.close();
  ratioRow('canary p50 while verifying, over alone', overAlone, { most: 1.3 }, `ms, ${found} results meanwhile`);
  ratioRow('the same, over verifying in another process', overOther, { most: 1.3 }, 'ms');
  row('canary timer lag while verifying (ms)', median(lags), 0, undefined, 'the median of all windows');
  row(
    'replicas found wrong meanwhile',
    failed,
    0,
    { exactly: 0 },
    'the canary and the checks do not disturb each other',
  );
}

/** The other process: verifies for one window each time that it is told to. */
async function serve(home: string): Promise<void> {
  const look = await openFleet(home);
  process.on('message', () => void verify(look).then(() => process.send?.('done')));
  process.send?.('ready');
}

async function text(path: string | undefined): Promise<string> {
  return path === undefined ? '' : readFile(path, 'utf8');
}

function refuse(): never {
  throw new Error('this bench writes no ledger');
}

const [, , home] = process.argv;
if (home !== undefined) await serve(home);
else {
  const fleet = await startFleet();
  await measure(fleet).finally(() => fleet.down());
}
