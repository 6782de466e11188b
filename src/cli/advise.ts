import { type Checkpoint, judgeTriggers } from '../drill/advice/advice.ts';
import { countInLedger } from '../drill/advice/counts.ts';
import { planFor } from '../drill/advice/plan.ts';
import type { PlanFleet } from '../drill/advice/step.ts';
import { ADVICE_TRIGGERS } from '../drill/advice/triggers.ts';
import { readGiven } from '../drill/advice/values.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { adviceDocument } from '../report/advice-json.ts';
import { type AdviceReport, renderAdvice } from '../report/advice-text.ts';
import { sayCheckpoint } from '../report/advice-words.ts';
import { paletteFor } from './colour.ts';
import { readLedger, refuseBroken } from './ledger.ts';
import { fleetPath, loadFleet } from './load.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/**
 * Advises whether to stay on shared HMAC secrets, by the seven triggers. Reads what is at hand of the environment, the
 * flags, the fleet file and the ledger; changes nothing.
 *
 * Any advice that stands exits 0 with the word ADVISED, `migrate` as well as `stay`: the command judges nothing that could
 * pass or fail, and PASS beside "migrate" would read as "all is well". Where an unknown value could change it: 12.
 *
 * @param texts the values of the triggers' flags, by flag
 * @throws RotctlError `USAGE` for a value that cannot be read, `LEDGER_BROKEN`, and what reading the fleet file throws
 */
export async function advise(
  platform: Platform,
  flags: GlobalFlags,
  texts: Readonly<Record<string, string | undefined>>,
): Promise<CommandEnd> {
  const given = readGiven({ environment: platform.env, flags: texts });
  const fleet = await fleetAtHand(platform, flags);
  const ledger = await ledgerAtHand(platform, flags);
  const checkpoint = judgeTriggers(given, ledger?.counts);
  const facts = fleet === undefined ? undefined : factsOf(fleet);
  const report: AdviceReport = { checkpoint, plan: planFor(checkpoint, facts), ledger, fleet: facts };
  const palette = await paletteFor(platform, flags, platform.stdout);
  return {
    command: 'advise',
    verdict: checkpoint.least === checkpoint.most ? 'advised' : 'unknown',
    summary: `${sayCheckpoint(checkpoint)}${toGive(checkpoint)}`,
    ...(fleet === undefined ? {} : { fleet: fleet.name }),
    result: adviceDocument(report),
    text: renderAdvice(report, { palette, columns: platform.stdout.columns }),
  };
}

/** What to give, where an unknown value could change the advice. */
function toGive({ triggers, least, most }: Checkpoint): string {
  if (least === most) return '';
  const missing = triggers.filter(({ met }) => met === undefined).map(({ rule }) => rule.name);
  return missing.length === ADVICE_TRIGGERS.length ? '; give the values' : `; give ${missing.join(', ')}`;
}

/** The fleet, where there is a fleet file; one that was named must be there. */
async function fleetAtHand(platform: Platform, flags: GlobalFlags): Promise<Fleet | undefined> {
  const named = flags.fleetGiven || (platform.env.ROTCTL_FLEET ?? '') !== '';
  if (!named && !(await platform.exists(fleetPath(platform, flags)))) return undefined;
  return loadFleet(platform, flags);
}

/** What the ledger counts, where there is one; one that was named must be there, and any must verify. */
async function ledgerAtHand(platform: Platform, flags: GlobalFlags): Promise<AdviceReport['ledger']> {
  const { path, snapshot } = await readLedger(platform, flags);
  if (!snapshot.exists && snapshot.problems.length === 0 && flags.ledger === undefined) return undefined;
  refuseBroken(path, snapshot);
  return { path, counts: countInLedger(snapshot.entries, platform.clock.now()) };
}

function factsOf({ name, replicas, clients, tls, policy, canary }: Fleet): PlanFleet {
  return {
    name,
    replicas: replicas.map((replica) => replica.name),
    clients: clients.map((client) => client.id),
    mutualTls: tls.required,
    soakMs: policy.soakMs,
    minSamples: canary.minSamples,
    quietMs: Math.max(...clients.map(({ cadenceMs, atRestMs }) => cadenceMs + atRestMs)),
  };
}
