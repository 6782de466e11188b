import { RotctlError } from '../../errors/rotctl-error.ts';
import { compose } from '../../errors/verdict.ts';
import type { Phase } from '../../machine/phase.ts';
import type { Finding } from '../../probe/finding.ts';
import { findingToLedger } from '../../runner/evidence.ts';
import { compareStandings, type Standing } from './as-before.ts';
import type { RehearsalTools } from './tools.ts';

/** What the drill's header calls the scenario; the scorecard knows by it where the drill ends. */
const REHEARSAL = 'rehearsal';

/** How far a rehearsal goes. */
export interface RehearsalOrder {
  /** Retire and destroy, too, in place of going back. */
  readonly complete: boolean;
}

/** What a rehearsal that was played to its end has shown. */
export interface Rehearsed {
  readonly rotation: string;
  readonly phase: Phase;
  /** Of each party, whether its configuration is as it was; empty where the rotation was completed. */
  readonly asBefore: readonly Finding[];
}

/** Why metrics of a whole game day do not apply, as the drill's header declares beforehand. */
const NEVER_BROKEN = 'nothing is broken on purpose on a fleet that is in use';
const LEFT_OUT = {
  taken_back: {
    'retire-latency': 'nothing is retired without --complete',
    'overlap-length': 'nothing is retired without --complete',
    stragglers: 'nothing is retired without --complete',
  },
  completed: {
    'time-to-undo': 'nothing is taken back with --complete',
    'rollback-fidelity': 'nothing is taken back with --complete',
  },
} as const;

/** From these phases a rotation can be taken back by its operator's word alone. */
const CAN_GO_BACK: readonly Phase[] = [
  'opening',
  'overlap',
  'moving',
  'switched',
  'retiring',
  'widening',
  'returning',
  'closing',
];

/**
 * Rehearses a rotation on a fleet that is in use: opens the overlap, moves the clients, and goes back, so that all is as
 * it was; or, with `complete`, retires and destroys. What fails is taken back where that is possible.
 *
 * @throws RotctlError as `operate` where nothing was changed or the operator stopped it; `ROLLED_BACK` when it failed and
 *   was taken back, `ROLLBACK_UNVERIFIED` when that is not proven, or something is not as it was
 */
export async function playRehearsal(tools: RehearsalTools, { complete }: RehearsalOrder): Promise<Rehearsed> {
  const before = await tools.standing();
  await announce(tools, complete);
  tools.progress.part(
    `a rotation on this fleet: overlap, move the clients, ${complete ? 'retire, destroy' : 'go back'}`,
  );
  let ended: { readonly rotation: string | undefined; readonly phase: Phase };
  try {
    ended = await tools.operate('overlap');
    await proveReplay(tools);
    if (complete) ended = await tools.operate('retire');
  } catch (error) {
    throw await afterFailure(tools, before, error);
  }
  if (!complete) ended = await goBack(tools);
  const asBefore = complete ? [] : await proveAsBefore(tools, before);
  await search(tools);
  requireAsBefore(asBefore);
  return { rotation: ended.rotation ?? '', phase: ended.phase, asBefore };
}

/** Once all clients sign with the new secrets, a request that is sent again is refused as before. @throws RotctlError */
async function proveReplay({ proveReplay: prove, note, progress }: RehearsalTools): Promise<void> {
  const { findings, verdict, reason } = await prove('switched');
  progress.findings(findings);
  await note('evidence', { proof: 'replay', verdict, checks: findings.map(findingToLedger) }, 'switched');
  if (verdict !== 'pass') throw new RotctlError(verdict === 'fail' ? 'FAILED_HELD' : 'HELD', reason);
}

async function announce({ note, version, runId, fleet }: RehearsalTools, complete: boolean): Promise<void> {
  await note('header', {
    version,
    run: runId,
    fleetDigest: fleet.digest,
    environment: fleet.environment,
    scenario: REHEARSAL,
    complete,
    expects: complete ? ['rotation', 'hygiene'] : ['taken-back', 'as-before', 'hygiene'],
    faults: [],
    // Key ids are revoked only once a retired secret is destroyed.
    leavesOut: complete ? ['after the rollback'] : ['after the retirement', 'gate.revoked-refused'],
    notApplicable: {
      'time-to-detect': NEVER_BROKEN,
      'time-to-decide': NEVER_BROKEN,
      ...(complete ? LEFT_OUT.completed : LEFT_OUT.taken_back),
    },
  });
}

async function goBack(tools: RehearsalTools): Promise<{ rotation: string | undefined; phase: Phase }> {
  tools.progress.part('the way back: every client and replica as it was');
  try {
    return await tools.operate('rollback');
  } catch (error) {
    throw isStop(error) ? error : unverified('going back', error);
  }
}

/** What a failure comes to, once what it left open is taken back. */
async function afterFailure(tools: RehearsalTools, before: Standing, error: unknown): Promise<unknown> {
  if (!(error instanceof RotctlError) || isStop(error) || error.code === 'LEDGER_WRITE_FAILED') return error;
  const phase = await tools.openPhase();
  if (phase === undefined) {
    if (error.code !== 'ROLLED_BACK') return error;
  } else {
    if (!CAN_GO_BACK.includes(phase)) return error;
    tools.progress.part(`it failed in phase ${phase}: ${error.message}; it is taken back`);
    try {
      await tools.operate('rollback');
    } catch (second) {
      return isStop(second) ? second : unverified(`${error.message}; going back`, second);
    }
  }
  try {
    requireAsBefore(await proveAsBefore(tools, before));
    await search(tools);
  } catch (third) {
    return unverified(error.message, third);
  }
  return new RotctlError('ROLLED_BACK', error.message, { cause: error });
}

function isStop(error: unknown): boolean {
  return error instanceof RotctlError && (error.code === 'STOPPED' || error.code === 'GATE_WAITING');
}

function unverified(what: string, error: unknown): RotctlError {
  if (error instanceof RotctlError && error.code === 'INTERNAL') return error;
  const why = error instanceof Error ? error.message : 'failed';
  return new RotctlError('ROLLBACK_UNVERIFIED', `${what}: ${why}`, { cause: error });
}

async function proveAsBefore(tools: RehearsalTools, before: Standing): Promise<readonly Finding[]> {
  const findings = compareStandings(before, await tools.standing());
  tools.progress.findings(findings);
  const verdict = compose(findings.map(({ verdict: of }) => (of === 'not-applicable' ? 'pass' : of)));
  await tools.note('evidence', { part: 'as-before', verdict, checks: findings.map(findingToLedger) });
  return findings;
}

/** @throws RotctlError `ROLLBACK_UNVERIFIED`, naming what is not as it was */
function requireAsBefore(findings: readonly Finding[]): void {
  const bad = findings.filter(({ verdict }) => verdict !== 'pass');
  if (bad.length === 0) return;
  const words = bad.map(({ target, reason }) => `${target}: ${reason ?? 'not as before'}`);
  throw new RotctlError('ROLLBACK_UNVERIFIED', `not as it was before the drill: ${words.join('; ')}`);
}

async function search(tools: RehearsalTools): Promise<void> {
  const { searched, where } = await tools.searchSecrets();
  await tools.note('evidence', {
    hygiene: { searched, found: where.length, where: [...where] },
    verdict: where.length === 0 ? 'pass' : 'fail',
  });
}
