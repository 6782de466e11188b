import type { Verdict } from '../errors/verdict.ts';
import type { PkiLook } from '../probe/checks/check.ts';
import { checksOf } from '../probe/checks/list.ts';
import { PKI_CHECKS } from '../probe/checks/pki.ts';
import { runChecks } from '../probe/checks/run-checks.ts';
import { TLS_CHECKS } from '../probe/checks/tls.ts';
import type { Finding } from '../probe/finding.ts';
import type { Precondition } from '../runbook/runbook.ts';
import { lookAtParties } from './certificates/look.ts';
import { rehearseCertificates } from './certificates/preflight.ts';
import type { CertificateTerms } from './certificates/terms.ts';
import { seenByHandshakes } from './certificates/usage.ts';
import { verdictOf } from './finding-verdict.ts';
import { contextFor, type FleetParts, usageTools } from './fleet-parts.ts';
import { type GateTerms, namesIn } from './gate/terms.ts';
import type { Pairs } from './pair.ts';
import { lookAtDefaults } from './prove-default-id.ts';
import { proveHeard } from './prove-usage.ts';
import { goesByPrograms, rehearseDeploys } from './rehearse-deploys.ts';
import { watchReadable } from './usage-readable.ts';

/** What the preconditions came to. */
export interface Preflight {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
}

/** The checks (ids of `spec/checks.md`) that each precondition of a runbook stands for. */
const PRECONDITION_CHECKS: Readonly<Record<Precondition, readonly string[]>> = {
  'signatures-enforced': [
    'scheme.sound',
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
    // Of a scheme that the fleet describes there are no vectors; these take their place.
    'scheme.stale-refused',
    'scheme.unknown-client',
    'scheme.certificate-required',
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
    'store.primary',
    'store.eviction',
    'store.clock',
    'store.nonce-key',
  ],
  'clocks-agree': ['clock.window'],
  'current-accepted': [
    'valid_hmac_mtls_single_use',
    'gate.valid-accepted',
    'gate.any-signature',
    'scheme.valid-accepted',
    'scheme.any-signature',
  ],
  // No probe shows it: see `rehearseDeploys`.
  'deploys-rehearsed': [],
  // Beside these: see `rehearseCertificates`, and evidence of handshakes in place of that of signatures.
  'certificates-sound': PKI_CHECKS.map(({ id }) => id),
  // Nor this: see `proveHeard`.
  'current-signed': [],
};

/** The checks that preconditions stand for, each once. */
export function checkIdsOf(preconditions: readonly Precondition[]): readonly string[] {
  return [...new Set(preconditions.flatMap((precondition) => PRECONDITION_CHECKS[precondition]))];
}

/** Tries a runbook's preconditions on every replica, as the checks that they stand for, and the certificates; changes nothing. */
export async function runPreflight(
  parts: FleetParts,
  pairs: Pairs,
  preconditions: readonly Precondition[],
  terms?: GateTerms,
  rotated?: CertificateTerms,
): Promise<Preflight> {
  const certificates = parts.tls === undefined ? [] : TLS_CHECKS.map(({ id }) => id);
  const ids = new Set([...certificates, ...checkIdsOf(preconditions)]);
  const rehearsed =
    preconditions.includes('deploys-rehearsed') || goesByPrograms(parts.fleet)
      ? await rehearseDeploys(parts.fleet, parts.driver, parts.probes.clock)
      : [];
  const { fleet, probes } = parts;
  const isOfCertificates = preconditions.includes('certificates-sound');
  const { rehearsed: certificatesRehearsed, pki } = await (isOfCertificates
    ? lookAtCertificates(parts, rotated)
    : NOTHING);
  const seenIn = isOfCertificates ? seenByHandshakes(fleet) : fleet;
  const readable = await watchReadable({ ...parts, fleet: seenIn, clock: probes.clock });
  const seen = await runChecks(
    checksOf(parts.fleet).filter((check) => ids.has(check.id)),
    { ...(await contextFor(parts, pairs, ['current'])), ...(pki === undefined ? {} : { pki }) },
  );
  const heard = preconditions.includes('current-signed') ? await hearCurrent(parts, pairs, terms) : [];
  const findings = [
    ...rehearsed,
    ...certificatesRehearsed,
    ...seen,
    ...heard,
    ...(await lookAtDefaults(parts, pairs)),
    ...(await readable()),
  ];
  return { verdict: verdictOf(findings), findings };
}

const NOTHING = { rehearsed: [], pki: undefined };

/** What can be told of all parties' certificates without a handshake. */
async function lookAtCertificates(
  { fleet, certificates, probes }: FleetParts,
  rotated: CertificateTerms | undefined,
): Promise<{ readonly rehearsed: readonly Finding[]; readonly pki: PkiLook | undefined }> {
  if (certificates === undefined) return NOTHING;
  const { driver } = certificates;
  const rehearsed = await rehearseCertificates(fleet, driver, probes.clock);
  const publicRoots = await certificates.publicRoots();
  return { rehearsed, pki: await lookAtParties({ fleet, driver, publicRoots }, rotated) };
}

/** Whether the clients really sign with `current`, as the fleet's own evidence shows. */
async function hearCurrent(parts: FleetParts, pairs: Pairs, terms: GateTerms | undefined): Promise<readonly Finding[]> {
  const keyIds = terms === undefined ? undefined : namesIn(terms);
  return (await proveHeard({ ...parts, ...usageTools(parts), traffic: undefined, pairs, keyIds }, 'current')).findings;
}
