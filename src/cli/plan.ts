import { resolve } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { readWhole } from '../ledger/verify.ts';
import { renderPlan } from '../report/plan-text.ts';
import { safetyDocument } from '../report/safety-json.ts';
import { sayAnswer } from '../report/safety-text.ts';
import type { Runbook } from '../runbook/runbook.ts';
import { requireCarriedOut } from '../runner/carried-out.ts';
import { requireParties } from '../runner/certificates/parties.ts';
import { movedBy } from '../runner/left-alone.ts';
import { planDocument } from '../runner/plan/document.ts';
import { planFile } from '../runner/plan/file.ts';
import { makePlan, type Plan, type PlanOrder, type PlanTools } from '../runner/plan/plan.ts';
import { requireReplayProofs } from '../runner/replay-proofs.ts';
import { UnsafeRunbook } from '../runner/safety.ts';
import { paletteFor } from './colour.ts';
import { clientsFor, ledgerPath, loadFleet, runbookFor } from './load.ts';
import type { Platform } from './platform.ts';
import { readPresent } from './present-secrets.ts';
import { Redactor } from './redactor.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSecrets } from './secret-access.ts';

/** What was typed for `plan`. */
export interface PlanRequest extends Pick<PlanOrder, 'command' | 'compromised' | 'reinstate'> {
  /** Where to save it. */
  readonly file: string | undefined;
}

/**
 * Shows what a command, or the whole rotation ahead, would do, with the proof that it may. Exit 2 when the runbook is
 * unsafe, or has steps that this version does not carry out; 12 when its safety could not be told. Only a plan that can be
 * carried out is saved.
 */
export async function plan(platform: Platform, flags: GlobalFlags, request: PlanRequest): Promise<CommandEnd> {
  const described = await loadFleet(platform, flags);
  const runbook = await runbookFor(platform, flags, described);
  const fleet = movedBy(runbook, described);
  const { command, compromised, reinstate } = request;
  const order = { command, compromised, reinstate, clients: clientsFor(fleet, flags) };
  const made = await makePlan(await toolsFor(platform, flags, fleet, runbook), order);
  const palette = await paletteFor(platform, flags, platform.stdout);
  const base = {
    command: 'plan',
    fleet: fleet.name,
    ...(made.rotation === undefined ? {} : { rotation: made.rotation }),
    phase: made.phase,
    text: renderPlan(made, { palette, columns: platform.stdout.columns, verbose: flags.verbose }),
    result: { ...planDocument(made), safety: safetyDocument(made.safety) },
  };
  const refusal = refusalOf(made, fleet);
  if (refusal !== undefined) {
    const verdict = refusal.code === 'RUNBOOK_UNSAFE' && made.safety.answer.verdict === 'unknown' ? 'unknown' : 'fail';
    const exitCode = verdict === 'unknown' ? 12 : refusal.exitCode;
    return { ...base, verdict, exitCode, summary: refusal.message, error: refusal };
  }
  const saved = await save(platform, made, request.file);
  const first = made.parts[0]?.command ?? 'status';
  return {
    ...base,
    verdict: 'rehearsed',
    summary: `plan of ${made.parts.map((part) => part.command).join(', then ')} on ${fleet.name}: ${sayAnswer(made.safety)}; nothing was tried or changed`,
    next: `rotctl ${first}${saved === undefined ? '' : ` --plan ${request.file}`}`,
    result: { ...base.result, ...(saved === undefined ? {} : { saved }) },
  };
}

/** Why the plan could not be carried out as it stands, or `undefined`. */
function refusalOf({ safety }: Plan, fleet: Fleet): RotctlError | undefined {
  const { runbook, answer } = safety;
  try {
    requireCarriedOut(runbook);
    if (answer.verdict !== 'safe') return new UnsafeRunbook(safety);
    requireReplayProofs(fleet, runbook);
    if (runbook.scheme === 'mtls') requireParties(fleet);
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
  return undefined;
}

async function save(
  platform: Platform,
  made: Plan,
  file: string | undefined,
): Promise<{ readonly file: string; readonly digest: unknown } | undefined> {
  if (file === undefined) return undefined;
  const content = planFile(made);
  const path = resolve(platform.cwd, file);
  await platform.writeReport(path, `${JSON.stringify(content, undefined, 2)}\n`);
  return { file: path, digest: content.digest };
}

/** What a plan reads: no connection is made. */
async function toolsFor(platform: Platform, flags: GlobalFlags, fleet: Fleet, runbook: Runbook): Promise<PlanTools> {
  const redactor = new Redactor();
  const secrets = await openSecrets(platform, fleet, redactor.redact);
  const { driver, gate } = secrets;
  return {
    fleet,
    runbook,
    clock: platform.clock,
    stop: { signal: platform.interrupted },
    localAddress: (url) => platform.localAddress(url),
    driver,
    gate,
    readLedger: async () => readWhole(ledgerPath(flags, fleet.file), await platform.ledgerDisk()),
    async readCurrent(clients) {
      const found = await readPresent(fleet, clients, secrets);
      for (const secret of found.values()) redactor.learn(secret);
      return found;
    },
  };
}
