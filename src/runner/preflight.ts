import type { Verdict } from '../errors/verdict.ts';
import type { Finding } from '../probe/finding.ts';
import type { Precondition } from '../runbook/runbook.ts';

/** What the preconditions came to. */
export interface Preflight {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
}

/** The checks (ids of `spec/checks.md`) that each precondition of a runbook stands for. */
export const PRECONDITION_CHECKS: Readonly<Record<Precondition, readonly string[]>> = {
  'signatures-enforced': ['control.wrong-secret', 'control.empty-key', 'control.development-secret', 'control.unsigned', 'control.tampered-body'],
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
  'shared-replay-store': ['replay.same-replica', 'replay.cross-replica', 'replay.concurrent', 'replay.window-end', 'replay.ttl-bound'],
  'clocks-agree': ['clock.window'],
  'current-accepted': ['valid_hmac_mtls_single_use'],
};

/** The ids of the checks that a list of preconditions stands for, each once, in order. */
export function checksFor(preconditions: readonly Precondition[]): string[] {
  return [...new Set(preconditions.flatMap((precondition) => PRECONDITION_CHECKS[precondition]))];
}
