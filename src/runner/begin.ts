import { generateSecret } from '../credential/generate.ts';
import type { Secret } from '../credential/secret.ts';
import { judgeCurrent, judgeNext, requireUsable } from '../credential/strength.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { settingOf } from '../machine/rotation.ts';
import type { Inventory } from '../machine/step.ts';
import { requireReadiness } from './before.ts';
import { drainMs } from './drain.ts';
import { toLedger } from './evidence.ts';
import { probedOf } from './fleet-parts.ts';
import { learnKeyIds, termsNow } from './gate/standing.ts';
import { type GateTerms, termsRecord } from './gate/terms.ts';
import { inventoryOf } from './inventory.ts';
import { Journal } from './journal.ts';
import { nameOf } from './key-name.ts';
import type { Pair, Pairs } from './pair.ts';
import type { Preflight } from './preflight.ts';
import { objectionTo, type Safety, safetyRecord } from './safety.ts';
import type { OpenLedger, Tools } from './tools.ts';
import { overrideRecord, type UnsafeOrder } from './unsafe-order.ts';

/** How a new rotation differs from the ordinary. */
export interface BeginOptions {
  /** The clients whose secrets rotate. */
  readonly clients: readonly string[];
  /** The old material is known to others: no soak, no way back to it. */
  readonly compromised: boolean;
  /** Fresh secrets that the operator brought, by client id; the others are made here. */
  readonly brought: ReadonlyMap<string, Secret>;
  /** Go on with a runbook that is not proven safe, on the record. */
  readonly unsafeOrder?: UnsafeOrder;
}

/** A rotation that was just begun, in phase `stable`. */
export interface Begun {
  readonly journal: Journal;
  readonly pairs: Pairs;
  readonly inventory: Inventory;
  /** For a fleet of gates. */
  readonly terms: GateTerms | undefined;
}

/**
 * Begins a rotation: reads `current`, makes `next`, tries the runbook's preconditions live, seals both secrets, and
 * writes the header. Until the header is written nothing of the fleet is changed, and nothing after it but by a step. An
 * order that is not proven safe is written down before anything else.
 *
 * @param safety what is known of the runbook on these targets; the caller has refused what is not safe and not overridden
 * @throws RotctlError `SECRET_REFUSED`, or `PRECONDITION_FAILED` naming the checks that did not pass
 */
export async function beginRotation(
  tools: Tools,
  ledger: OpenLedger,
  options: BeginOptions,
  safety: Safety,
): Promise<Begun> {
  const present = await tools.readCurrent(tools.fleet.clients.map((client) => client.id));
  const terms = await termsNow(tools);
  const inventory = inventoryOf(tools.fleet, options.clients, terms?.beginning);
  const pairs = await (terms === undefined ? makePairs : sharedPairs)(tools, options, present);
  await requireReadiness(tools, present, options.clients);
  if (terms !== undefined) learnKeyIds(tools, pairs, terms);
  const preflight = await tools.preflight(pairs, tools.runbook.preconditions, terms);
  tools.progress.findings(preflight.findings);
  requirePassed(preflight);
  const id = `${tools.runbook.name}-${new Date(tools.clock.now()).toISOString().slice(0, 10)}-${tools.random.hex(4)}`;
  const journal = new Journal(ledger, settingOf(tools.runbook.program, inventory), {
    rotation: id,
    fleet: tools.fleet.name,
    runbook: tools.runbook.name,
  });
  await recordOverride(tools, journal, safety, options.unsafeOrder);
  await tools.vault.forgetAll();
  await tools.vault.seal(id, Object.fromEntries(pairs));
  await journal.note('header', {
    ...header(tools, inventory, pairs, options.compromised),
    ...(terms === undefined ? {} : { gate: termsRecord(terms) }),
    safety: safetyRecord(safety),
  });
  await journal.note('evidence', {
    proof: 'preflight',
    verdict: preflight.verdict,
    ...toLedger({ ...preflight, cells: [], owed: [], reason: '' }),
  });
  return { journal, pairs, inventory, terms };
}

/** @throws RotctlError `PRECONDITION_FAILED`, naming the checks that did not pass */
function requirePassed(preflight: Preflight): void {
  if (preflight.verdict === 'pass') return;
  const named = preflight.findings.filter(
    ({ critical, verdict, accepted }) =>
      critical && accepted === undefined && (verdict === 'fail' || verdict === 'unknown'),
  );
  const words = named
    .slice(0, 3)
    .map((finding) => `${finding.id} on ${finding.target}: ${finding.reason ?? finding.seen}`);
  const more = named.length > 3 ? ` (+${named.length - 3} more)` : '';
  throw new RotctlError('PRECONDITION_FAILED', `${words.join('; ')}${more}`);
}

/** Writes down, and tells, that a rotation begins by an order that is not proven safe. */
async function recordOverride(
  { progress }: Tools,
  journal: Journal,
  safety: Safety,
  unsafeOrder: UnsafeOrder | undefined,
): Promise<void> {
  if (unsafeOrder === undefined) return;
  if (safety.answer.verdict === 'safe') {
    progress.note('--unsafe-order is not needed: the runbook is proven safe, and nothing is overridden');
    return;
  }
  await journal.note('override', overrideRecord(safety, unsafeOrder));
  progress.incident(`${objectionTo(safety).message}; it is begun all the same, and nothing in it will count as proven`);
}

async function makePairs(tools: Tools, options: BeginOptions, present: ReadonlyMap<string, Secret>): Promise<Pairs> {
  const retired = await tools.vault.retiredFingerprints();
  const pairs = new Map<string, Pair>();
  for (const client of options.clients) {
    const current = present.get(client);
    if (current === undefined) throw new RotctlError('USAGE', `the fleet has no client ${client}`);
    const others = [...present].filter(([id]) => id !== client);
    const problems = judgeCurrent(current, others);
    requireUsable(problems, `current of ${client}`);
    for (const { message } of problems) tools.progress.note(`current of ${client}: ${message}`);
    const next = options.brought.get(client) ?? generateSecret(tools.random);
    const taken = [...others, ...[...pairs].map(([id, pair]) => [id, pair.next] as const)];
    requireUsable(judgeNext(next, { current, retired, others: taken }), `next of ${client}`);
    pairs.set(client, { current, next });
  }
  return pairs;
}

/** One pair for all: the services of a gate sign with one secret. @throws RotctlError `SECRET_REFUSED` */
async function sharedPairs(tools: Tools, options: BeginOptions, present: ReadonlyMap<string, Secret>): Promise<Pairs> {
  const retired = await tools.vault.retiredFingerprints();
  const [current] = present.values();
  if (current === undefined) throw new RotctlError('INTERNAL', 'a fleet without clients');
  const problems = judgeCurrent(current);
  requireUsable(problems, 'current');
  for (const { message } of problems) tools.progress.note(`current: ${message}`);
  const [brought, another] = [...options.brought.values()];
  if (another !== undefined) throw new RotctlError('USAGE', 'the services of a gate share one secret; bring one');
  const next = brought ?? generateSecret(tools.random);
  requireUsable(judgeNext(next, { current, retired, others: [] }), 'next');
  return new Map([...present.keys()].map((client) => [client, { current, next }]));
}

function header(
  tools: Tools,
  inventory: Inventory,
  pairs: Pairs,
  compromised: boolean,
): { [key: string]: LedgerValue } {
  const { fleet, runbook } = tools;
  const { minOverlapMs, soakMs, failureBudget, onFailedOverlap } = fleet.policy;
  return {
    version: tools.version,
    run: tools.runId,
    runbookDigest: runbook.digest,
    fleetDigest: fleet.digest,
    environment: fleet.environment,
    protocol: fleet.protocol,
    templates: [...inventory.templates],
    replicas: [...inventory.replicas],
    clients: [...inventory.clients],
    probed: [...probedOf(fleet, inventory.clients)],
    material: Object.fromEntries(
      [...pairs].map(([client, pair]) => [client, { current: nameOf(pair.current), next: nameOf(pair.next) }]),
    ),
    compromised,
    policy: { minOverlapMs, soakMs, failureBudget, onFailedOverlap },
    limits: limitsOf(tools),
    minSamples: fleet.canary.minSamples,
    clock: 'system',
  };
}

/** How long opening and undoing may take by the plan: for each replica two readiness deadlines, and the drain on the way back. */
function limitsOf({ fleet }: Tools): { overlapMs: number; undoMs: number } {
  const roll =
    fleet.replicas.length *
    2 *
    (fleet.readiness.deadlineMs + Math.max(...fleet.replicas.map(({ deploy }) => deploy.deadlineMs)));
  return { overlapMs: roll, undoMs: roll + drainMs(fleet) };
}
