import { join } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Check, CheckContext } from '../probe/checks/check.ts';
import { burnOwed } from '../probe/checks/replay-over-time.ts';
import { runChecks } from '../probe/checks/run-checks.ts';
import type { Finding } from '../probe/finding.ts';
import { createProber } from '../probe/prober.ts';
import { readVectors, type VectorFile } from '../probe/vectors.ts';
import { verdictOf } from '../runner/finding-verdict.ts';
import { probedOf } from '../runner/fleet-parts.ts';
import { gateExpectations } from '../runner/gate/standing.ts';
import type { GateAccess } from '../runner/tools.ts';
import { CheckLines } from './check-lines.ts';
import { clientsFor, loadFleet } from './load.ts';
import type { Platform } from './platform.ts';
import { gateAccess, readPresent } from './present-secrets.ts';
import { openWatch, type Watch } from './progress.ts';
import { wouldDo } from './rehearsed.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** The vectors that are shipped. */
const VECTORS = 'signer-auth-v1.json';

/** A fleet that is looked at, and what looks. */
export interface Look {
  readonly fleet: Fleet;
  readonly context: CheckContext;
  readonly watch: Watch;
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
  const gate = gateAccess(fleet, await platform.privateFiles());
  const clients = await readClients(platform, fleet, flags.clients, gate);
  const { clock, random } = platform;
  const transport = await platform.transport(fleet.tls);
  const watch = await openWatch(platform, flags);
  const prober = createProber({
    settings: fleet.probe,
    outcomes: fleet.outcomes,
    protocol: fleet.protocol,
    ...(gate === undefined ? {} : { keyIds: gate.keyIds }),
    transport,
    clock,
    random,
    runId: random.hex(6),
  });
  const { maxAgeMs, nonceTtlMs, clockErrorMs } = fleet.replay;
  const context: CheckContext = {
    prober,
    clock,
    random,
    fleet,
    clients,
    ...(gate === undefined ? {} : { gates: await gateExpectations({ fleet, gate }) }),
    vectors: vectors ?? (await shippedVectors(platform)),
    burned: [],
    owed: [],
    patienceMs: nonceTtlMs + maxAgeMs + 10 * clockErrorMs + 1000,
    onWait: (why, ms) => watch.begin(why, ms),
    signal: platform.interrupted,
  };
  return { fleet, context, watch, close: () => transport.close() };
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
  platform: Platform,
  fleet: Fleet,
  wanted: readonly string[],
  gate: GateAccess | undefined,
): Promise<CheckContext['clients']> {
  const stranger = wanted.find((id) => !fleet.clients.some((client) => client.id === id));
  if (stranger !== undefined) {
    throw new RotctlError(
      'USAGE',
      `the fleet has no client ${stranger}; it has ${fleet.clients.map(({ id }) => id).join(', ')}`,
    );
  }
  const files = await platform.privateFiles();
  const ids = fleet.clients.map(({ id }) => id).filter((id) => wanted.length === 0 || wanted.includes(id));
  const present = await readPresent(fleet, ids, { files, gate });
  return probedOf(fleet, [...present]).map(([id, secret]) => ({
    id,
    accepted: [{ generation: 'current' as const, secret }],
  }));
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
): Promise<CommandEnd> {
  const started = platform.clock.monotonic();
  const { findings, stoppedBy } = await runAll(platform, flags, look, checks);
  const ms = Math.round(platform.clock.monotonic() - started);
  const base = {
    command,
    fleet: look.fleet.name,
    checks: findings,
    text: '',
    result: { replicas: look.fleet.replicas.length, ms },
  };
  if (stoppedBy !== undefined) {
    const error = new RotctlError('STOPPED', `stopped by ${stoppedBy}: ${findings.length} results until then`, {
      next: `rotctl ${command}`,
    });
    return { ...base, verdict: 'stopped', summary: error.message, error };
  }
  const verdict = verdictOf(findings);
  const exitCode = { pass: 0, fail: 1, unknown: 12 }[verdict];
  return {
    ...base,
    verdict,
    exitCode,
    summary: `${command} of ${look.fleet.name}, ${look.fleet.replicas.length} replicas`,
  };
}

async function runAll(platform: Platform, flags: GlobalFlags, look: Look, checks: readonly Check[]): Promise<Looked> {
  const findings: Finding[] = [];
  const lines = flags.json ? undefined : await CheckLines.open(platform, flags, checks);
  const { watch } = look;
  try {
    const owed = checks.some(({ id }) => id === 'replay.after-ttl') ? await burnOwed(look.context) : [];
    for (const check of checks) {
      watch.begin(`${check.id}: ${check.title}`, undefined);
      const found = await runChecks([check], { ...look.context, owed });
      watch.end();
      findings.push(...found);
      lines?.tell(check, found);
    }
    return { findings, stoppedBy: undefined };
  } catch (error) {
    watch.end();
    if (!platform.interrupted.aborted) throw error;
    return { findings, stoppedBy: String(platform.interrupted.reason) };
  }
}
