import type { Verdict } from '../../errors/verdict.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Protocol } from '../../protocol/protocol.ts';
import type { Finding } from '../finding.ts';
import type { Burned } from '../oracle.ts';
import type { Tools } from '../round.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { VectorFile } from '../vectors.ts';

/** The parts of a checklist: the vectors, what must never be accepted, the replay store, the clocks, the fleet's shape. */
export type CheckGroup = 'checklist' | 'control' | 'replay' | 'clock' | 'fleet';

/** What a check cannot do without. What the fleet does not have by design makes it not applicable; the rest, unknown. */
export type Need = 'required-certificate' | 'balancer' | 'two-replicas' | 'two-clients' | 'burned-nonces' | 'patience';

/** What checks are run against, and with. */
export interface CheckContext extends Tools {
  readonly fleet: Pick<Fleet, 'replicas' | 'balancer' | 'tls' | 'replay' | 'probe'> & Partial<Pick<Fleet, 'accepts'>>;
  /** Clients with the secrets that every replica is to accept now. */
  readonly clients: readonly KnownClient[];
  readonly vectors: VectorFile | undefined;
  /** Nonces burned before the change that is being checked. */
  readonly burned: readonly Burned[];
  /** Nonces whose life is to be waited for (`burnOwed`), to be tried again by `replay.after-ttl`. */
  readonly owed: readonly Burned[];
  /** The longest that any one check may wait, in milliseconds; 0 for none. */
  readonly patienceMs: number;
  /** Told before each long wait, so that a countdown can be shown. */
  readonly onWait?: (why: string, ms: number) => void;
  readonly signal?: AbortSignal;
  /** What the gates' configurations say of key ids, by replica; for `gate-v1`. */
  readonly gates?: ReadonlyMap<string, GateExpectation>;
  /** Copies and rounds of `replay.concurrent`; by default 8 to 16 copies, and 5 rounds or one for each replica. */
  readonly concurrency?: { readonly copies: number; readonly rounds: number };
}

/** What a gate's configuration says, and its answers must show. */
export interface GateExpectation {
  readonly strict: boolean;
  /** Key ids that it is to refuse. */
  readonly revoked: readonly string[];
}

/** What a check saw on one target; `runChecks` makes it a finding. */
export interface Observation {
  readonly target: string;
  readonly verdict: Verdict | 'not-applicable';
  readonly expected: string;
  readonly seen: string;
  readonly reason?: string;
  readonly samples: number;
  readonly ms: number;
  /** Only when it differs from the check's own: a warning does not make the whole inconclusive. */
  readonly critical?: boolean;
}

/** One thing that is looked at, in one list for every command that looks. */
export interface Check {
  /** Stable; listed in `spec/checks.md`. */
  readonly id: string;
  readonly group: CheckGroup;
  /** Whether an `unknown` makes the whole inconclusive. */
  readonly critical: boolean;
  readonly title: string;
  readonly why: string;
  /** What the operator does when it fails. */
  readonly remedy: string;
  readonly needs: readonly Need[];
  /** The one protocol whose fleets it is for; by default every one. */
  readonly protocol?: Protocol;
  /** How long it will have to wait, in milliseconds; only for checks that need patience. */
  readonly waits?: (context: CheckContext) => number;
  /** Looks, and says what it saw on each target. May throw: that is `unknown`. */
  readonly look: (context: CheckContext) => Promise<readonly Observation[]>;
}

/** An observation as a finding of its check. */
export function findingOf(check: Pick<Check, 'id' | 'critical'>, observation: Observation): Finding {
  const { critical = check.critical, target, verdict, expected, seen, reason, samples, ms } = observation;
  return {
    id: check.id,
    verdict,
    critical,
    target,
    expected,
    seen,
    ...(reason === undefined ? {} : { reason }),
    samples,
    ms,
  };
}
