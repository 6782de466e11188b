import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { EntryKind, LedgerValue } from '../ledger/entry.ts';
import type { Finding } from '../probe/finding.ts';
import { askOracle } from '../probe/oracle.ts';
import type { Clock } from '../probe/ports.ts';
import { awaitAccepted } from '../probe/readiness.ts';
import type { Tools as ProbeTools, Target } from '../probe/round.ts';
import type { Progress } from '../runner/progress.ts';
import { named } from '../runner/prove-rounds.ts';

const REQUESTS_PER_CLIENT = 3;

/** What an outage is played with, by a drill on a practice fleet or by hooks on a staging fleet. */
export interface OutageParts {
  readonly fleet: Pick<Fleet, 'replicas' | 'readiness'>;
  readonly clock: Clock;
  readonly progress: Pick<Progress, 'incident'>;
  readonly probes: ProbeTools;
  note(kind: EntryKind, data: { readonly [key: string]: LedgerValue }): Promise<void>;
  /** Each client's secret as it is in force now. */
  secrets(): Promise<ReadonlyMap<string, Secret>>;
  /** Burns nonces before the outage, for `again` after it. */
  burn(): Promise<void>;
  /** Tries those nonces again, on every replica. */
  again(): Promise<readonly Finding[]>;
}

/** An outage, and how it is brought about. */
export interface StoreOutage {
  /** What is so while it lasts: `the replay store is stopped`. */
  readonly what: string;
  /** Whether every signed request must be refused while it lasts: of a fail-over that is not so. */
  readonly refuses: boolean;
  /** Resolves when it is there. */
  begin(): Promise<void>;
  /** Ends it; called in every case, also when `begin` has failed. */
  end(): Promise<void>;
  /** What a replica's health page says meanwhile, in a few words. */
  health?(replica: Target): Promise<string>;
}

/**
 * Brings an outage of the store about and ends it: nonces are burned, every signed request is tried on every replica
 * meanwhile, the incident is recorded with its times, and after it service and the burned nonces are tried.
 *
 * @throws what `begin` or `end` throws; `end` was called then
 */
export async function bringAbout(parts: OutageParts, outage: StoreOutage): Promise<readonly Finding[]> {
  const { fleet, clock, progress, note } = parts;
  const targets = fleet.replicas.map((replica) => named(replica.name, replica));
  await parts.burn();
  const began = new Date(clock.now()).toISOString();
  let refused: readonly Finding[] = [];
  try {
    await outage.begin();
    const what = `${outage.what}${outage.refuses ? ': signed requests are refused' : ''}`;
    await note('incident', { severity: 'auth', what, began });
    progress.incident(`auth-severity incident: ${what}, since ${began}`);
    if (outage.refuses)
      refused = await Promise.all(targets.map((target) => failClosed(parts, outage, target, targets)));
  } finally {
    await outage.end();
  }
  const back = await Promise.all(targets.map((target) => serviceBack(parts, target)));
  const ended = new Date(clock.now()).toISOString();
  await note('incident', { severity: 'auth', what: 'the replay store is back', began, ended });
  progress.incident(`auth-severity incident is over: ${began} to ${ended}`);
  return [...refused, ...back, ...(await parts.again())];
}

/** Sends valid requests to one replica while it has no store. */
async function failClosed(
  { clock, probes, ...parts }: OutageParts,
  outage: StoreOutage,
  target: Target,
  targets: readonly Target[],
): Promise<Finding> {
  const started = clock.monotonic();
  const answers: string[] = [];
  const accepted: { nonce: string; client: string; secret: Secret }[] = [];
  let refused = 0;
  const secrets = [...(await parts.secrets())];
  for (let n = 0; n < REQUESTS_PER_CLIENT; n += 1) {
    // All at once: each may have to wait for as long as its signer waits for the store.
    const results = await Promise.all(
      secrets.map(async ([client, secret]) => {
        const { outcome, nonce } = await probes.prober.probe({ endpoint: target, client, secret, fresh: true });
        return { outcome, taken: { nonce, client, secret } };
      }),
    );
    for (const { outcome, taken } of results) {
      answers.push(outcome.reason);
      if (outcome.code === 'ACCEPTED') accepted.push(taken);
      if (outcome.code === 'STORE_FAILED') refused += 1;
    }
  }
  const samples = answers.length;
  const health = await outage.health?.(target);
  const base = {
    ...{ id: 'store.fail-closed', critical: true, target: target.name, expected: 'refused while the store is out' },
    seen: `${accepted.length} of ${samples} accepted${health === undefined ? '' : `; its health page says ${health}`}`,
    samples,
  };
  const [first] = accepted;
  const ms = (): number => clock.monotonic() - started;
  if (first !== undefined) {
    const witness = await sharedBy(probes, { ...first, replica: target }, targets);
    const reason = `${accepted.length} of ${samples} valid requests accepted without a store`;
    return witness === undefined
      ? {
          ...base,
          verdict: 'fail',
          hazards: ['fail-open', 'H11'],
          reason: `${reason}: it fails open, or keeps nonces elsewhere; answers: ${unique(answers)}`,
          ms: ms(),
        }
      : {
          ...base,
          verdict: 'unknown',
          reason: `${reason}, and ${witness} knows their nonces: the store was not taken away, the outage did not happen`,
          ms: ms(),
        };
  }
  if (refused === samples && samples > 0) return { ...base, verdict: 'pass', ms: ms() };
  return {
    ...base,
    verdict: 'unknown',
    reason: `0 of ${samples} valid requests accepted without a store; answers: ${unique(answers)}`,
    ms: ms(),
  };
}

function unique(answers: readonly string[]): string {
  return [...new Set(answers)].join(', ');
}

/** Another replica that refuses a nonce as used which this one took during the outage: then there is a store that both have. */
async function sharedBy(
  probes: ProbeTools,
  { nonce, client, secret, replica }: { nonce: string; client: string; secret: Secret; replica: Target },
  targets: readonly Target[],
): Promise<string | undefined> {
  const burned = { nonce, client, replica: replica.name, burnedAt: probes.clock.now() };
  for (const other of targets.filter(({ name }) => name !== replica.name)) {
    await probes.prober.claim(client, [other]);
    const { answer } = await askOracle(probes, other, burned, secret, { faults: 0 });
    if (answer === 'accepts') return other.name;
  }
  return undefined;
}

async function serviceBack({ fleet, probes, ...parts }: OutageParts, target: Target): Promise<Finding> {
  const { deadlineMs, consecutive } = fleet.readiness;
  const [entry] = await parts.secrets();
  if (entry === undefined) throw new RotctlError('INTERNAL', 'the fleet has no clients');
  const [client, secret] = entry;
  const { ready, last, tries, ms } = await awaitAccepted(probes, target, [{ client, secret }], {
    deadlineMs,
    consecutive,
  });
  const seen = last?.reason ?? 'no answer';
  return {
    id: 'store.service-returns',
    verdict: ready ? 'pass' : 'unknown',
    critical: true,
    target: target.name,
    expected: 'accepted again after the outage',
    seen: ready ? 'ACCEPTED' : seen,
    ...(ready ? {} : { reason: `not accepted within ${deadlineMs} ms after the store came back; last: ${seen}` }),
    samples: tries,
    ms,
  };
}
