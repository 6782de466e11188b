import type { RotatingGeneration } from '../machine/step.ts';
import type { MtlsLook } from '../probe/checks/check.ts';
import { checksOf } from '../probe/checks/list.ts';
import { runChecks } from '../probe/checks/run-checks.ts';
import type { Finding } from '../probe/finding.ts';
import type { Burned } from '../probe/oracle.ts';
import { sayStopping, verdictOf } from './finding-verdict.ts';
import { contextFor, type FleetParts } from './fleet-parts.ts';
import type { Pairs } from './pair.ts';
import type { Proven } from './world.ts';

/** Pause before checks are tried again, in milliseconds. */
const AGAIN_AFTER_MS = 200;

/** Which checks to take as a proof, and on what. */
export interface CheckOrder {
  readonly ids: readonly string[];
  /** What every replica that is looked at accepts. */
  readonly accepted: readonly RotatingGeneration[];
  /** Only these replicas; by default all. */
  readonly replicas?: readonly string[];
  /** Nonces burned before, asked for anew at each try, because they age. */
  readonly burned?: () => Promise<readonly Burned[]>;
  readonly owed?: readonly Burned[];
  /** Not tried again when they could not be told: another try would meet what the first one did. */
  readonly once?: true;
  /** Where certificates rotate: what each is to meet. */
  readonly mtls?: MtlsLook;
}

/**
 * Takes checks as a proof. Those that could not be told are tried again, for as long as a replica may take to become
 * ready. A proof that has begun is taken to its end, whatever the operator's signal: work stops between steps.
 */
export async function proveChecks(parts: FleetParts, pairs: Pairs, order: CheckOrder): Promise<Proven> {
  const { clock } = parts.probes;
  const until = clock.monotonic() + parts.fleet.readiness.deadlineMs;
  let findings: readonly Finding[] = [];
  let open = checksOf(parts.fleet).filter(({ id }) => order.ids.includes(id));
  for (;;) {
    const found = await runChecks(open, await contextOf(parts, pairs, order));
    findings = [...findings.filter(({ id }) => open.every((one) => one.id !== id)), ...found];
    open = open.filter(({ id }) => verdictOf(found.filter((finding) => finding.id === id)) === 'unknown');
    const over = order.once === true || clock.monotonic() >= until;
    if (open.length === 0 || verdictOf(findings) === 'fail' || over) break;
    await clock.sleep(AGAIN_AFTER_MS);
  }
  return { verdict: verdictOf(findings), reason: sayStopping(findings), cells: [], findings, owed: [] };
}

async function contextOf(parts: FleetParts, pairs: Pairs, order: CheckOrder) {
  const { replicas: wanted } = order;
  const burned = (await order.burned?.()) ?? [];
  const { signal: _, ...rest } = await contextFor(parts, pairs, order.accepted, burned, order.owed);
  const context = order.mtls === undefined ? rest : { ...rest, mtls: order.mtls };
  if (wanted === undefined) return context;
  const replicas = parts.fleet.replicas.filter(({ name }) => wanted.includes(name));
  return { ...context, fleet: { ...context.fleet, replicas } };
}
