import { join } from 'node:path';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { isSparing } from '../fleet/lockout.ts';
import { isBraked } from '../probe/brake.ts';
import type { Check, CheckContext, PkiLook } from '../probe/checks/check.ts';
import { checksOf } from '../probe/checks/list.ts';
import { burnOwed } from '../probe/checks/replay-over-time.ts';
import { runChecks, waits } from '../probe/checks/run-checks.ts';
import type { Finding } from '../probe/finding.ts';
import type { Transport } from '../probe/ports.ts';
import { createProber } from '../probe/prober.ts';
import type { KnownClient } from '../probe/vector-plan.ts';
import { readVectors, type VectorFile } from '../probe/vectors.ts';
import { clientIn } from '../runner/configurations.ts';
import { firstStopping, verdictOf } from '../runner/finding-verdict.ts';
import { probedOf } from '../runner/fleet-parts.ts';
import { gateExpectations } from '../runner/gate/standing.ts';
import { requireLockout } from '../runner/lockout.ts';
import { idsNow } from '../runner/second-id.ts';
import { budgetOfChecks, sayBudget } from './check-budget.ts';
import { CheckLines } from './check-lines.ts';
import { domainStores } from './domain-stores.ts';
import { clientsFor, ledgerPath, loadFleet } from './load.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import { readPresent } from './present-secrets.ts';
import { openWatch, type Watch } from './progress.ts';
import type { ReadinessLook } from './readiness-checks.ts';
import { MOMENTARY } from './readiness-texts.ts';
import { Redactor } from './redactor.ts';
import { wouldDo } from './rehearsed.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSecrets, type SecretAccess } from './secret-access.ts';
import { storeView } from './store.ts';
import { openConnections, proxyIgnored } from './tls-look.ts';

/** The vectors that are shipped. */
const VECTORS = 'signer-auth-v1.json';

/** A fleet that is looked at, and what looks. */
export interface Look {
  readonly fleet: Fleet;
  readonly transport: Transport;
  readonly context: CheckContext;
  readonly watch: Watch;
  readonly runId: string;
  /** Why no connection can be made: then certificates are all that is looked at. */
  readonly unusable: RotctlError | undefined;
  /** Reads the clients' secrets anew, as they are by now. */
  readClients(): Promise<CheckContext['clients']>;
  close(): Promise<void>;
}

/**
 * Opens connections to look at a fleet with the secrets that its clients have now. Changes nothing.
 *
 * @param vectors a file of vectors to use in place of the shipped one
 * @throws RotctlError as `loadFleet`, and for secrets and certificates that cannot be used
 */
export async function openLook(platform: Platform, flags: GlobalFlags, vectors?: VectorFile): Promise<Look> {
  const fleet = await loadFleet(platform, flags);
  requireLockout(fleet);
  const redactor = new Redactor();
  const secrets = await openSecrets(platform, fleet, redactor.redact);
  const { gate } = secrets;
  const clients = await readClients(fleet, flags.clients, secrets, redactor);
  const { clock, random } = platform;
  const runId = random.hex(6);
  const { transport, tls, unusable } = await openConnections(platform, fleet);
  const watch = await openWatch(platform, flags);
  const proxy = proxyIgnored(platform.env);
  if (proxy !== undefined) watch.print(proxy);
  const prober = createProber({
    settings: fleet.probe,
    outcomes: fleet.outcomes,
    redact: redactor.redact,
    protocol: fleet.protocol,
    ...(gate === undefined ? {} : { keyIds: gate.keyIds }),
    transport,
    clock,
    random,
    runId,
    lockout: fleet.lockout,
    onLockoutWait: (why, ms) => watch.begin(why, ms),
  });
  const store = await storeView(platform, fleet);
  const stores = await domainStores(platform, fleet);
  const { maxAgeMs, nonceTtlMs, clockErrorMs } = fleet.replay;
  const context: CheckContext = {
    prober,
    clock,
    random,
    fleet,
    sparing: isSparing(fleet),
    tls,
    clients,
    ...(store === undefined ? {} : { store }),
    stores,
    ...(gate === undefined ? {} : { gates: await gateExpectations({ fleet, gate }) }),
    vectors: vectors ?? (await shippedVectors(platform)),
    strictVectors: vectors !== undefined,
    ...(fleet.authority === undefined ? {} : { pki: await partiesOfFleet(platform, fleet, secrets) }),
    burned: [],
    owed: [],
    patienceMs: nonceTtlMs + maxAgeMs + 10 * clockErrorMs + 1000,
    onWait: (why, ms) => watch.begin(why, ms),
    signal: platform.interrupted,
  };
  const close = async (): Promise<void> => {
    secrets.signers.end();
    await Promise.all([transport.close(), store?.close(), ...[...stores.values()].map((one) => one.close())]);
  };
  return {
    ...{ fleet, transport, context, watch, runId, unusable, close },
    readClients: () => readClients(fleet, flags.clients, secrets, redactor),
  };
}

/** The certificates of all parties, as they stand. */
async function partiesOfFleet(
  platform: Pick<Platform, 'publicRoots'>,
  fleet: Fleet,
  { certificates }: Pick<SecretAccess, 'certificates'>,
): Promise<PkiLook> {
  const { lookAtParties } = await import('../runner/certificates/look.ts');
  return lookAtParties({ fleet, driver: certificates, publicRoots: await platform.publicRoots() }, undefined);
}

/** Says which checks a command would try, and on what. Sends nothing, and reads no secret. */
export async function rehearseLook(
  platform: Platform,
  flags: GlobalFlags,
  command: string,
  checksOf: (fleet: Fleet) => readonly Check[],
): Promise<CommandEnd> {
  const fleet = await loadFleet(platform, flags);
  const checks = checksOf(fleet);
  const clients = clientsFor(fleet, flags);
  const places = fleet.replicas.map(({ name }) => name).join(', ');
  const width = Math.max(...checks.map(({ id }) => id.length));
  const would = wouldDo(
    command,
    [
      `try ${checks.length} checks on ${places}, signed as ${clients.join(', ')}`,
      `change nothing, but burn nonces of its own; each accepted probe causes: ${fleet.probe.causes}`,
      ...checks.map(({ id, title }) => `  ${id.padEnd(width)}  ${title}`),
    ],
    { checks: checks.map(({ id }) => id) },
  );
  return { ...would, fleet: fleet.name };
}

async function readClients(
  fleet: Fleet,
  wanted: readonly string[],
  secrets: SecretAccess,
  redactor: Redactor,
): Promise<CheckContext['clients']> {
  const stranger = wanted.find((id) => !fleet.clients.some((client) => client.id === id));
  if (stranger !== undefined) {
    throw new RotctlError(
      'USAGE',
      `the fleet has no client ${stranger}; it has ${fleet.clients.map(({ id }) => id).join(', ')}`,
    );
  }
  const ids = fleet.clients.map(({ id }) => id).filter((id) => wanted.length === 0 || wanted.includes(id));
  const present = await readPresent(fleet, ids, secrets);
  for (const secret of present.values()) redactor.learnOf(secret, fleet.probe.scheme?.secret);
  const known: KnownClient[] = [];
  for (const [client, secret] of probedOf(fleet, [...present])) {
    const ids = await idsNow(secrets.driver, clientIn(fleet, client));
    known.push({ id: ids?.current ?? client, accepted: [{ generation: 'current', secret }] });
  }
  return known;
}

async function shippedVectors({ shipped, readText }: Pick<Platform, 'shipped' | 'readText'>): Promise<VectorFile> {
  const file = join(shipped.spec, VECTORS);
  return readVectors(await readText(file), file);
}

/** What a list of checks came to, as far as it was run. */
interface Looked {
  readonly findings: readonly Finding[];
  /** The signal that ended it early. */
  readonly stoppedBy: string | undefined;
  /** An accepted probe was answered by what nothing declares inert: nothing more was sent. */
  readonly braked?: RotctlError;
}

/**
 * Runs checks one after the other, each shown while it runs and told when it is done, and makes an end of them.
 *
 * @param command the command whose end it is
 */
export async function lookAtAll(
  platform: Platform,
  flags: GlobalFlags,
  command: string,
  look: Look,
  checks: readonly Check[],
  readiness: readonly ReadinessLook[] = [],
): Promise<CommandEnd> {
  const started = platform.clock.monotonic();
  const { unusable } = look;
  const offline = checksOf(look.fleet, 'tls').filter(({ id }) => id !== 'tls.server-certificate');
  const wanted = unusable === undefined ? checks : offline;
  const budget = budgetOfChecks(
    look.fleet,
    look.context,
    wanted.map(({ id }) => id),
  );
  if (!flags.json && !flags.quiet) platform.stdout.write(`${sayBudget(look.fleet, budget)}\n`);
  const { findings, stoppedBy, braked } = await runAll(platform, flags, look, wanted, readiness);
  const ms = Math.round(platform.clock.monotonic() - started);
  const base = {
    command,
    fleet: look.fleet.name,
    checks: findings,
    text: '',
    result: { replicas: look.fleet.replicas.length, ms, requests: { ...budget } },
  };
  if (braked !== undefined) {
    const { message } = braked;
    await recordBraked(platform, flags, look, command, braked);
    return { ...base, verdict: 'unknown', exitCode: 12, summary: message, error: braked, next: `rotctl ${command}` };
  }
  if (stoppedBy !== undefined) {
    const error = new RotctlError('STOPPED', `stopped by ${stoppedBy}: ${findings.length} results until then`, {
      next: `rotctl ${command}`,
    });
    return { ...base, verdict: 'stopped', summary: error.message, error };
  }
  const verdict = verdictOf(findings);
  const exitCode = isMomentary(findings) ? 13 : { pass: 0, fail: 1, unknown: 12 }[verdict];
  if (unusable !== undefined) {
    const summary = `no connection can be made, and nothing was sent: ${unusable.message}`;
    return { ...base, verdict: 'fail', exitCode: 1, summary, next: `rotctl ${command}` };
  }
  const summary = `${command} of ${look.fleet.name}, ${look.fleet.replicas.length} replicas`;
  const first = firstStopping(findings);
  if (first === undefined) return { ...base, verdict, exitCode, summary };
  // A check that a file of vectors brought is nothing that rotctl could explain.
  const isBrought = wanted.some(({ id }) => id === first.id) && !checksOf(look.fleet).some(({ id }) => id === first.id);
  const next = isBrought ? `rotctl ${command}` : `rotctl explain ${first.id}`;
  return { ...base, verdict, exitCode, summary: `${summary}: ${first.text}`, next };
}

/** An incident is in the ledger whatever command met it; under another's lock it is told, and not written. */
async function recordBraked(
  platform: Platform,
  flags: GlobalFlags,
  { fleet, runId }: Look,
  command: string,
  { code, message }: RotctlError,
): Promise<void> {
  platform.stderr.write(`INCIDENT ${escapeForeign(message, 400)}\n`);
  const ledger = ledgerPath(flags, fleet.file);
  const head = { rotation: `run-${runId}`, fleet: fleet.name, runbook: command };
  const tools: Parameters<typeof noteInLedger>[0] = {
    lock: () => platform.lock(`${ledger}.lock`, { runId, command }),
    openLedger: () => platform.openLedger(ledger),
  };
  try {
    await noteInLedger(tools, head, 'incident', { code, reason: message });
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    platform.stderr.write(`the incident is not in the ledger: ${error.message}\n`);
  }
}

/** Whether all that is wrong is that it is not the time: the fleet is sound, and a rotation would not begin. */
function isMomentary(findings: readonly Finding[]): boolean {
  const others = findings.filter(({ id }) => !MOMENTARY.includes(id));
  return verdictOf(findings) === 'fail' && verdictOf(others) === 'pass';
}

async function runAll(
  platform: Platform,
  flags: GlobalFlags,
  look: Look,
  checks: readonly Check[],
  readiness: readonly ReadinessLook[],
): Promise<Looked> {
  const findings: Finding[] = [];
  const early = readiness.filter(({ late }) => late !== true);
  const late = readiness.filter((one) => !early.includes(one));
  const shown = [...early.map(({ text }) => text), ...checks, ...late.map(({ text }) => text)];
  const lines = flags.json ? undefined : await CheckLines.open(platform, flags, shown);
  const take = (text: Pick<Check, 'why' | 'remedy'>, found: readonly Finding[]): void => {
    findings.push(...found.map((one) => advised(one, text)));
    lines?.tell(text, found);
  };
  const { watch } = look;
  try {
    for (const { text, take: look } of early) take(text, await look());
    const owed = checks.some(({ id }) => id === 'replay.after-ttl') ? await burnOwed(look.context) : [];
    const context = { ...look.context, owed };
    const waiting = beginWaiting(checks, context);
    for (const check of checks.filter((one) => !waits(one))) {
      watch.begin(`${check.id}: ${check.title}`, undefined);
      const found = await runChecks([check], context);
      watch.end();
      take(check, found);
    }
    for (const { check, dueAt, found } of waiting) {
      watch.begin(`${check.id}: ${check.title}`, Math.max(0, dueAt - platform.clock.monotonic()));
      const done = await found;
      watch.end();
      take(check, done);
    }
    for (const { text, take: look } of late) take(text, await look());
    return { findings, stoppedBy: undefined };
  } catch (error) {
    watch.end();
    if (isBraked(error)) return { findings, stoppedBy: undefined, braked: error };
    if (!platform.interrupted.aborted) throw error;
    return { findings, stoppedBy: String(platform.interrupted.reason) };
  }
}

/** A check that has to wait, under way. */
interface Waiting {
  readonly check: Check;
  /** By the monotonic clock. */
  readonly dueAt: number;
  readonly found: Promise<readonly Finding[]>;
}

/** Begins the checks that wait, so that they do so while the others run, and beside each other. The shortest is first. */
function beginWaiting(checks: readonly Check[], context: CheckContext): readonly Waiting[] {
  const { onWait: _told, signal, ...rest } = context;
  const { signal: braked } = context.prober.brake;
  const quiet = { ...rest, signal: signal === undefined ? braked : AbortSignal.any([signal, braked]) };
  return checks
    .filter(waits)
    .map((check) => {
      const dueAt = context.clock.monotonic() + (check.waits?.(context) ?? 0);
      const found = runChecks([check], quiet);
      // Awaited later; until then a rejection must not count as unhandled.
      found.catch(() => {});
      return { check, dueAt, found };
    })
    .toSorted((one, other) => one.dueAt - other.dueAt);
}

/** What is no pass bears why that matters and what to do, for whoever reads the result and not this page. */
function advised(finding: Finding, { why, remedy }: Pick<Check, 'why' | 'remedy'>): Finding {
  return finding.verdict === 'fail' || finding.verdict === 'unknown' ? { ...finding, why, remedy } : finding;
}
