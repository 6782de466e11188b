import type { SecretReference } from '../credential/reference.ts';
import type { SecretForm } from '../credential/secret-form.ts';
import type { SignerCommand } from '../credential/signer.ts';
import type { SignatureScheme } from '../protocol/described/scheme.ts';
import type { InertAnswer } from '../protocol/inert.ts';
import type { OutcomeRule } from '../protocol/outcome.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Announce } from './announce.ts';
import type { AuthoritySource, ClientCertificates, ReplicaCertificates, TemplateCertificates } from './certificates.ts';
import type { ChaosHooks } from './chaos-schema.ts';
import type { Deploy, Place } from './deploy.ts';
import type { ReplayDomain } from './domains.ts';
import type { LogWatch, Movable, UsageSource } from './evidence.ts';
import type { Lockout } from './lockout.ts';
import type { StoreSource } from './store.ts';
import type { Windows } from './window.ts';

export type { SecretReference } from '../credential/reference.ts';
export type * from './deploy.ts';
export type { LedgerUsage, LogWatch, MetricsUsage, UsageSource } from './evidence.ts';

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
  /** Where each replica is, as it was looked up when the command began (`pinFleet`); none before that. */
  readonly pins: readonly Pin[];
  /** Name server that is asked in place of the system's look-up. */
  readonly resolver?: string | undefined;
  /** What instances are made from anew; none where instances keep what was written to them. */
  readonly templates: readonly Template[];
  readonly balancer: Endpoint | undefined;
  readonly clients: readonly Client[];
  readonly tls: TlsFiles;
  /** Who issues the certificates that a rotation of them leads to; `undefined`: they are not rotated. */
  readonly authority: AuthoritySource | undefined;
  readonly replay: ReplayContract;
  /** The replay store itself, where it may be looked into. */
  readonly store: StoreSource | undefined;
  /** Replicas by the replay store that they share; none where all share one. */
  readonly domains: readonly ReplayDomain[];
  readonly probe: ProbeSettings;
  readonly outcomes: readonly OutcomeRule[];
  readonly readiness: { readonly deadlineMs: number; readonly consecutive: number };
  readonly canary: CanarySettings;
  /** Where usage evidence is, for the clients that name no other place; none where the file says nothing. */
  readonly usage: readonly UsageSource[];
  readonly logs: LogWatch | undefined;
  /** Defects that their owner knows: they are looked for and shown as ever, and stop nothing. */
  readonly accepts: readonly AcceptedDefect[];
  /** Whether too many refused requests lock a caller out; `undefined` where the file does not say. */
  readonly lockout: Lockout | 'none' | undefined;
  readonly announce: Announce | undefined;
  /** How the replay store may be taken away for a while, in a drill. */
  readonly chaos: ChaosHooks | undefined;
  readonly policy: Policy;
  /** Folder of sealed material; by default `rotctl-vault` beside the fleet file. */
  readonly vault: string;
}

/** Somewhere to send requests: scheme and authority of `url` only; `serverName` is what TLS is checked against. */
export interface Endpoint {
  readonly url: URL;
  readonly serverName: string;
  /** The IP address that the host of `url` stood for when the command began: where connections go. `pinFleet` sets it. */
  readonly address?: string;
}

/** Where one replica is: what a plan and the ledger keep of it. */
export interface Pin {
  readonly name: string;
  /** Scheme, host and port. */
  readonly url: string;
  /** IP address; `undefined` where the name did not resolve. */
  readonly address: string | undefined;
  /** Why there is none. */
  readonly reason?: string;
}

/** One running instance, addressed directly, never through the balancer. */
export interface Replica extends Endpoint {
  readonly name: string;
  readonly deploy: Deploy;
  /** Absolute path of its log file, where that is watched. */
  readonly log?: string | undefined;
  /** What a Prometheus server calls it, where that is neither its name nor its address. */
  readonly seenAs?: string | undefined;
  /** Where its certificates stand, where they are rotated. */
  readonly certificates?: ReplicaCertificates | undefined;
}

/**
 * A source that instances are made from anew (an image, a config repository, what a reconciler restores). No process runs
 * by it, so it has nothing to reload or restart, and only its stored configuration can be looked at.
 */
export interface Template {
  readonly name: string;
  readonly deploy: Place;
  readonly certificates?: TemplateCertificates | undefined;
}

/** A caller that signs, with a client id and a secret of its own. */
export interface Client {
  readonly id: string;
  /** The other id that it owns, where signers hold one secret for each id. */
  readonly second?: string | undefined;
  /** What its requests bear as `actor_did` (`gate-v1`); the id elsewhere. */
  readonly actor: string;
  /** Where its present secret is read from when a rotation begins; `undefined`: where its deploy puts it. */
  readonly secret: SecretReference | undefined;
  /** Where the secret to rotate to is read from; `undefined`: it is made. */
  readonly next?: SecretReference | undefined;
  /** Signs with its key, which is held elsewhere; then `secret` is not read. */
  readonly signer?: SignerCommand | undefined;
  readonly deploy: Deploy;
  /** The longest time that it stays silent. */
  readonly cadenceMs: number;
  /** The longest time that one of its signed requests may wait in a queue or for a retry. */
  readonly atRestMs: number;
  /** How long it may go on with a secret that it has read before. */
  readonly cacheTtlMs: number;
  /** How many instances sign in its name at once. */
  readonly instances: number;
  /** Who answers for it, in words. */
  readonly owner: string | undefined;
  /** Who moves it. Only of a client that we move is `deploy` used. */
  readonly movable: Movable;
  /** Where usage evidence of it is. */
  readonly usage: readonly UsageSource[];
  readonly certificates?: ClientCertificates | undefined;
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
  /** What a used nonce is remembered by, where the file says so or the protocol does; else it is found out. */
  readonly nonceKey?: 'client' | 'global';
  /** Of the numbers, those that the file leaves to their defaults, by the file's names. */
  readonly assumed?: readonly AssumedNumber[];
}

/** A number of `replay` in a fleet file. */
export type AssumedNumber = 'maxAge' | 'nonceTtl' | 'clockError' | 'storeTimeout';

/** The request that a probe is, and its limits. `body` is one that passes authentication and then has no effect. */
export interface ProbeSettings {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** What an accepted probe causes, in the operator's words, for the plan. */
  readonly causes: string;
  /** Answers below 400 that an accepted probe may get, because nothing was done then; by default none. */
  readonly inert?: readonly InertAnswer[];
  readonly deadlineMs: number;
  readonly maxBytes: number;
  /** At most this many probes a second to one replica; `undefined` is unlimited. */
  readonly perSecond: number | undefined;
  /** What a probe of a gate says; present exactly for `gate-v1`. */
  readonly gate?: GateProbe | undefined;
  /** How a probe is signed; present exactly for a fleet that describes its own scheme. */
  readonly scheme?: DescribedScheme | undefined;
}

/** A fleet's own scheme, with all that its file says of it. Plain data, which may be sent to another thread. */
export interface DescribedScheme extends SignatureScheme {
  /** How a secret's text becomes the key that signs. */
  readonly secret: SecretForm;
  /** What the scheme lets through by its own design, in words; its owner has accepted it. */
  readonly weaknesses: readonly string[];
  /** Whether the service says when it refuses a request for its time; otherwise it answers as to a wrong signature. */
  readonly tellsTime: boolean;
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

/** A failing check that its owner has answered for. */
export interface AcceptedDefect {
  readonly check: string;
  readonly reason: string;
  readonly owner: string;
}

/** People who have to approve of moves, each by name, before they are made. */
export interface Approvals {
  readonly needed: number;
  /** Whose names count; where it is absent, everybody's. */
  readonly from: readonly string[] | undefined;
  readonly before: readonly ('move-clients' | 'retire' | 'destroy')[];
}

/** What operations demand of a rotation. */
export interface Policy {
  readonly minOverlapMs: number;
  readonly soakMs: number;
  /** Replicas in each batch but the first; where it is absent, as the runbook says. */
  readonly batch: { readonly count: number } | { readonly percent: number } | undefined;
  /** Whose word is needed before what cannot easily be undone. */
  readonly approvals: Approvals | undefined;
  /** Replicas that may be failed or unreachable at once during a roll, beside the batch being changed. */
  readonly failureBudget: number;
  /** What to do with a failed opening while no client can have moved. */
  readonly onFailedOverlap: 'hold' | 'roll-back';
  /** What to do with a spike of refused signatures while no client can have moved; after that, it holds. */
  readonly onSpike: 'hold' | 'roll-back';
  /** When no rotation begins and no phase is entered. */
  readonly windows: Windows;
  /** While this file exists, work stops at the next safe point and new work is refused. */
  readonly safetyLever: string | undefined;
}
