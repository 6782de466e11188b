import { dirname, relative } from 'node:path';
import type { Material } from '../credential/material.ts';
import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { settingOf } from '../machine/rotation.ts';
import type { Inventory } from '../machine/step.ts';
import { requireReadiness } from './before.ts';
import { beginCertificates, holderOfAuthority } from './certificates/begin.ts';
import { type CertificateTerms, termsRecord as certificatesRecord, sealedTerms } from './certificates/terms.ts';
import { drainMs } from './drain.ts';
import type { DrillMark } from './drill-mark.ts';
import { pinsRecord } from './enumeration.ts';
import { toLedger } from './evidence.ts';
import { remedyIn } from './explain-failure.ts';
import { sayStopping } from './finding-verdict.ts';
import { probedOf } from './fleet-parts.ts';
import { learnKeyIds, termsNow } from './gate/standing.ts';
import { type GateTerms, termsRecord } from './gate/terms.ts';
import { inventoryOf } from './inventory.ts';
import { Journal } from './journal.ts';
import { nameOf } from './key-name.ts';
import { requireLockout } from './lockout.ts';
import { type MadePairs, makePairs, type PairParts, sharedPairs } from './make-pairs.ts';
import type { Pairs } from './pair.ts';
import type { Preflight } from './preflight.ts';
import { objectionTo, type Safety, safetyRecord } from './safety.ts';
import { idsRecord } from './second-id.ts';
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
  /** The drill that the rotation is begun for. */
  readonly drill?: DrillMark;
}

/** A rotation that was just begun, in phase `stable`. */
export interface Begun {
  readonly journal: Journal;
  readonly pairs: Pairs;
  readonly inventory: Inventory;
  /** For a fleet of gates. */
  readonly terms: GateTerms | undefined;
  /** Of a rotation of certificates. */
  readonly certificates: CertificateTerms | undefined;
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
  requireLockout(tools.fleet);
  const present = await tools.readCurrent(tools.fleet.clients.map((client) => client.id));
  const terms = await termsNow(tools);
  const inventory = inventoryOf(tools.fleet, options.clients, terms?.beginning);
  await requireReadiness(tools, present, options.clients);
  const id = `${tools.runbook.name}-${new Date(tools.clock.now()).toISOString().slice(0, 10)}-${tools.random.hex(4)}`;
  const journal = new Journal(ledger, settingOf(tools.runbook.program, inventory), {
    rotation: id,
    fleet: tools.fleet.name,
    runbook: tools.runbook.name,
  });
  const parts = { ...options, tools, journal, entries: await ledger.entries(), present };
  const { pairs, keyIds, certificates } = await makeMaterial(parts, terms, id);
  if (terms !== undefined) learnKeyIds(tools, pairs, terms);
  const baseline = await tools.baseline?.();
  tools.identities?.begin();
  const preflight = await tools.preflight(pairs, tools.runbook.preconditions, terms, certificates);
  tools.progress.findings(preflight.findings);
  requirePassed(preflight);
  await recordOverride(tools, journal, safety, options.unsafeOrder);
  await tools.vault.seal(id, certificates === undefined ? materialOf(pairs) : sealedTerms(certificates));
  await journal.note('header', {
    ...header(tools, inventory, pairs, options.compromised),
    ...(certificates === undefined ? {} : { material: certificatesRecord(certificates) }),
    ...(Object.keys(keyIds).length === 0 ? {} : { keyIds }),
    ...(terms === undefined ? {} : { gate: termsRecord(terms) }),
    ...(options.drill === undefined ? {} : { drill: { ...options.drill } }),
    ...(tools.identities === undefined ? {} : { certificates: { ...tools.identities.certificates() } }),
    safety: safetyRecord(safety),
  });
  // Certificates to come take the key of the present authority with them; until then it stays where it was sealed.
  const holder = certificates === undefined ? holderOfAuthority(parts.entries)?.rotation : undefined;
  const ours = parts.entries.filter(({ fleet }) => fleet === tools.fleet.name).map(({ rotation }) => rotation);
  const over = [...new Set(ours)].filter((rotation) => rotation !== id && rotation !== holder);
  await tools.vault.forgetRotations(over);
  await journal.note('evidence', {
    proof: 'preflight',
    verdict: preflight.verdict,
    ...toLedger({ ...preflight, cells: [], owed: [], reason: '' }),
  });
  if (baseline !== undefined)
    await journal.note('evidence', { proof: 'baseline', refused: { ...baseline }, verdict: 'pass' });
  return { journal, pairs, inventory, terms, certificates };
}

/** What rotates: secrets of each client's own, one that the services of gates share, or certificates. */
async function makeMaterial(
  parts: PairParts & { readonly journal: Journal },
  terms: GateTerms | undefined,
  id: string,
): Promise<MadePairs & { readonly certificates?: CertificateTerms }> {
  const { tools, present } = parts;
  if (tools.runbook.scheme !== 'mtls') return terms === undefined ? makePairs(parts) : sharedPairs(parts);
  const pairs = new Map([...present].map(([client, secret]) => [client, { current: secret, next: secret }]));
  return { pairs, keyIds: {}, certificates: await beginCertificates(parts, id) };
}

/** @throws RotctlError `PRECONDITION_FAILED`, naming the checks that did not pass */
function requirePassed(preflight: Preflight): void {
  if (preflight.verdict === 'pass') return;
  const hint = remedyIn(preflight.findings);
  throw new RotctlError('PRECONDITION_FAILED', sayStopping(preflight.findings), hint === undefined ? {} : { hint });
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

/** What of the pairs is secret. */
function materialOf(pairs: Pairs): Material {
  return Object.fromEntries([...pairs].map(([client, { current, next }]) => [client, { current, next }]));
}

function header(
  tools: Tools,
  inventory: Inventory,
  pairs: Pairs,
  compromised: boolean,
): { [key: string]: LedgerValue } {
  const { fleet, runbook } = tools;
  const twofold = [...pairs.values()].filter(({ ids }) => ids !== undefined);
  const { minOverlapMs, soakMs, failureBudget, onFailedOverlap } = fleet.policy;
  const form = fleet.probe.scheme?.secret;
  return {
    version: tools.version,
    run: tools.runId,
    runbookDigest: runbook.digest,
    ...(runbook.file === undefined ? {} : { runbookFile: relative(dirname(fleet.file), runbook.file) }),
    fleetDigest: fleet.digest,
    environment: fleet.environment,
    protocol: fleet.protocol,
    templates: [...inventory.templates],
    replicas: [...inventory.replicas],
    ...(fleet.pins.length === 0 ? {} : { pins: pinsRecord(fleet.pins) }),
    clients: [...inventory.clients],
    ...(inventory.batch === undefined ? {} : { batch: inventory.batch }),
    probed: [...probedOf(fleet, inventory.clients)],
    material: Object.fromEntries(
      [...pairs].map(([client, { current, next }]) => [
        client,
        { current: nameOf(current, form), next: nameOf(next, form) },
      ]),
    ),
    ...(twofold.length === 0 ? {} : { ids: idsRecord(pairs) }),
    compromised,
    policy: { minOverlapMs, soakMs, failureBudget, onFailedOverlap },
    limits: limitsOf(tools),
    minSamples: fleet.canary.minSamples,
    clock: 'system',
  };
}

/**
 * How long opening and undoing may take by the plan: for each replica two readiness deadlines, of certificates for each
 * client one redeployment and one handshake, and the drain on the way back.
 */
function limitsOf({ fleet, runbook }: Tools): { overlapMs: number; undoMs: number } {
  const replicas =
    fleet.replicas.length *
    2 *
    (fleet.readiness.deadlineMs + Math.max(...fleet.replicas.map(({ deploy }) => deploy.deadlineMs)));
  const ofClients = fleet.clients.map(
    ({ certificates }) => (certificates?.deadlineMs ?? 0) + (certificates?.handshake?.deadlineMs ?? 0),
  );
  const roll = replicas + (runbook.scheme === 'mtls' ? ofClients.reduce((sum, ms) => sum + ms, 0) : 0);
  return { overlapMs: roll, undoMs: roll + drainMs(fleet) };
}
