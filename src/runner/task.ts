import { RotctlError } from '../errors/rotctl-error.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { isForward, type MovingPhase } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import { isNeedless } from '../machine/rotation.ts';
import { carryOut } from './carry-out.ts';
import { toLedger } from './evidence.ts';
import { explainFailure, remedyIn } from './explain-failure.ts';
import type { Explained } from './explain-overlap.ts';
import type { Journal } from './journal.ts';
import { isLeftAlone } from './left-alone.ts';
import { SIGNED_WITH } from './signed-with.ts';
import { waitFor } from './wait.ts';
import type { Proven, TaskResult, World } from './world.ts';

/**
 * Carries out one task: intent, effect, proof, outcome. A task that was intended before and has no outcome is settled
 * first, by asking the fleet.
 */
export async function runTask(world: World, journal: Journal, whole: Task): Promise<TaskResult> {
  const task = withoutGone(world, whole);
  world.progress.task(task);
  const idle = reasonToSkip(world, journal, task);
  const unsettled = journal.rotation.intended;
  if (burnsBefore(task) && idle === undefined) await world.prover.burn(task.step.phase);
  await journal.apply({ kind: 'intent' }, { action: task.step.action, targets: [...task.targets] });
  if (idle !== undefined) return finish(world, journal, task, { skipped: idle });
  if (unsettled && (await alreadySo(world, journal, task)))
    return finish(world, journal, task, { notes: ['found in place'] });
  return attempt(world, journal, task);
}

/** Whether what was burned, or opened, before the task is tried again after it. */
function burnsBefore({ step: { over, action } }: Task): boolean {
  return over === 'replicas' || action === 'end-sessions';
}

/** The task without those of its targets that are gone; as it is where all are. */
function withoutGone({ gone }: World, task: Task): Task {
  const targets = task.targets.filter((target) => !gone.has(target));
  return targets.length === 0 || targets.length === task.targets.length ? task : { ...task, targets };
}

/** Why nothing is to be done, or `undefined`. */
function reasonToSkip({ setting, gone }: World, { rotation }: Journal, task: Task): string | undefined {
  if (isNeedless(setting, rotation, task)) return 'never touched by this rotation';
  const [first] = task.targets;
  return first !== undefined && task.targets.every((target) => gone.has(target)) ? gone.get(first) : undefined;
}

/**
 * Whether an effect that was intended before a crash is there: the file holds it, or the replica proves it; the step's
 * proofs are asked for as ever. A restart is always done again, because probes cannot tell what is on a disk.
 */
async function alreadySo(world: World, journal: Journal, task: Task): Promise<boolean> {
  const { action, over } = task.step;
  if (action !== 'write' && (action !== 'reload' || over !== 'replicas')) return false;
  return (await proveAll(world, journal, task)).verdict === 'pass';
}

async function attempt(world: World, journal: Journal, task: Task): Promise<TaskResult> {
  const crowded = await overBudget(world, task);
  if (crowded !== undefined) {
    const explained = await explainFailure(world, task, crowded.silent, []);
    return {
      ...(await fail(world, journal, task, withWhy(explained, [crowded.why]), 'unknown')),
      ...hintOf(explained),
    };
  }
  if (LOADING.includes(task.step.action)) world.identities?.loading(task.targets);
  try {
    return await carriedAndProven(world, journal, task);
  } finally {
    world.identities?.settled();
  }
}

/** Actions after which another process may answer. */
const LOADING: readonly string[] = ['reload', 'restart'];

async function carriedAndProven(world: World, journal: Journal, task: Task): Promise<TaskResult> {
  const effect = await tryEffect(world, journal, task);
  if (effect.failed !== undefined) return fail(world, journal, task, effect.failed);
  if (effect.skipped !== undefined) return finish(world, journal, task, { skipped: effect.skipped });
  const proven = await proveAll(world, journal, task);
  const traffic = isForward(task.step.phase) ? world.traffic.alarm() : undefined;
  const verdict: Verdict = compose([proven.verdict, traffic === undefined ? 'pass' : 'fail']);
  const { lockedOut, about } = proven;
  if (verdict === 'pass') return finish(world, journal, task, { notes: effect.notes });
  const reasons = [proven.reason, traffic ?? '', ...effect.notes].filter((reason) => reason !== '');
  const waiting = traffic === undefined ? proven.waiting : undefined;
  const { spike = false } = proven;
  const explained =
    waiting === undefined ? await explainFailure(world, task, about ?? task.targets, lockedOut) : undefined;
  const what = waiting === undefined ? '' : `${waiting.what}: `;
  const why = `${what}${withWhy(explained, reasons)}`;
  const hint = hintOf(explained, proven.findings);
  return { ...(await fail(world, journal, task, why, verdict, lockedOut)), waiting, spike, ...hint };
}

/** What explains a failure first, and then the reasons that were found. */
function withWhy(explained: Explained | undefined, reasons: readonly string[]): string {
  return [...(explained === undefined ? [] : [explained.seen]), ...reasons].join('; ');
}

/** What to do about what explains a failure, or else about the check that stopped it. */
function hintOf(explained: Explained | undefined, findings: Proven['findings'] = []): { readonly hint?: string } {
  const hint = explained?.hint ?? remedyIn(findings);
  return hint === undefined ? {} : { hint };
}

/** Why this batch must not be taken down: more of the other replicas are silent already than the failure budget allows. */
async function overBudget(
  world: World,
  task: Task,
): Promise<{ readonly why: string; readonly silent: readonly string[] } | undefined> {
  const { phase, over, action } = task.step;
  if (over !== 'replicas' || (action !== 'reload' && action !== 'restart') || !isForward(phase)) return undefined;
  const { failureBudget } = world.fleet.policy;
  const silent = await world.prover.silent(phase, task.targets);
  if (silent.length <= failureBudget) return undefined;
  const said = silent.map((each) => `${each.replica} (${each.said})`).join(', ');
  return {
    why: `${silent.length} other replicas do not serve, more than the failure budget of ${failureBudget}: ${said}`,
    silent: silent.map(({ replica }) => replica),
  };
}

interface Tried {
  readonly failed?: string;
  readonly skipped?: string;
  readonly notes: readonly string[];
}

async function tryEffect(world: World, journal: Journal, task: Task): Promise<Tried> {
  try {
    const carried = await carryOut(world, journal.id, task);
    return carried.done ? { notes: carried.notes } : { skipped: carried.why, notes: [] };
  } catch (error) {
    if (error instanceof RotctlError && error.kind === 'remote') return { failed: error.message, notes: [] };
    throw error;
  }
}

/** What a step's proofs came to, and the replicas that refuse what valid requests are signed with. */
type AllProven = Pick<Proven, 'verdict' | 'reason' | 'waiting' | 'about'> & {
  readonly findings?: Proven['findings'];
  readonly lockedOut: readonly string[];
  readonly spike?: boolean;
};

/** Takes the step's proofs in order, and ends at the first that is not a pass. */
async function proveAll(world: World, journal: Journal, task: Task): Promise<AllProven> {
  const { step, targets } = task;
  if (step.effects.length > 0 && !(await inPlace(world, task))) {
    return { verdict: 'fail', reason: `${step.action} of ${targets.join(', ')} did not take effect`, lockedOut: [] };
  }
  if (step.over === 'replicas' && (step.action === 'reload' || step.action === 'restart')) {
    for (const target of targets) {
      const ready = await world.prover.ready(target);
      if (ready.verdict === 'pass') continue;
      await recordProof(world, journal, { proof: 'ready' }, ready);
      return { ...ready, lockedOut: lockedOutBy(ready, step.phase) };
    }
  }
  for (const proof of step.proofs) {
    const proven = await world.prover.prove(proof, step.phase, targets);
    await recordProof(
      world,
      journal,
      { proof: proof.proves, ...('generation' in proof ? { generation: proof.generation } : {}) },
      proven,
    );
    if (proven.verdict === 'pass') continue;
    return { ...(proof.proves === 'quiet' ? asSpike(proven) : proven), lockedOut: lockedOutBy(proven, step.phase) };
  }
  const apart = await lookBeside(world, journal, step);
  if (apart !== undefined) return { ...apart, lockedOut: [] };
  if (loads(step)) return { ...(await lookForSpike(world, journal, targets)), lockedOut: [] };
  return { verdict: 'pass', reason: '', lockedOut: [] };
}

/** Whether a replica that was not given `next` has it all the same, once others were given it. */
async function lookBeside(world: World, journal: Journal, step: Task['step']): Promise<Proven | undefined> {
  if (step.phase !== 'opening' || step.over !== 'replicas' || !loads(step)) return undefined;
  const proven = await world.prover.apart?.(journal.rotation.touched, world.gone);
  if (proven === undefined) return undefined;
  await recordProof(world, journal, { proof: 'apart' }, proven);
  return proven.verdict === 'pass' ? undefined : proven;
}

const LOCK_OUTS: readonly string[] = ['AUTH_INVALID_HMAC', 'AUTH_INVALID_CLIENT', 'AUTH_MTLS_REQUIRED'];

/** The replicas on which a proof has surely seen a lock-out, for certain and for the very reason. */
function lockedOutBy({ cells, findings }: Proven, phase: MovingPhase): readonly string[] {
  const refused = cells.filter(
    ({ verdict, expected, seen, generation }) =>
      verdict === 'fail' &&
      expected === 'ACCEPTED' &&
      LOCK_OUTS.includes(seen) &&
      SIGNED_WITH[phase].some((valid) => valid === generation),
  );
  const unready = findings.filter(({ id, verdict }) => id === 'ready' && verdict === 'fail');
  return [...new Set([...refused.map(({ replica }) => replica), ...unready.map(({ target }) => target)])];
}

/** Whether a step makes something take up what it is to go by, after which a mistake would show in the logs. */
function loads({ action, over, phase, proofs }: Task['step']): boolean {
  const isLoad = (action === 'reload' || action === 'restart') && over !== 'templates';
  return isLoad && isForward(phase) && !proofs.some(({ proves }) => proves === 'quiet');
}

function asSpike(proven: Proven): Proven & { readonly spike: boolean } {
  return { ...proven, spike: proven.verdict === 'fail' };
}

/** Whether refused signatures of others have spiked since the last look; nothing where the fleet file names no logs. */
export async function lookForSpike(
  world: World,
  journal: Journal,
  targets: readonly string[],
): Promise<Proven & { readonly spike: boolean }> {
  if (world.fleet.logs === undefined) return { ...NOTHING, spike: false };
  const look = () => world.prover.prove({ proves: 'quiet' }, journal.rotation.phase, targets);
  let proven = await look();
  // Lines of refusals that we brought about ourselves may be late.
  for (let tries = 0; proven.verdict === 'unknown' && tries < LATE_LOOKS; tries += 1) {
    await waitFor(world, 'late lines in the logs', LATE_MS);
    proven = await look();
  }
  await recordProof(world, journal, { proof: 'quiet' }, proven);
  return asSpike(proven);
}

const LATE_LOOKS = 3;
const LATE_MS = 1000;
const NOTHING: Proven = { verdict: 'pass', reason: '', cells: [], findings: [], owed: [] };

/** Writes what a proof saw to the ledger, and shows it. */
export async function recordProof(
  world: Pick<World, 'progress'>,
  journal: Journal,
  what: { readonly [key: string]: LedgerValue },
  proven: Proven,
): Promise<void> {
  world.progress.cells(proven.cells);
  world.progress.findings(proven.findings);
  await journal.note('evidence', { ...what, verdict: proven.verdict, ...toLedger(proven) });
}

/** For what is on disk: whether it is what the effect declares. What is in memory, only probes can tell. */
async function inPlace(world: World, task: Task): Promise<boolean> {
  for (const effect of task.step.effects) {
    if (!('set' in effect) || effect.where !== 'disk') continue;
    for (const target of task.targets) {
      if (effect.of === 'client' && isLeftAlone(world.fleet, target)) continue;
      const same = await world.configurations.holds(effect, target);
      if (!same) return false;
    }
  }
  return true;
}

async function finish(
  world: World,
  journal: Journal,
  task: Task,
  how: { skipped?: string; notes?: readonly string[] },
): Promise<TaskResult> {
  const { skipped, notes = [] } = how;
  await journal.apply(
    { kind: 'done' },
    {
      targets: [...task.targets],
      verdict: 'pass',
      ...(skipped === undefined ? {} : { skipped }),
      ...(notes.length === 0 ? {} : { notes: [...notes] }),
    },
  );
  world.progress.taskDone(task, skipped === undefined ? 'done' : 'skipped', skipped);
  return skipped === undefined ? { result: 'done' } : { result: 'done', skipped };
}

async function fail(
  world: World,
  journal: Journal,
  task: Task,
  reason: string,
  verdict: Verdict = 'fail',
  lockedOut: readonly string[] = [],
): Promise<Extract<TaskResult, { result: 'failed' }>> {
  await journal.apply({ kind: 'failed' }, { targets: [...task.targets], verdict, reason });
  world.progress.taskDone(task, 'failed', reason);
  return { result: 'failed', reason, verdict, task, lockedOut };
}
