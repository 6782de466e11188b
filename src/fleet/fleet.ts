import type { SecretReference } from '../credential/reference.ts';
import type { OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';

export type { SecretReference } from '../credential/reference.ts';

declare const parsed: unique symbol;

/**
 * A fleet as `rotctl.yaml` describes it, checked whole. Only `readFleet` makes one. Relative paths are resolved
 * against the file's own folder; durations are milliseconds.
 */
export interface Fleet {
  readonly [parsed]: true;
  readonly name: string;
  readonly environment: 'production' | 'staging' | 'practice';
  /** How the fleet's signers talk on the wire. */
  readonly protocol: Protocol;
  /** Absolute path of the file, and SHA-256 of its bytes (`sha256:<hex>`), for the ledger's header. */
  readonly file: string;
  readonly digest: string;
  readonly replicas: readonly Replica[];
  /** What instances are made from anew; none where instances keep what was written to them. */
  readonly templates: readonly Template[];
  readonly balancer: Endpoint | undefined;
  readonly clients: readonly Client[];
  readonly tls: TlsFiles;
  readonly replay: ReplayContract;
  readonly probe: ProbeSettings;
  readonly outcomes: readonly OutcomeRule[];
  readonly readiness: { readonly deadlineMs: number; readonly consecutive: number };
  readonly canary: CanarySettings;
  readonly usage: UsageSource | undefined;
  readonly logs: LogWatch | undefined;
  /** Defects that their owner knows: they are looked for and shown as ever, and stop nothing. */
  readonly accepts: readonly AcceptedDefect[];
  readonly policy: Policy;
  /** Folder of sealed material; by default `rotctl-vault` beside the fleet file. */
  readonly vault: string;
}

/** Somewhere to send requests: scheme and authority of `url` only; `serverName` is what TLS is checked against. */
export interface Endpoint {
  readonly url: URL;
  readonly serverName: string;
}

/** One running instance, addressed directly, never through the balancer. */
export interface Replica extends Endpoint {
  readonly name: string;
  readonly deploy: EnvFileDeploy;
  /** Absolute path of its log file, where that is watched. */
  readonly log?: string | undefined;
}

/**
 * A source that instances are made from anew (an image, a config repository, what a reconciler restores). No process runs
 * by it, so it has nothing to reload or restart, and only its stored configuration can be looked at.
 */
export interface Template {
  readonly name: string;
  readonly deploy: EnvFilePlace;
}

/** A caller that signs, with a client id and a secret of its own. */
export interface Client {
  readonly id: string;
  /** What its requests bear as `actor_did` (`gate-v1`); the id elsewhere. */
  readonly actor: string;
  /** Where its present secret is read from when a rotation begins. */
  readonly secret: SecretReference;
  readonly deploy: EnvFileDeploy;
  /** The longest time that it stays silent. */
  readonly cadenceMs: number;
  /** The longest time that one of its signed requests may wait in a queue or for a retry. */
  readonly atRestMs: number;
}

/** Deploy driver `env-file`, as far as it writes: one variable in a file of `NAME=value` lines is replaced (atomically, 0600). */
export interface EnvFilePlace {
  readonly driver: 'env-file';
  readonly path: string;
  readonly variable: string;
  /**
   * How secrets stand in the variable: `single` value; `list` of values joined by `separator`; `json`, an array of strings
   * (or, for a client, a string) at a JSON pointer into the variable's value, everything else in it being left as it is.
   */
  readonly format:
    | { readonly kind: 'single' }
    | { readonly kind: 'list'; readonly separator: string }
    | { readonly kind: 'json'; readonly pointer: string }
    | GateFormat;
}

/** The settings of a gate, or of a service that signs for one (`gate-v1`), each in a variable of its own. */
export interface GateFormat {
  readonly kind: 'gate';
  readonly names: GateNames;
  /** A value that begins with `prefix` is not the secret: it names a file, which is `folder` + the rest of the value here. */
  readonly secretFiles: { readonly prefix: string; readonly folder: string };
}

/** Names of the variables that `gate-v1` knows. */
export type GateNames = Readonly<Record<GateVariable, string>>;

/** What a gate, or a service that signs for one, is told by variables. */
export type GateVariable = 'secret' | 'prev' | 'keyId' | 'keyIdPrev' | 'strict' | 'revoked' | 'dual';

/**
 * Deploy driver `env-file` of a process: where its configuration stands, and a command that makes the process read it. At
 * least one of `reload` and `restart` is given; there is no default for either.
 */
export interface EnvFileDeploy extends EnvFilePlace {
  readonly reload: readonly string[] | undefined;
  readonly restart: readonly string[] | undefined;
  readonly deadlineMs: number;
}

/** PEM files for connecting: the CA bundle that signs the replicas' certificates, and our own client certificate. */
export interface TlsFiles {
  /** Absent only where every address is http. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Whether the fleet promises to refuse callers without a client certificate (`AUTH_MTLS_REQUIRED`). */
  readonly required: boolean;
}

/** What the fleet promises about replay: the window, the nonce's life, and the numbers that bound it. */
export interface ReplayContract {
  readonly maxAgeMs: number;
  readonly nonceTtlMs: number;
  /** E: the largest clock error of a replica that operations allow. */
  readonly clockErrorMs: number;
  /** D: how long a signer may wait for its store between its skew check and the store's answer. */
  readonly storeTimeoutMs: number;
  /** How much of a timestamp the signature does not cover: a gate signs whole seconds, so that the rest can be changed. */
  readonly unsignedMs?: number;
}

/** The request that a probe is, and its limits. `body` is one that passes authentication and then has no effect. */
export interface ProbeSettings {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** What an accepted probe causes, in the operator's words, for the plan. */
  readonly causes: string;
  readonly deadlineMs: number;
  readonly maxBytes: number;
  /** At most this many probes a second to one replica; `undefined` is unlimited. */
  readonly perSecond: number | undefined;
  /** What a probe of a gate says; present exactly for `gate-v1`. */
  readonly gate?: GateProbe | undefined;
}

/** The fields of a probe of a gate; nothing in them is changed by the gate's sanitising. */
export interface GateProbe {
  readonly tool: string;
  readonly session: string;
  /** The `actor_did` of everything that `rotctl` sends. */
  readonly actor: string;
  readonly conviction: number;
  readonly params: Readonly<Record<string, string | number | boolean>>;
}

/** Steady signed traffic during a roll. Rates are requests a second, for each client on each route. */
export interface CanarySettings {
  readonly ratePerSecond: number;
  /** Share of requests that may fail for reasons other than authentication, above the baseline (0.05 = 5 %). */
  readonly faultBudget: number;
  readonly minSamples: number;
}

/** Where to see which secret each client's accepted requests were signed with. */
export type UsageSource = MetricsUsage | LedgerUsage;

/** A Prometheus page of each replica. */
export interface MetricsUsage {
  readonly from: 'metrics';
  readonly path: string;
  readonly metric: string;
  readonly labels: { readonly client: string; readonly fingerprint: string; readonly caller: string };
  /** How the signers name a secret on their pages: see `usageNames`. */
  readonly fingerprint: 'rotctl' | 'sha256' | 'key-id';
  /** The value of the caller label that marks `rotctl`'s own requests. */
  readonly ownCaller: string;
}

/** A list of accepted requests that each gate shows, with the key id under which each was verified. JSON pointers. */
export interface LedgerUsage {
  readonly from: 'ledger';
  readonly path: string;
  /** To the list, in the answer; empty for the answer itself. */
  readonly entries: string;
  /** Inside an entry: when (Unix seconds, Unix milliseconds or ISO 8601), the actor, the key id. */
  readonly at: string;
  readonly client: string;
  readonly keyId: string;
}

/** How a refused signature shows in the replicas' logs. */
export interface LogWatch {
  readonly refused: RegExp;
  /** Lines of refusals that `rotctl` itself brought about; without it they are counted as they are caused. */
  readonly own: RegExp | undefined;
  /** Refusals of others, in one look, that are no spike. */
  readonly allowed: number;
}

/** A failing check that its owner has answered for. */
export interface AcceptedDefect {
  readonly check: string;
  readonly reason: string;
  readonly owner: string;
}

/** What operations demand of a rotation. */
export interface Policy {
  readonly minOverlapMs: number;
  readonly soakMs: number;
  /** Replicas that may be failed or unreachable at once during a roll, beside the batch being changed. */
  readonly failureBudget: number;
  /** What to do with a failed opening while no client can have moved. */
  readonly onFailedOverlap: 'hold' | 'roll-back';
  /** While this file exists, work stops at the next safe point and new work is refused. */
  readonly safetyLever: string | undefined;
}
