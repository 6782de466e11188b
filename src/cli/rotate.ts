import { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { describePhase, type Phase } from '../machine/phase.ts';
import type { Finding } from '../probe/finding.ts';
import { type Collected, collecting } from '../runner/collect.ts';
import { type Ended, type Order, operate } from '../runner/operate.ts';
import { type Rehearsal, rehearse } from '../runner/rehearse.ts';
import { loadFleet, loadRunbook } from './load.ts';
import type { Platform } from './platform.ts';
import { openProgress } from './progress.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSession, type Session } from './session.ts';

/** What was typed for `overlap`, `retire`, `rollback` or `resume`. */
export interface RotateRequest {
  readonly command: Order['command'];
  readonly wait: boolean;
  readonly reinstate: boolean;
  readonly reason: string | undefined;
  readonly compromised: boolean;
  /** `CLIENT=FILE`, as typed. */
  readonly secretFiles: readonly string[];
  readonly breakLock: boolean;
}

/** The command to type after a good end in a phase. */
const NEXT: Readonly<Partial<Record<Phase, string>>> = {
  overlap: 'rotctl resume',
  switched: 'rotctl retire',
  retired: 'rotctl retire',
};

/** Carries out one of the commands that change a fleet. Failures are part of the end, with what was seen until then. */
export async function rotate(platform: Platform, flags: GlobalFlags, request: RotateRequest): Promise<CommandEnd> {
  const fleet = await loadFleet(platform, flags);
  const runbook = await loadRunbook(platform, flags.runbook);
  requireReasons(request);
  const progress = collecting(await openProgress(platform, flags));
  const breakLock = request.breakLock && request.reason !== undefined ? { breakLock: request.reason } : {};
  const session = await openSession(platform, flags, fleet, runbook, { progress, ...breakLock });
  const base = { command: request.command, fleet: fleet.name };
  try {
    const order = await orderOf(platform, flags, fleet, request);
    if (flags.dryRun) return { ...base, ...rehearsedEnd(await rehearse(session.tools, order), request.command) };
    const ended = await operate(session.tools, order);
    return { ...base, ...goodEnd(ended), ...seenIn(progress.take()) };
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return { ...base, ...badEnd(error, flags), ...(await standing(session)), ...seenIn(progress.take()) };
  } finally {
    await session.close();
  }
}

/** Where the newest rotation stands after a failure, as far as the ledger can be read. */
async function standing({ tools }: Session): Promise<Pick<CommandEnd, 'phase' | 'rotation'>> {
  const entries = await tools.readLedger().catch(() => []);
  const last = entries.findLast(({ runbook }) => runbook === tools.runbook.name);
  return last === undefined ? {} : { phase: last.phase, rotation: last.rotation };
}

/** Checks, and the cells of the evidence matrix: as they are, and in the form of checks. */
function seenIn({ findings, cells }: Collected): Pick<CommandEnd, 'checks' | 'matrix'> {
  const asChecks = cells.map(
    ({ client, generation, replica, expected, seen, verdict, reason, ms }): Finding => ({
      id: `matrix.${expected === 'ACCEPTED' ? 'accepts' : 'refuses'}-${generation}`,
      verdict,
      critical: true,
      target: replica,
      expected: `${expected} for ${client}`,
      seen,
      ...(reason === undefined ? {} : { reason }),
      samples: 1,
      ms,
    }),
  );
  return { checks: [...findings, ...asChecks], matrix: cells };
}

function requireReasons(request: RotateRequest): void {
  for (const flag of ['reinstate', 'breakLock'] as const) {
    if (request[flag] && request.reason === undefined) {
      throw new RotctlError(
        'USAGE',
        `--${flag === 'breakLock' ? 'break-lock' : flag} needs --reason TEXT, for the record`,
      );
    }
  }
}

async function orderOf(platform: Platform, flags: GlobalFlags, fleet: Fleet, request: RotateRequest): Promise<Order> {
  const all = fleet.clients.map((client) => client.id);
  const stranger = flags.clients.find((id) => !all.includes(id));
  if (stranger !== undefined)
    throw new RotctlError('USAGE', `the fleet has no client ${stranger}; it has ${all.join(', ')}`);
  const brought = new Map<string, Secret>();
  const files = await platform.privateFiles();
  for (const pair of request.secretFiles) {
    const [client, path] = splitPair(pair);
    brought.set(client, Secret.fromText((await files.read(path)).replace(/\n$/, '')));
  }
  const { command, wait, reinstate, reason, compromised } = request;
  return {
    command,
    wait,
    reinstate,
    reason,
    compromised,
    brought,
    clients: flags.clients.length === 0 ? all : flags.clients,
  };
}

function splitPair(pair: string): [client: string, path: string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new RotctlError('USAGE', '--secret-file takes CLIENT=FILE');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function goodEnd(ended: Ended): Pick<CommandEnd, 'verdict' | 'summary' | 'phase' | 'rotation' | 'next' | 'result'> {
  const { rotation, phase, already, owed } = ended;
  const next = NEXT[phase];
  return {
    verdict: 'pass',
    summary: already ?? `${phase}: ${describePhase(phase)}`,
    phase,
    ...(rotation === undefined ? {} : { rotation }),
    ...(next === undefined ? {} : { next }),
    result: {
      changed: already === undefined,
      owed: owed.map(({ client, replica, dueAt }) => ({ client, replica, dueAt: new Date(dueAt).toISOString() })),
    },
  };
}

/** A dry run's end: at best "rehearsed". What could not be tried is listed, never passed over. */
function rehearsedEnd(rehearsal: Rehearsal, command: string): Omit<CommandEnd, 'command'> {
  const { phase, rotation, findings, verdict, simulated, notCheckable } = rehearsal;
  const tried = [...new Set(findings.map((finding) => finding.id))];
  const section = (title: string, lines: readonly string[]) => [
    title,
    ...(lines.length === 0 ? ['  nothing'] : lines.map((line) => `  ${line}`)),
  ];
  return {
    verdict: verdict === 'pass' ? 'rehearsed' : verdict,
    exitCode: { pass: 0, fail: 1, unknown: 12 }[verdict],
    summary: `${command} from ${phase}: ${tried.length} checks tried for real, ${simulated.length} changes simulated; nothing was changed`,
    phase,
    ...(rotation === undefined ? {} : { rotation }),
    checks: findings,
    result: { triedForReal: tried, simulated, notCheckable },
    text: [
      ...section('tried for real:', tried),
      ...section('simulated:', simulated),
      ...section('not checkable before the change is made:', notCheckable),
    ].join('\n'),
    next: verdict === 'pass' ? `rotctl ${command}` : 'rotctl check',
  };
}

/** The state of the rollback that a failure came with. */
const ROLLBACK: Readonly<Record<string, string>> = { ROLLED_BACK: 'verified', ROLLBACK_UNVERIFIED: 'unverified' };

function badEnd(
  error: RotctlError,
  flags: GlobalFlags,
): Pick<CommandEnd, 'verdict' | 'summary' | 'error' | 'rollback' | 'next'> {
  const fleet = flags.fleet === 'rotctl.yaml' ? '' : ` --fleet ${flags.fleet}`;
  const rollback = ROLLBACK[error.code];
  return {
    verdict: verdictOf(error),
    summary: error.message,
    error,
    ...(rollback === undefined ? {} : { rollback }),
    next: error.next ?? `${nextAfter(error)}${fleet}`,
  };
}

function verdictOf(error: RotctlError): CommandEnd['verdict'] {
  if (error.code === 'STOPPED' || error.code === 'GATE_WAITING') return 'stopped';
  return error.code === 'HELD' || error.code === 'DRIVER_FAILED' || error.code === 'LEDGER_WRITE_FAILED'
    ? 'unknown'
    : 'fail';
}

function nextAfter(error: RotctlError): string {
  switch (error.code) {
    case 'HELD':
    case 'FAILED_HELD':
    case 'DRIVER_FAILED':
    case 'LEDGER_WRITE_FAILED':
    case 'ROLLBACK_UNVERIFIED':
      return 'rotctl resume';
    case 'GATE_WAITING':
      return 'rotctl retire --wait';
    case 'PRECONDITION_FAILED':
      return 'rotctl check';
    default:
      return 'rotctl status';
  }
}
