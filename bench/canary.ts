/**
 * The canary's own latency while the main thread verifies all replicas without a pause, over that of the canary alone:
 * what the tool does must not be blamed on the fleet. A practice fleet of three; windows of each kind take turns.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openLook } from '../src/cli/look.ts';
import type { GlobalFlags } from '../src/cli/request.ts';
import { startCanary } from '../src/probe/canary.ts';
import type { CanaryCounts } from '../src/probe/canary-counts.ts';
import { checksOf } from '../src/probe/checks/list.ts';
import { runChecks } from '../src/probe/checks/run-checks.ts';
import { systemClock } from '../src/system/clock.ts';
import { systemPlatform } from '../src/system/platform.ts';
import { compare, program, ratioRow, row } from './measure.ts';
import { startFleet } from './practice-home.ts';

const WINDOW_MS = 1500;
/** As `rotctl.yaml` has it by default, for each client on each route. */
const PER_SECOND = 10;

const fleet = await startFleet();
const root = pathToFileURL(`${program()}/`);
const platform = systemPlatform(root, new URL('dist/', root), new AbortController().signal);
const flags: GlobalFlags = {
  fleet: join(fleet.home, 'rotctl.yaml'),
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
const look = await openLook({ ...platform, openLedger: refuse, lock: refuse }, flags);
const { tls, replicas, balancer, probe, replay } = look.fleet;
const canary = await startCanary({
  routes: [...replicas, ...(balancer === undefined ? [] : [{ name: 'balancer', ...balancer }])].map((route) => ({
    name: route.name,
    endpoint: route,
  })),
  clients: look.fleet.clients,
  tls: { ca: await text(tls.ca), cert: await text(tls.cert), key: await text(tls.key) },
  probe,
  ratePerSecond: PER_SECOND,
  runId: 'bench',
  rules: look.fleet.outcomes,
  maxAgeMs: replay.maxAgeMs,
  workerUrl: platform.canaryWorker,
});
await canary.setSecrets(
  new Map(look.context.clients.map(({ id, accepted }) => [id, accepted.map(({ secret }) => secret)])),
);

/** The checks that do not wait: waiting is no load. */
const checks = checksOf('checklist', 'control', 'replay').filter(({ needs }) => !needs.includes('patience'));
const lags: { readonly alone: number[]; readonly verifying: number[] } = { alone: [], verifying: [] };
let findings = 0;
let failed = 0;

async function verifyFor(ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    for (const check of checks) {
      const found = await runChecks([check], look.context);
      findings += found.length;
      failed += found.filter(({ verdict }) => verdict === 'fail').length;
      if (performance.now() >= until) return;
    }
  }
}

async function windowOf(kind: 'alone' | 'verifying', work: () => Promise<void>): Promise<number> {
  await canary.mark('before');
  await work();
  const counts = sound(await canary.mark(kind));
  lags[kind].push(counts.timerLag.p50);
  return counts.latency.p50;
}

function sound(counts: CanaryCounts): CanaryCounts {
  if (counts.refused > 0 || counts.accepted === 0) throw new Error(`the canary was refused: ${JSON.stringify(counts)}`);
  return counts;
}

const result = await compare(
  () => windowOf('verifying', () => verifyFor(WINDOW_MS)),
  () => windowOf('alone', () => systemClock.sleep(WINDOW_MS)),
  7,
);
await canary.stop();
await look.close();
await fleet.down();
ratioRow('canary p50 while verifying, over alone', result, { most: 1.3 }, `ms, ${findings} findings meanwhile`);
row('replicas found wrong meanwhile', failed, 0, { exactly: 0 }, 'the canary and the checks do not disturb each other');

async function text(path: string | undefined): Promise<string> {
  return path === undefined ? '' : readFile(path, 'utf8');
}

function refuse(): never {
  throw new Error('this bench writes no ledger');
}
