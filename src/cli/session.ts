import { dirname, join } from 'node:path';
import type { Secret } from '../credential/secret.ts';
import { createVault } from '../credential/vault.ts';
import { createEnvFileDriver } from '../deploy/env-file.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { readWhole } from '../ledger/verify.ts';
import { startCanary } from '../probe/canary.ts';
import { KeyIds } from '../probe/key-ids.ts';
import type { Transport } from '../probe/ports.ts';
import { createProber } from '../probe/prober.ts';
import type { Tools as ProbeTools } from '../probe/round.ts';
import { readVectors } from '../probe/vectors.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { type FleetParts, probedOf } from '../runner/fleet-parts.ts';
import { gateExpectations } from '../runner/gate/standing.ts';
import { FleetLogWatch } from '../runner/log-watch.ts';
import type { Pairs } from '../runner/pair.ts';
import { runPreflight } from '../runner/preflight.ts';
import type { Progress } from '../runner/progress.ts';
import { FleetProver } from '../runner/prover.ts';
import type { Tools } from '../runner/tools.ts';
import { startTraffic } from '../runner/traffic.ts';
import type { Stop, Traffic } from '../runner/world.ts';
import { ledgerPath } from './load.ts';
import type { Platform } from './platform.ts';
import { gateAccess, readPresent } from './present-secrets.ts';
import { Redactor } from './redactor.ts';
import type { GlobalFlags } from './request.ts';

/** What a command on a fleet works with; `close` ends its connections. */
export interface Session {
  readonly tools: Tools;
  readonly probes: ProbeTools;
  readonly transport: Transport;
  readonly redactor: Redactor;
  readonly ledger: string;
  close(): Promise<void>;
}

/** How a session differs from the ordinary. */
export interface SessionOptions {
  readonly progress: Progress;
  /** The reason for taking over a lock whose holder cannot be proven dead. */
  readonly breakLock?: string;
}

/** Puts the rooms together for one fleet and one runbook: the same for an operator's command and for a drill. */
export async function openSession(
  platform: Platform,
  flags: Pick<GlobalFlags, 'ledger'>,
  fleet: Fleet,
  runbook: Runbook,
  options: SessionOptions,
): Promise<Session> {
  const { clock, random } = platform;
  const runId = random.hex(6);
  const redactor = new Redactor();
  const files = await platform.privateFiles();
  const transport = await platform.transport(fleet.tls);
  const gate = gateAccess(fleet, files);
  const keyIds = gate?.keyIds ?? new KeyIds();
  const { probe: settings, outcomes, protocol } = fleet;
  const prober = createProber({ settings, outcomes, protocol, keyIds, transport, clock, random, runId });
  const probes: ProbeTools = { prober, clock, random };
  const stop = stopFor(platform, fleet);
  const ledger = ledgerPath(flags, fleet.file);
  const vectors = async () => {
    const file = join(platform.shipped.spec, 'signer-auth-v1.json');
    return readVectors(await platform.readText(file), file);
  };
  const logs = new FleetLogWatch({ fleet, files: await platform.logFiles(), clock, prober });
  const commands = await platform.commands(redactor.redact);
  const driver = createEnvFileDriver({ files, commands, cwd: dirname(fleet.file) });
  const parts: FleetParts = {
    fleet,
    probes,
    driver,
    transport,
    runId,
    logs,
    waiter: { clock, progress: options.progress, stop },
    vectors,
    ...(gate === undefined ? {} : { gates: () => gateExpectations({ fleet, gate }) }),
  };
  const learn = (secret: Secret): Secret => {
    redactor.learn(secret);
    return secret;
  };
  const tools: Tools = {
    fleet,
    runbook,
    runId,
    version: platform.version,
    clock,
    random,
    progress: options.progress,
    stop,
    driver,
    gate,
    vault: createVault(fleet.vault, { files }),
    lock: (command) =>
      platform.lock(`${ledger}.lock`, {
        runId,
        command,
        ...(options.breakLock === undefined ? {} : { breakFor: options.breakLock }),
      }),
    async openLedger() {
      const opened = await platform.openLedger(ledger);
      if (opened.torn !== undefined) options.progress.note(opened.torn);
      return opened;
    },
    readLedger: async () => readWhole(ledger, await platform.ledgerDisk()),
    async readCurrent(clients) {
      const found = await readPresent(fleet, clients, { files, gate });
      for (const secret of found.values()) learn(secret);
      return found;
    },
    preflight: (pairs, preconditions, terms) => runPreflight(parts, pairs, preconditions, terms),
    prover: (pairs, terms) => new FleetProver(parts, learnAll(pairs, learn), terms),
    async traffic(pairs, before) {
      await logs.begin();
      return openTraffic(platform, fleet, runId, keyIds, pairs, before);
    },
  };
  return { tools, probes, transport, redactor, ledger, close: () => transport.close() };
}

function learnAll(pairs: Pairs, learn: (secret: Secret) => Secret): Pairs {
  for (const { current, next } of pairs.values()) {
    learn(current);
    learn(next);
  }
  return pairs;
}

/** Work stops at the next safe point for a signal, or while the fleet's safety lever is pulled. */
function stopFor(platform: Platform, fleet: Fleet): Stop {
  const { safetyLever } = fleet.policy;
  return {
    signal: platform.interrupted,
    async reason() {
      if (platform.interrupted.aborted) return `stopped by ${String(platform.interrupted.reason)}`;
      if (safetyLever !== undefined && (await platform.exists(safetyLever)))
        return `the safety lever ${safetyLever} is pulled`;
      return undefined;
    },
  };
}

async function openTraffic(
  platform: Platform,
  fleet: Fleet,
  runId: string,
  keyIds: KeyIds,
  pairs: Pairs,
  before: readonly ('current' | 'next')[],
): Promise<Traffic> {
  const { ca, cert, key } = fleet.tls;
  const files = await platform.privateFiles();
  const tls = {
    ca: ca === undefined ? '' : await platform.readText(ca),
    ...(cert === undefined || key === undefined
      ? {}
      : { cert: await platform.readText(cert), key: await files.read(key) }),
  };
  const routes = fleet.replicas.map(({ name, url, serverName }) => ({ name, endpoint: { url, serverName } }));
  const balancer = fleet.balancer === undefined ? [] : [{ name: 'balancer', endpoint: fleet.balancer }];
  const { method, path, body, gate, deadlineMs, maxBytes } = fleet.probe;
  const probed = probedOf(fleet, [...pairs]);
  const start: Parameters<typeof startTraffic>[0]['start'] = (onChange) =>
    startCanary({
      routes: [...balancer, ...routes],
      clients: probed.map(([id]) => ({ id })),
      tls,
      probe: { method, path, body, gate, deadlineMs, maxBytes },
      protocol: fleet.protocol,
      keyIds,
      ratePerSecond: fleet.canary.ratePerSecond,
      runId,
      rules: fleet.outcomes,
      maxAgeMs: fleet.replay.maxAgeMs,
      workerUrl: platform.canaryWorker,
      onChange,
    });
  // Without a balancer nobody knows how callers get by a replica that is being restarted: of the replicas' own routes
  // only refusals count.
  const served = balancer.map(({ name }) => name);
  return startTraffic({ start, pairs: new Map(probed), settings: fleet.canary, served, clock: platform.clock }, before);
}
