import type { Verdict } from '../errors/verdict.ts';
import { checksOf } from '../probe/checks/list.ts';
import { runChecks } from '../probe/checks/run-checks.ts';
import type { Finding } from '../probe/finding.ts';
import type { Precondition } from '../runbook/runbook.ts';
import { verdictOf } from './finding-verdict.ts';
import { contextFor, type FleetParts } from './fleet-parts.ts';
import { type GateTerms, namesIn } from './gate/terms.ts';
import type { Pairs } from './pair.ts';
import { proveHeard } from './prove-usage.ts';
import { rehearseDeploys } from './rehearse-deploys.ts';

/** What the preconditions came to. */
export interface Preflight {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
}

/** The checks (ids of `spec/checks.md`) that each precondition of a runbook stands for. */
const PRECONDITION_CHECKS: Readonly<Record<Precondition, readonly string[]>> = {
  'signatures-enforced': [
    'control.wrong-secret',
    'control.empty-key',
    'control.development-secret',
    'control.unsigned',
    'control.tampered-body',
    'control.tampered-fields',
    'control.tampered-request',
    'control.signature-exact',
    'control.foreign-secret',
  ],
  'vectors-green': [
    'valid_hmac_mtls_single_use',
    'replay_nonce_rejected',
    'timestamp_skew_rejected',
    'mtls_required_rejected',
    'invalid_hmac_rejected',
    'unknown_client_rejected',
    'invalid_signature_format_rejected',
  ],
  'two-replicas': ['fleet.replica-count', 'fleet.distinct', 'balancer.spread'],
  'shared-replay-store': [
    'replay.same-replica',
    'replay.cross-replica',
    'replay.concurrent',
    'replay.refused-burns-nothing',
    'replay.nonce-exact',
    'replay.window-end',
    'replay.ttl-bound',
  ],
  'clocks-agree': ['clock.window'],
  'current-accepted': ['valid_hmac_mtls_single_use', 'gate.valid-accepted', 'gate.any-signature'],
  // No probe shows it: see `rehearseDeploys`.
  'deploys-rehearsed': [],
  // Nor this: see `proveHeard`.
  'current-signed': [],
};

/** Tries a runbook's preconditions on every replica, as the checks that they stand for; changes nothing. */
export async function runPreflight(
  parts: FleetParts,
  pairs: Pairs,
  preconditions: readonly Precondition[],
  terms?: GateTerms,
): Promise<Preflight> {
  const ids = new Set(preconditions.flatMap((precondition) => PRECONDITION_CHECKS[precondition]));
  const rehearsed = preconditions.includes('deploys-rehearsed')
    ? await rehearseDeploys(parts.fleet, parts.driver, parts.probes.clock)
    : [];
  const seen = await runChecks(
    checksOf(parts.fleet).filter((check) => ids.has(check.id)),
    await contextFor(parts, pairs, ['current']),
  );
  const heard = preconditions.includes('current-signed') ? await hearCurrent(parts, pairs, terms) : [];
  const findings = [...rehearsed, ...seen, ...heard];
  return { verdict: verdictOf(findings), findings };
}

/** Whether the clients really sign with `current`, as the fleet's own evidence shows. */
async function hearCurrent(parts: FleetParts, pairs: Pairs, terms: GateTerms | undefined): Promise<readonly Finding[]> {
  const keyIds = terms === undefined ? undefined : namesIn(terms);
  return (await proveHeard({ ...parts, pairs, clock: parts.probes.clock, keyIds }, 'current')).findings;
}
