import type { Verdict } from '../../errors/verdict.ts';
import type { ReplayDomain } from '../../fleet/domains.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { RotationCertificates } from '../../pki/assess-rotation.ts';
import type { TlsReading } from '../../pki/tls-files.ts';
import type { Protocol } from '../../protocol/protocol.ts';
import type { Cell, Finding } from '../finding.ts';
import type { Hazard } from '../hazards.ts';
import type { Burned } from '../oracle.ts';
import type { Handshakes, Identity } from '../ports.ts';
import type { Tools } from '../round.ts';
import type { ClockReading } from '../skew.ts';
import type { StoreView } from '../store-view.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { VectorFile } from '../vectors.ts';

/** The parts of a checklist: certificates, the vectors, what must never be accepted, the replay store, the clocks, the fleet's shape. */
export type CheckGroup = 'checklist' | 'control' | 'replay' | 'clock' | 'fleet' | 'store' | 'tls' | 'mtls';

/** What a check cannot do without. What the fleet does not have by design makes it not applicable; the rest, unknown. */
export type Need =
  | 'tls'
  | 'client-certificate'
  | 'required-certificate'
  | 'balancer'
  | 'two-replicas'
  | 'two-domains'
  | 'two-clients'
  | 'burned-nonces'
  | 'patience'
  | 'store'
  | 'certificates'
  /** Of a described scheme, which may lack them; the built-in protocols have all three. */
  | 'timestamp'
  | 'single-use'
  | 'client-id';

/** What checks are run against, and with. */
export interface CheckContext extends Tools {
  readonly fleet: Pick<Fleet, 'replicas' | 'balancer' | 'tls' | 'replay' | 'probe'> &
    Partial<Pick<Fleet, 'accepts' | 'store' | 'domains' | 'policy' | 'outcomes'>>;
  /** The fleet's TLS files as they were read, and what looks at the servers' certificates. */
  readonly tls?: TlsLook;
  /** The certificates of all parties as they were read, and as a rotation is to leave them, where one is planned. */
  readonly pki?: PkiLook;
  /** What the handshake matrix takes in a rotation of certificates; without it, what our own files give. */
  readonly mtls?: MtlsLook;
  /** Clients with the secrets that every replica is to accept now. */
  readonly clients: readonly KnownClient[];
  readonly vectors: VectorFile | undefined;
  /** The vectors are a file that the operator gave: it is met to the letter, also by signers that answer in words. */
  readonly strictVectors?: boolean;
  /** Nonces burned before the change that is being checked. */
  readonly burned: readonly Burned[];
  /** Nonces whose life is to be waited for (`burnOwed`), to be tried again by `replay.after-ttl`. */
  readonly owed: readonly Burned[];
  /** The replay store itself, where the fleet says how it is looked into. */
  readonly store?: StoreView;
  /** The same for a fleet with several stores, by the name of their domain. */
  readonly stores?: ReadonlyMap<string, StoreView>;
  /** The domain that is looked at, where the fleet has several stores: then the replicas are those of the domain. */
  readonly domain?: ReplayDomain;
  /** The longest that any one check may wait, in milliseconds; 0 for none. */
  readonly patienceMs: number;
  /** Told before each long wait, so that a countdown can be shown. */
  readonly onWait?: (why: string, ms: number) => void;
  /** Told what was measured of each replica's clock and window. */
  readonly onClock?: (replica: string, reading: ClockReading) => void;
  /** Told of each field of the burned-nonce matrix. */
  readonly onCell?: (cell: Cell) => void;
  readonly signal?: AbortSignal;
  /** What the gates' configurations say of key ids, by replica; for `gate-v1`. */
  readonly gates?: ReadonlyMap<string, GateExpectation>;
  /** Bad signatures may lock a client out: what can be seen without one is seen without one. */
  readonly sparing?: boolean;
  /** Copies and rounds of `replay.concurrent`; by default 12 to 16 copies, and 5 rounds or one for each replica. */
  readonly concurrency?: { readonly copies: number; readonly rounds: number };
}

/** Certificates that are presented to every replica, and what each is to meet as things stand. */
export interface MtlsLook {
  /** Our own certificates by generation; by default the one of the fleet file, which is to be accepted. */
  readonly generations?: readonly {
    readonly generation: 'current' | 'next';
    readonly identity: Identity;
    readonly expect: 'ACCEPTED' | 'AUTH_MTLS_REQUIRED';
  }[];
  /** What `oddIdentities` makes; by default one of an unknown authority. */
  readonly odd?: readonly Identity[];
  /** Why there are no more of them. */
  readonly withoutOdd?: string;
  /** By replica: the generation whose certificate it is to show, and its SHA-256 in lower-case hex. */
  readonly shown?: ReadonlyMap<string, { readonly generation: 'current' | 'next'; readonly fingerprint: string }>;
}

/** What certificates are judged with. */
export interface TlsLook {
  readonly files: TlsReading;
  readonly handshakes: Handshakes;
}

/** What certificates of all parties are judged by; for how long they must hold is the fleet's policy. */
export type PkiLook = Omit<RotationCertificates, 'span'>;

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
  /** Of what is no pass, where what was seen narrows the hazards of the check; also where an `unknown` is one. */
  readonly hazards?: readonly Hazard[];
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
  /** The hazards of the replay store that a failure of it can be, where it is about one. */
  readonly hazards?: readonly Hazard[];
  readonly needs: readonly Need[];
  /** Where a fleet has several stores it is taken in each domain by itself; so is every check of the group `store`. */
  readonly perDomain?: true;
  /** Taken by `check` and `verify-replay` alone: no rotation waits for it, and a drill is whole without it. */
  readonly apart?: true;
  /** The protocol, or the protocols, whose fleets it is for; by default every one. */
  readonly protocol?: Protocol | readonly Protocol[];
  /** How long it will have to wait, in milliseconds; only for checks that need patience. */
  readonly waits?: (context: CheckContext) => number;
  /** Looks, and says what it saw on each target. May throw: that is `unknown`. */
  readonly look: (context: CheckContext) => Promise<readonly Observation[]>;
}

/** An observation as a finding of its check. */
export function findingOf(check: Pick<Check, 'id' | 'critical' | 'hazards'>, observation: Observation): Finding {
  const { critical = check.critical, target, verdict, expected, seen, reason, samples, ms } = observation;
  const hazards = hazardsIn(check, observation);
  return {
    id: check.id,
    verdict,
    critical,
    target,
    expected,
    seen,
    ...(reason === undefined ? {} : { reason }),
    ...(hazards === undefined ? {} : { hazards }),
    samples,
    ms,
  };
}

/** What a failure can be; of an `unknown`, only what the look itself has named. */
function hazardsIn(check: Pick<Check, 'hazards'>, { verdict, hazards }: Observation): readonly Hazard[] | undefined {
  const named = verdict === 'fail' ? (hazards ?? check.hazards) : hazards;
  return named?.length === 0 || verdict === 'pass' || verdict === 'not-applicable' ? undefined : named;
}
