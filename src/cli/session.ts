import { dirname, join } from 'node:path';
import type { Secret } from '../credential/secret.ts';
import type { Commands } from '../deploy/ports.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Entry } from '../ledger/entry.ts';
import { readWhole } from '../ledger/verify.ts';
import { Brake } from '../probe/brake.ts';
import { startCanary } from '../probe/canary.ts';
import { IdentityWatch } from '../probe/identity-watch.ts';
import { KeyIds } from '../probe/key-ids.ts';
import type { Transport } from '../probe/ports.ts';
import { createProber } from '../probe/prober.ts';
import type { Tools as ProbeTools } from '../probe/round.ts';
import { readVectors } from '../probe/vectors.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { shownByTraffic, withoutKeys } from '../runner/certificates/identities.ts';
import { nextAuthority } from '../runner/certificates/next-authority.ts';
import { trustOfAll } from '../runner/certificates/own.ts';
import { CertificateProver } from '../runner/certificates/prover.ts';
import { type CertificateTerms, keysIn } from '../runner/certificates/terms.ts';
import { confirmationsIn } from '../runner/confirmations.ts';
import { acceptsSeveral, type FleetParts, probedOf } from '../runner/fleet-parts.ts';
import { gateExpectations } from '../runner/gate/standing.ts';
import { baselineIn, FleetLogWatch } from '../runner/log-watch.ts';
import type { Pairs } from '../runner/pair.ts';
import { runPreflight } from '../runner/preflight.ts';
import type { Progress } from '../runner/progress.ts';
import { FleetProver } from '../runner/prover.ts';
import { wireIds } from '../runner/second-id.ts';
import type { Tools } from '../runner/tools.ts';
import { startTraffic } from '../runner/traffic.ts';
import type { Silencer } from '../runner/usage-parts.ts';
import { waitFor } from '../runner/wait.ts';
import type { Stop, Traffic } from '../runner/world.ts';
import type { Deploys } from './deploys.ts';
import { domainStores } from './domain-stores.ts';
import { evidenceSources } from './evidence-sources.ts';
import { ledgerPath, loadFleet } from './load.ts';
import type { Platform } from './platform.ts';
import { readPresent } from './present-secrets.ts';
import { Redactor } from './redactor.ts';
import type { GlobalFlags } from './request.ts';
import { openSecrets, readReferencedNext } from './secret-access.ts';
import { storeView } from './store.ts';
import { openReopening, proxyIgnored } from './tls-look.ts';

/** What a command on a fleet works with; `close` ends its connections. */
export interface Session {
  readonly tools: Tools;
  readonly probes: ProbeTools;
  readonly transport: Transport;
  readonly redactor: Redactor;
  readonly ledger: string;
  readonly textOf: Deploys['textOf'];
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
  const connections = await openReopening(platform, fleet);
  const { transport, tls, unusable } = connections;
  if (unusable !== undefined) throw unusable;
  const proxy = proxyIgnored(platform.env);
  if (proxy !== undefined) options.progress.note(proxy);
  const secrets = await openSecrets(platform, fleet, redactor.redact);
  const { driver, gate, textOf } = secrets;
  const commands = await platform.commands(redactor.redact);
  const store = await storeView(platform, fleet);
  const stores = await domainStores(platform, fleet);
  const keyIds = gate?.keyIds ?? new KeyIds();
  const { probe: settings, outcomes, protocol, lockout } = fleet;
  const brake = new Brake();
  const onLockoutWait = (what: string, ms: number): void => options.progress.wait({ what, ms });
  const identities = new IdentityWatch(fleet.replicas, acceptsSeveral(fleet));
  const prober = createProber({
    settings,
    outcomes,
    redact: redactor.redact,
    protocol,
    keyIds,
    transport,
    clock,
    random,
    runId,
    brake,
    lockout,
    onLockoutWait,
    identities,
  });
  const probes: ProbeTools = { prober, clock, random };
  const stop = stopFor(platform, fleet, brake);
  const ledger = ledgerPath(flags, fleet.file);
  const vectors = async () => {
    const file = join(platform.shipped.spec, 'signer-auth-v1.json');
    return readVectors(await platform.readText(file), file);
  };
  /** The entries of the newest rotation. */
  const openRotation = async (): Promise<readonly Entry[]> => {
    const entries = await readWhole(ledger, await platform.ledgerDisk());
    const newest = entries.findLast(isHeader)?.rotation;
    return entries.filter(({ rotation }) => rotation === newest);
  };
  const sources = await evidenceSources(platform, fleet, redactor);
  let silencer: Silencer | undefined;
  const recorded = async () => baselineIn(await openRotation());
  const logs = new FleetLogWatch({ fleet, sources, clock, prober, recorded });
  const parts: FleetParts = {
    fleet,
    probes,
    driver,
    transport,
    certificates:
      fleet.authority === undefined
        ? undefined
        : { driver: secrets.certificates, publicRoots: () => platform.publicRoots() },
    tls,
    runId,
    logs,
    waiter: { clock, progress: options.progress, stop },
    sources,
    silencer: () => silencer,
    confirmed: async () => confirmationsIn(await openRotation()),
    vectors,
    ...(store === undefined ? {} : { store }),
    stores,
    ...(gate === undefined ? {} : { gates: () => gateExpectations({ fleet, gate }) }),
  };
  const learn = (secret: Secret): Secret => {
    redactor.learnOf(secret, fleet.probe.scheme?.secret);
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
    certificates:
      fleet.authority === undefined
        ? undefined
        : {
            driver: secrets.certificates,
            authority: (present) => nextAuthority(fleet, commands, clock.now(), present),
            adopt: () => connections.reopen(),
          },
    vault: secrets.vault,
    announce: announcer(fleet, commands),
    signers: secrets.signers,
    identities,
    enumerate: async () => (await loadFleet(platform, { fleet: fleet.file, fleetGiven: true })).pins,
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
    confirmed: parts.confirmed,
    async readCurrent(clients) {
      const found = await readPresent(fleet, clients, secrets);
      for (const secret of found.values()) learn(secret);
      return found;
    },
    async readNext(clients) {
      const found = await readReferencedNext(fleet, clients, secrets);
      for (const secret of found.values()) learn(secret);
      return found;
    },
    baseline: () => logs.measure((what, ms) => waitFor(parts.waiter, what, ms)),
    preflight: (pairs, preconditions, terms, certificates) =>
      runPreflight(parts, pairs, preconditions, terms, certificates),
    async prover(pairs, terms, rotated) {
      learnAll(pairs, learn);
      for (const key of keysIn(rotated?.terms)) learn(key);
      if (rotated === undefined) return new FleetProver(parts, pairs, terms);
      const keep = await platform.keptConnections(trustOfAll(fleet, rotated.terms));
      const listen = await platform.trustListener();
      return new CertificateProver(parts, { keep, listen, commands, vault: secrets.vault }, pairs, rotated);
    },
    async traffic(pairs, before, certificates) {
      await logs.begin();
      const lent = certificates === undefined ? [] : withoutKeys(fleet, certificates);
      if (lent.length > 0)
        options.progress.note(`steady traffic shows rotctl's certificate for ${lent.join(', ')}: they keep their keys`);
      const traffic = await openTraffic(platform, fleet, { runId, keyIds, brake }, pairs, before, certificates);
      silencer = traffic;
      return traffic;
    },
  };
  const close = async (): Promise<void> => {
    secrets.signers.end();
    logs.stop();
    await Promise.all([
      transport.close(),
      sources.close(),
      store?.close(),
      ...[...stores.values()].map((one) => one.close()),
    ]);
  };
  return { tools, probes, transport, redactor, ledger, textOf, close };
}

/** Whether an entry begins a rotation; a drill's own header names no material. */
function isHeader({ kind, data }: Entry): boolean {
  return kind === 'header' && data.material !== undefined;
}

/** Gives messages to the fleet's announce command; what it answers is not read. */
function announcer({ announce, file }: Fleet, commands: Commands): Tools['announce'] {
  if (announce === undefined) return undefined;
  const { command, deadlineMs } = announce;
  return async (message) => {
    const input = `${JSON.stringify(message)}\n`;
    const told = await commands.ask(command, { cwd: dirname(file), deadlineMs, input, pass: [], mostBytes: 65_536 });
    return told.ok ? undefined : `${told.how}${told.output === '' ? '' : `: ${told.output}`}`;
  };
}

function learnAll(pairs: Pairs, learn: (secret: Secret) => Secret): Pairs {
  for (const { current, next } of pairs.values()) {
    learn(current);
    learn(next);
  }
  return pairs;
}

/** Work stops at the next safe point for a signal, or while the fleet's safety lever is pulled. */
function stopFor(platform: Platform, fleet: Fleet, brake: Brake): Stop {
  const { safetyLever } = fleet.policy;
  return {
    signal: AbortSignal.any([platform.interrupted, brake.signal]),
    async reason() {
      brake.check();
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
  { runId, keyIds, brake }: { readonly runId: string; readonly keyIds: KeyIds; readonly brake: Brake },
  pairs: Pairs,
  before: readonly ('current' | 'next')[],
  certificates: CertificateTerms | undefined,
): Promise<Traffic & Silencer> {
  const { ca, cert, key } = fleet.tls;
  const files = await platform.privateFiles();
  const tls = {
    ca: certificates === undefined ? await textOf(platform, ca) : trustOfAll(fleet, certificates),
    ...(cert === undefined || key === undefined
      ? {}
      : { cert: await platform.readText(cert), key: await files.read(key) }),
  };
  const routes = fleet.replicas.map((replica) => ({ name: replica.name, endpoint: replica }));
  const balancer = fleet.balancer === undefined ? [] : [{ name: 'balancer', endpoint: fleet.balancer }];
  const { method, path, body, gate, scheme, inert, deadlineMs, maxBytes } = fleet.probe;
  const probed = probedOf(fleet, [...pairs]);
  const start: Parameters<typeof startTraffic>[0]['start'] = async (onChange) => {
    const canary = await startCanary({
      routes: [...balancer, ...routes],
      clients: wireIds(new Map(probed)).map((id) => ({ id })),
      tls,
      probe: { method, path, body, gate, scheme, deadlineMs, maxBytes },
      protocol: fleet.protocol,
      keyIds,
      ratePerSecond: fleet.canary.ratePerSecond,
      runId,
      rules: fleet.outcomes,
      inert,
      maxAgeMs: fleet.replay.maxAgeMs,
      workerUrl: platform.canaryWorker,
      onChange,
      onHarm: (harm) => brake.pull(harm),
    });
    // Clients without secrets send nothing. Its thread lives on, so that what it has counted can still be asked for.
    brake.signal.addEventListener('abort', () => void canary.setSecrets(new Map()).catch(() => {}), { once: true });
    return {
      ...canary,
      setSecrets: async (secrets) => {
        brake.check();
        await canary.setSecrets(secrets);
      },
    };
  };
  // Without a balancer nobody knows how callers get by a replica that is being restarted: of the replicas' own routes
  // only refusals count.
  const served = balancer.map(({ name }) => name);
  const shown = certificates === undefined ? {} : { certificates: shownByTraffic(fleet, certificates) };
  const parts = { start, pairs: new Map(probed), settings: fleet.canary, served, clock: platform.clock, ...shown };
  return startTraffic(parts, before);
}

async function textOf(platform: Platform, file: string | undefined): Promise<string> {
  return file === undefined ? '' : platform.readText(file);
}
