import { dirname } from 'node:path';
import { verdictOfOutage } from '../drill/outage.ts';
import { bringAbout, type OutageParts, type StoreOutage } from '../drill/store-outage.ts';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { ChaosHooks, ChaosOutage } from '../fleet/chaos-schema.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { EntryKind, LedgerValue } from '../ledger/entry.ts';
import type { Finding } from '../probe/finding.ts';
import type { HoldEvent } from '../probe/hold/explain-loss.ts';
import type { HoldDomains } from '../probe/hold/hold-domains.ts';
import { storeEvents } from '../probe/hold/store-mark.ts';
import type { Target } from '../probe/round.ts';
import { formatDuration } from '../report/duration.ts';
import { findingToLedger } from '../runner/evidence.ts';
import { firstStopping, verdictOf } from '../runner/finding-verdict.ts';
import { requireLockout } from '../runner/lockout.ts';
import { parseOwedHooks } from '../runner/owed-hooks.ts';
import type { Progress } from '../runner/progress.ts';
import { loadFleet, loadRunbook } from './load.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import { openProgress } from './progress.ts';
import { holdFinding, requireSingleUse, watchDomains } from './replay-hold.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSession, type Session } from './session.ts';

/** What was typed for `verify-replay --chaos`. */
export interface ChaosRequest {
  /** The fleet's name, as it was typed. */
  readonly confirm: string | undefined;
}

const COMMAND = 'verify-replay';
/** A request is waited for so much longer than a signer waits for its store, in milliseconds. */
const ANSWER_MS = 1000;
/** A hook that ends an outage is tried so often. */
const END_TRIES = 3;

const WHAT: Readonly<Record<ChaosOutage['name'], string>> = {
  stop: 'the replay store is stopped',
  freeze: 'the replay store is frozen',
  fill: 'the replay store is full',
  failover: 'the replay store fails over',
};

const EVENTS: Readonly<Record<ChaosOutage['name'], HoldEvent>> = {
  stop: 'store-restart',
  freeze: 'other',
  fill: 'other',
  failover: 'failover',
};

/** A chaos drill at work. */
interface Stand {
  readonly platform: Platform;
  readonly session: Session;
  readonly fleet: Fleet;
  readonly hooks: ChaosHooks;
  readonly progress: Progress;
  note(kind: EntryKind, data: { readonly [key: string]: LedgerValue }): Promise<void>;
}

/**
 * Takes the replay store away by the fleet's own hooks, one after the other, and proves that every signed request is
 * refused meanwhile and every burned nonce afterwards. What ends an outage is written down before it begins, and is run in
 * every case; after a kill the next run does it first.
 *
 * @throws RotctlError `PRECONDITION_FAILED` in production, without hooks, and without the fleet's name on staging
 */
export async function chaosReplay(platform: Platform, flags: GlobalFlags, request: ChaosRequest): Promise<CommandEnd> {
  const given = await loadFleet(platform, flags);
  const hooks = await requireChaos(platform, given, request);
  const fleet = { ...given, probe: { ...given.probe, deadlineMs: patientMs(given) } };
  const runbook = await loadRunbook(platform, flags.runbook, fleet);
  const progress = await openProgress(platform, flags);
  const session = await openSession(platform, flags, fleet, runbook, { progress });
  try {
    const { tools } = session;
    const lock = await tools.lock(`${COMMAND} --chaos`);
    try {
      const head = { rotation: `run-${tools.runId}`, fleet: fleet.name, runbook: COMMAND };
      const under = { openLedger: tools.openLedger, lock: async () => ({ ...lock, release: async () => undefined }) };
      const note: Stand['note'] = (kind, data) => noteInLedger(under, head, kind, data);
      return await play({ platform, session, fleet, hooks, progress, note });
    } finally {
      await lock.release();
    }
  } finally {
    await session.close();
  }
}

/** @throws RotctlError `PRECONDITION_FAILED` */
async function requireChaos(platform: Platform, fleet: Fleet, { confirm }: ChaosRequest): Promise<ChaosHooks> {
  const { name, environment, chaos } = fleet;
  if (environment === 'production')
    throw refused(`${name} is a production fleet: its replay store is never taken away on purpose`, {
      hint: 'run it on a staging fleet whose replicas are configured alike; for production there is --watch and --over',
    });
  if (chaos === undefined)
    throw refused(`the fleet file of ${name} has no chaos hooks, so that there is nothing to bring about`, {
      hint: 'chaos: { stop: [systemctl, stop, redis-staging], start: [systemctl, start, redis-staging] }',
    });
  requireLockout(fleet);
  requireSingleUse(fleet);
  if (confirm !== undefined && confirm !== name) throw refused(`--confirm is not the name of this fleet, ${name}`);
  if (environment === 'practice' || confirm === name) return chaos;
  const what = `${name}: its replay store is taken away, and every signed request is refused meanwhile`;
  const typed = await platform.ask(`${escapeForeign(what)}.\nType the fleet's name to begin: `);
  if (typed === name) return chaos;
  throw refused(
    typed === undefined ? `${what}; its name was not typed` : `what was typed is not the name of this fleet, ${name}`,
    {
      hint: `rotctl ${COMMAND} --chaos --confirm ${name}`,
    },
  );
}

function refused(message: string, details: { readonly hint?: string } = {}): RotctlError {
  return new RotctlError('PRECONDITION_FAILED', message, details);
}

/** How long a probe may take: a signer that waits for a frozen store is to be heard, and its request not too old by then. */
function patientMs({ probe, replay }: Fleet): number {
  const wanted = Math.max(probe.deadlineMs, replay.storeTimeoutMs + ANSWER_MS);
  return wanted < replay.maxAgeMs ? wanted : probe.deadlineMs;
}

async function play(stand: Stand): Promise<CommandEnd> {
  const { platform, hooks, session, fleet, progress } = stand;
  const recovered = await payDebts(stand);
  const findings: Finding[] = [];
  const outages: { name: string; verdict: string; began: string; ended: string }[] = [];
  for (const outage of hooks.outages) {
    if (platform.interrupted.aborted) break;
    progress.part(`${outage.name}: ${WHAT[outage.name]}`);
    const began = new Date(platform.clock.now()).toISOString();
    const seen = await oneOutage(stand, outage);
    progress.findings(seen);
    const verdict = verdictOfOutage(seen);
    outages.push({ name: outage.name, verdict, began, ended: new Date(platform.clock.now()).toISOString() });
    await stand.note('evidence', { proof: `chaos-${outage.name}`, verdict, checks: seen.map(findingToLedger) });
    for (const { target, reason = '' } of seen.filter((finding) => finding.verdict === 'fail')) {
      const what = `${WHAT[outage.name]}: ${target}: ${reason}`;
      await stand.note('incident', { severity: 'auth', what, began });
      progress.incident(`auth-severity: ${what}`);
    }
    findings.push(...seen.map((finding) => ({ ...finding, target: `${finding.target} (${outage.name})` })));
  }
  const base = {
    ...{ command: COMMAND, fleet: fleet.name, checks: findings },
    result: { outages, recovered, ledger: session.ledger },
  };
  if (platform.interrupted.aborted) {
    const error = new RotctlError(
      'STOPPED',
      `stopped by ${String(platform.interrupted.reason)} after ${outages.length} of ${hooks.outages.length} outages; the store was given back`,
      {
        next: `rotctl ${COMMAND} --chaos`,
      },
    );
    return { ...base, verdict: 'stopped', summary: error.message, error };
  }
  const verdict = verdictOf(findings);
  const first = firstStopping(findings);
  return {
    ...base,
    verdict,
    exitCode: { pass: 0, fail: 1, unknown: 12 }[verdict],
    summary: `chaos on ${fleet.name}: ${outages.map((one) => `${one.name} ${one.verdict}`).join(', ')}${first === undefined ? '' : `; ${first.text}`}`,
    ...(first === undefined ? {} : { next: `rotctl explain ${first.id}` }),
  };
}

/** Ends what an earlier run began and was killed in. @returns the hooks that were run */
async function payDebts(stand: Stand): Promise<readonly string[]> {
  const owed = parseOwedHooks(await stand.session.tools.readLedger());
  for (const { outage, end, since } of owed) {
    const known = stand.hooks.outages.find(({ name }) => name === outage)?.end;
    if (known === undefined)
      throw refused(
        `an earlier run began ${outage} at ${since} and was killed; ${end} is owed, and chaos.${end} is not in the fleet file any more`,
        {
          hint: `end the outage by hand, or put chaos.${outage} and chaos.${end} back`,
        },
      );
    stand.progress.incident(`an earlier run began ${outage} at ${since} and did not end it: running ${end} first`);
    await endOutage(stand, outage, known);
  }
  return owed.map(({ end }) => end);
}

/** Runs the hook that ends an outage, several times if it must be. @throws RotctlError `DRIVER_FAILED`; it stays owed then */
async function endOutage(stand: Stand, outage: string, end: NonNullable<ChaosOutage['end']>): Promise<void> {
  let how = '';
  for (let tries = 0; tries < END_TRIES; tries += 1) {
    const result = await runHook(stand, end.command);
    if (result.ok) {
      await stand.note('outcome', { ended: outage, by: end.name, result: 'done' });
      return;
    }
    how = `${result.how}${result.output === '' ? '' : `: ${result.output}`}`;
  }
  throw new RotctlError(
    'DRIVER_FAILED',
    `chaos.${end.name} failed ${END_TRIES} times (${how}): the outage ${outage} may go on`,
    {
      hint: `end it by hand (chaos.${end.name} in rotctl.yaml has the command), then run this again`,
      next: `rotctl ${COMMAND} --chaos`,
    },
  );
}

async function runHook({ platform, fleet, hooks, session }: Stand, command: readonly string[]) {
  const commands = await platform.commands(session.redactor.redact);
  return commands.run(command, { cwd: dirname(fleet.file), deadlineMs: hooks.deadlineMs });
}

async function oneOutage(stand: Stand, outage: ChaosOutage): Promise<readonly Finding[]> {
  const { fleet, session, platform, progress } = stand;
  const { tools, probes } = session;
  const clients = fleet.clients.map(({ id }) => id);
  const secrets = await tools.readCurrent(clients);
  const watch = watchDomains(platform, fleet, {
    ...{ tools: probes, lifeMs: fleet.replay.nonceTtlMs, during: EVENTS[outage.name] },
    ...{ replicas: async () => fleet.replicas, refresh: async () => undefined },
    signers: () => [...secrets].map(([client, secret]) => ({ client, secret })),
  });
  const before = await lookBefore(platform, fleet, watch);
  if (verdictOf(before) !== 'pass') return before;
  const { clock } = platform;
  let began = clock.now();
  const parts: OutageParts = {
    ...{ fleet, clock, progress, probes },
    // The outage itself is planned: what is found in it is not.
    note: (kind, data) => stand.note(kind, kind === 'incident' ? { ...data, planned: true } : data),
    secrets: async () => secrets,
    burn: async () => {
      await watch.look();
      began = clock.now();
    },
    again: async () => {
      await watch.look(true);
      return watch.records.map((record) => {
        const tried = record.last.some(({ said, held }) => said === 'held' && held.burnedAt <= began);
        const lives = formatDuration(fleet.replay.nonceTtlMs);
        return holdFinding(
          record,
          0,
          tried ? undefined : `no nonce of before the outage was left to try: each lives ${lives}`,
        );
      });
    },
  };
  const brought = storeOutage(stand, outage, watch);
  let failed: RotctlError | undefined;
  const begin = () =>
    brought.begin().catch((error: unknown) => {
      if (error instanceof RotctlError) failed = error;
      throw error;
    });
  try {
    return await bringAbout(parts, { ...brought, begin });
  } catch (error) {
    if (failed === undefined || error !== failed) throw error;
    return [notBegun(failed)];
  }
}

const PAUSE_MS = 200;

/**
 * Whether every replica knows what it burned, before anything is taken away. One that the outage before has cut off from its
 * store is given time: a fail-over may come only when that is over.
 */
async function lookBefore(
  { clock }: Platform,
  { replicas, readiness }: Fleet,
  watch: HoldDomains,
): Promise<readonly Finding[]> {
  const until = clock.monotonic() + readiness.deadlineMs;
  for (let looks = 1; ; looks += 1) {
    await watch.look();
    const seen = watch.records.map((record) => holdFinding(record, 0));
    const isEnough = looks >= Math.max(2, replicas.length);
    if (isEnough && (verdictOf(seen) !== 'unknown' || clock.monotonic() >= until)) return seen;
    if (isEnough) await clock.sleep(PAUSE_MS);
  }
}

/** An outage whose hook failed proves nothing; it was ended all the same. */
function notBegun({ message }: RotctlError): Finding {
  return {
    ...{ id: 'store.fail-closed', verdict: 'unknown', critical: true, target: 'fleet', samples: 0, ms: 0 },
    ...{ expected: 'refused while the store is out', seen: 'no outage', reason: message },
  };
}

function storeOutage(stand: Stand, outage: ChaosOutage, watch: HoldDomains): StoreOutage {
  const { hooks, platform, fleet, note } = stand;
  const { name, begin, end } = outage;
  const path = hooks.health;
  return {
    what: WHAT[name],
    refuses: name !== 'failover',
    async begin() {
      await note('intent', { outage: name, ...(end === undefined ? {} : { owes: end.name }) });
      const result = await runHook(stand, begin);
      if (!result.ok)
        throw new RotctlError(
          'DRIVER_FAILED',
          `chaos.${name} failed: ${result.how}${result.output === '' ? '' : `: ${result.output}`}`,
        );
      if (name === 'failover') await requireFailover(platform, fleet, watch);
    },
    end: async () => (end === undefined ? undefined : endOutage(stand, name, end)),
    ...(path === undefined ? {} : { health: (replica) => healthOf(stand, replica, path) }),
  };
}

/** Where the store may be looked into, a fail-over is seen before its nonces are tried: until then they are the old primary's. */
async function requireFailover({ clock }: Platform, { readiness }: Fleet, watch: HoldDomains): Promise<void> {
  const { mark } = watch;
  if (mark === undefined) return;
  const until = clock.monotonic() + readiness.deadlineMs;
  for (;;) {
    const now = await watch.markNow();
    if (now !== undefined && storeEvents(mark, now).some(({ hazard }) => hazard === 'H4')) return;
    if (clock.monotonic() > until)
      throw new RotctlError(
        'HELD',
        `chaos.failover ended well, and no fail-over was seen within ${readiness.deadlineMs} ms`,
        {
          hint: 'let the hook end when another node is the primary, or give readiness.deadline more time',
        },
      );
    await clock.sleep(PAUSE_MS);
  }
}

async function healthOf({ session, fleet }: Stand, replica: Target, path: string): Promise<string> {
  const { deadlineMs, maxBytes } = fleet.probe;
  const request = { method: 'GET', path, headers: { accept: '*/*' }, body: undefined };
  const how = { fresh: true, certificate: true, deadlineMs, maxBytes };
  const exchange = await session.transport.send(replica, request, how);
  return exchange.kind === 'answer' ? String(exchange.status) : exchange.code;
}
