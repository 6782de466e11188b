import { resolve } from 'node:path';
import { readSecret, type SecretReference } from '../credential/reference.ts';
import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Entry } from '../ledger/entry.ts';
import { describePhase, type Phase } from '../machine/phase.ts';
import type { Finding } from '../probe/finding.ts';
import { safetyDocument } from '../report/safety-json.ts';
import { renderSafety } from '../report/safety-text.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { type Collected, collecting } from '../runner/collect.ts';
import { type DrillMark, drillOf } from '../runner/drill-mark.ts';
import { movedBy } from '../runner/left-alone.ts';
import { type Ended, type Order, operate } from '../runner/operate.ts';
import type { PlanBinding } from '../runner/plan/binding.ts';
import { type Rehearsal, rehearse } from '../runner/rehearse.ts';
import { positionOf, UnsafeRunbook } from '../runner/safety.ts';
import { capped } from './cap.ts';
import { clientsFor, ledgerPath, loadFleet, runbookFor } from './load.ts';
import { commandAfterFailure, withMaterial, withPlaces } from './next-command.ts';
import type { Platform } from './platform.ts';
import { openProgress } from './progress.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { descriptorOf } from './seal.ts';
import { openSecrets } from './secret-access.ts';
import { openSession } from './session.ts';
import { standings } from './standing.ts';
import { unsafeEnd } from './unsafe-end.ts';

/** What was typed for `overlap`, `retire`, `rollback` or `resume`. */
export interface RotateRequest {
  readonly command: Order['command'];
  readonly wait: boolean;
  readonly reinstate: boolean;
  readonly reason: string | undefined;
  readonly compromised: boolean;
  /** `CLIENT=FILE`, as typed. */
  readonly secretFiles: readonly string[];
  /** `CLIENT=NUMBER`, as typed. */
  readonly secretFds: readonly string[];
  readonly breakLock: boolean;
  /** A saved plan to carry out. */
  readonly plan: string | undefined;
  /** Go on although the runbook is not proven safe. */
  readonly unsafeOrder: boolean;
}

/** The command to type after a good end in a phase. */
const NEXT: Readonly<Partial<Record<Phase, string>>> = {
  overlap: 'rotctl resume',
  switched: 'rotctl retire',
  retired: 'rotctl retire',
};

/** Carries out one of the commands that change a fleet. Failures are part of the end, with what was seen until then. */
export async function rotate(platform: Platform, flags: GlobalFlags, request: RotateRequest): Promise<CommandEnd> {
  const described = await loadFleet(platform, flags);
  const runbook = await runbookFor(platform, flags, described);
  const fleet = movedBy(runbook, described);
  requireReasons(request);
  const plan =
    request.plan === undefined ? undefined : await bindTo(platform, flags, fleet, runbook, request.plan, request);
  const progress = collecting(await openProgress(platform, flags));
  const breakLock = request.breakLock && request.reason !== undefined ? { breakLock: request.reason } : {};
  const session = await openSession(platform, flags, fleet, runbook, { progress, ...breakLock });
  const base = { command: request.command, fleet: fleet.name };
  try {
    const order = { ...(await orderOf(platform, flags, fleet, request)), ...(plan === undefined ? {} : { plan }) };
    if (flags.dryRun) {
      const rehearsal = await rehearse(session.tools, order);
      const found = rehearsedEnd(rehearsal, request.command, platform.stdout.columns);
      const next = withMaterial(found.next ?? 'rotctl status', runbook.material === 'mtls');
      const end = { ...found, next };
      return { ...base, ...capped(end, await session.tools.readLedger(), rehearsal.rotation) };
    }
    const ended = await operate(session.tools, order);
    const entries = await session.tools.readLedger();
    const end = capped(goodEnd(ended, drillOf(entries, ended.rotation)), entries, ended.rotation);
    return { ...base, ...end, ...seenIn(progress.take()) };
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    const shown = error instanceof UnsafeRunbook ? await unsafeEnd(platform, flags, error) : {};
    const entries = await session.tools.readLedger().catch(() => []);
    const next = commandAfterFailure({ error, flags, material: runbook.material, standing: standings(entries).at(-1) });
    return { ...base, ...badEnd(error), next, ...standingOf(entries, runbook), ...seenIn(progress.take()), ...shown };
  } finally {
    await session.close();
  }
}

/** Where the newest rotation stands after a failure, as far as the ledger can be read. */
function standingOf(entries: readonly Entry[], { name }: Runbook): Pick<CommandEnd, 'phase' | 'rotation'> {
  const last = entries.findLast(({ runbook }) => runbook === name);
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
  for (const [flag, name] of NEEDING_REASONS) {
    if (request[flag] && (request.reason ?? '').trim() === '')
      throw new RotctlError('USAGE', `${name} needs --reason TEXT, for the record`);
  }
}

/** The flags that go on the record with the operator's words. */
const NEEDING_REASONS = [
  ['reinstate', '--reinstate'],
  ['breakLock', '--break-lock'],
  ['unsafeOrder', '--unsafe-order'],
] as const;

/** Reads the saved plan that is to be carried out. @throws RotctlError `PLAN_STALE` unless it still fits */
async function bindTo(
  platform: Platform,
  flags: GlobalFlags,
  fleet: Fleet,
  runbook: Runbook,
  file: string,
  { command, compromised, reinstate }: RotateRequest,
): Promise<PlanBinding> {
  const [{ bindPlan }, { headOf }, { readWhole }] = await Promise.all([
    import('../runner/plan/file.ts'),
    import('../runner/plan/binding.ts'),
    import('../ledger/verify.ts'),
  ]);
  const entries = await readWhole(ledgerPath(flags, fleet.file), await platform.ledgerDisk());
  return bindPlan(await platform.readText(resolve(platform.cwd, file)), file, {
    command,
    fleet: fleet.name,
    ledger: headOf(entries),
    inventory: fleet.digest,
    runbook: runbook.digest,
    clients: clientsFor(fleet, flags),
    pins: fleet.pins,
    compromised,
    reinstate,
    remake: remakeOf(command, file, flags),
  });
}

function remakeOf(command: string, file: string, flags: GlobalFlags): string {
  const what = command === 'resume' ? '' : ` ${command}`;
  return withPlaces(`rotctl plan${what} -o ${file}`, flags);
}

async function orderOf(platform: Platform, flags: GlobalFlags, fleet: Fleet, request: RotateRequest): Promise<Order> {
  const clients = clientsFor(fleet, flags);
  const brought = new Map<string, Secret>();
  const { sources } = await openSecrets(platform, fleet, (text) => text);
  const references = [
    ...request.secretFiles.map((pair) => splitPair(pair, '--secret-file takes CLIENT=FILE')).map(asFile(platform)),
    ...request.secretFds.map((pair) => splitPair(pair, '--secret-fd takes CLIENT=NUMBER')).map(asDescriptor),
  ];
  for (const [client, reference] of references) {
    if (!clients.includes(client))
      throw new RotctlError('USAGE', `a secret was brought for ${client}, which does not rotate`);
    if (brought.has(client)) throw new RotctlError('USAGE', `two secrets were brought for ${client}`);
    brought.set(client, await readSecret(reference, sources, client));
  }
  const { command, wait, reinstate, reason, compromised } = request;
  return {
    command,
    wait,
    reinstate,
    reason,
    compromised,
    brought,
    clients,
    ...(request.unsafeOrder && reason !== undefined ? { unsafeOrder: { reason, operator: operatorOf(platform) } } : {}),
  };
}

function operatorOf({ operator: { user, host } }: Pick<Platform, 'operator'>): string {
  return `${user}@${host}`;
}

type Split = readonly [client: string, rest: string];

function splitPair(pair: string, otherwise: string): Split {
  const at = pair.indexOf('=');
  if (at < 1) throw new RotctlError('USAGE', otherwise);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

type Brought = readonly [client: string, reference: SecretReference];

function asFile({ cwd }: Pick<Platform, 'cwd'>): (split: Split) => Brought {
  return ([client, path]) => [client, { from: 'file', path: resolve(cwd, path) }];
}

function asDescriptor([client, number]: Split): Brought {
  return [client, { from: 'fd', fd: descriptorOf(number) }];
}

function goodEnd(
  ended: Ended,
  drill: DrillMark | undefined,
): Pick<CommandEnd, 'verdict' | 'summary' | 'phase' | 'rotation' | 'next' | 'result'> {
  const { rotation, phase, already, owed } = ended;
  const rehearsal = drill?.complete === false && (phase === 'overlap' || phase === 'switched');
  const next = rehearsal ? 'rotctl rollback' : NEXT[phase];
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
function rehearsedEnd(rehearsal: Rehearsal, command: string, columns: number): Omit<CommandEnd, 'command'> {
  const { phase, rotation, findings, verdict, simulated, notCheckable, safety } = rehearsal;
  const isSafe = safety.answer.verdict === 'safe';
  const tried = [...new Set(findings.map((finding) => finding.id))];
  const section = (title: string, lines: readonly string[]) => [
    title,
    ...(lines.length === 0 ? ['  nothing'] : lines.map((line) => `  ${line}`)),
  ];
  return {
    verdict: verdict !== 'pass' ? verdict : isSafe ? 'rehearsed' : 'unknown',
    exitCode: { pass: isSafe ? 0 : 12, fail: 1, unknown: 12 }[verdict],
    summary: `${command} from ${phase}: ${tried.length} checks tried for real, ${simulated.length} changes simulated; nothing was changed`,
    phase,
    ...(rotation === undefined ? {} : { rotation }),
    checks: findings,
    result: { triedForReal: tried, simulated, notCheckable, safety: safetyDocument(safety) },
    text: [
      renderSafety(safety, safety.runbook.name, { columns, at: positionOf(safety) }),
      ...section('tried for real:', tried),
      ...section('simulated:', simulated),
      ...section('not checkable before the change is made:', notCheckable),
    ].join('\n'),
    next: verdict === 'pass' ? `rotctl ${command}` : 'rotctl check',
  };
}

/** The state of the rollback that a failure came with. */
const ROLLBACK: Readonly<Record<string, string>> = { ROLLED_BACK: 'verified', ROLLBACK_UNVERIFIED: 'unverified' };

function badEnd(error: RotctlError): Pick<CommandEnd, 'verdict' | 'summary' | 'error' | 'rollback'> {
  const rollback = ROLLBACK[error.code];
  return {
    verdict: verdictOf(error),
    summary: error.message,
    error,
    ...(rollback === undefined ? {} : { rollback }),
  };
}

function verdictOf(error: RotctlError): CommandEnd['verdict'] {
  if (error.code === 'STOPPED' || error.code === 'GATE_WAITING') return 'stopped';
  return error.code === 'HELD' || error.code === 'DRIVER_FAILED' || error.code === 'LEDGER_WRITE_FAILED'
    ? 'unknown'
    : 'fail';
}
