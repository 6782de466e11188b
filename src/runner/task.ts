import { RotctlError } from '../errors/rotctl-error.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import { isForward } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import { isNeedless } from '../machine/rotation.ts';
import { carryOut } from './carry-out.ts';
import { toLedger } from './evidence.ts';
import type { Journal } from './journal.ts';
import type { Proven, TaskResult, World } from './world.ts';

/**
 * Carries out one task: intent, effect, proof, outcome. A task that was intended before and has no outcome is settled
 * first, by asking the fleet.
 */
export async function runTask(world: World, journal: Journal, task: Task): Promise<TaskResult> {
  world.progress.task(task);
  const idle = isNeedless(world.setting, journal.rotation, task) ? 'never touched by this rotation' : undefined;
  const unsettled = journal.rotation.intended;
  if (task.step.over === 'replicas') await world.prover.burn(task.step.phase);
  await journal.apply({ kind: 'intent' }, { action: task.step.action, targets: [...task.targets] });
  if (idle !== undefined) return finish(world, journal, task, { skipped: idle });
  if (unsettled && (await alreadySo(world, journal, task)))
    return finish(world, journal, task, { notes: ['found in place'] });
  return attempt(world, journal, task);
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
  if (crowded !== undefined) return fail(world, journal, task, crowded, 'unknown');
  const effect = await tryEffect(world, journal, task);
  if (effect.failed !== undefined) return fail(world, journal, task, effect.failed);
  if (effect.skipped !== undefined) return finish(world, journal, task, { skipped: effect.skipped });
  const proven = await proveAll(world, journal, task);
  const traffic = isForward(task.step.phase) ? world.traffic.alarm() : undefined;
  const verdict: Verdict = compose([proven.verdict, traffic === undefined ? 'pass' : 'fail']);
  if (verdict === 'pass') return finish(world, journal, task, { notes: effect.notes });
  const reasons = [proven.reason, traffic ?? '', ...effect.notes].filter((reason) => reason !== '');
  return fail(world, journal, task, reasons.join('; '), verdict);
}

/** Why this batch must not be taken down: more of the other replicas are silent already than the failure budget allows. */
async function overBudget(world: World, task: Task): Promise<string | undefined> {
  const { phase, over, action } = task.step;
  if (over !== 'replicas' || (action !== 'reload' && action !== 'restart') || !isForward(phase)) return undefined;
  const { failureBudget } = world.fleet.policy;
  const silent = await world.prover.silent(phase, task.targets);
  if (silent.length <= failureBudget) return undefined;
  return `${silent.length} other replicas do not serve, more than the failure budget of ${failureBudget}: ${silent.join(', ')}`;
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

/** Takes the step's proofs in order, and ends at the first that is not a pass. */
async function proveAll(world: World, journal: Journal, task: Task): Promise<{ verdict: Verdict; reason: string }> {
  const { step, targets } = task;
  if (step.effects.length > 0 && !(await inPlace(world, task))) {
    return { verdict: 'fail', reason: `${step.action} of ${targets.join(', ')} did not take effect` };
  }
  if (step.over === 'replicas' && (step.action === 'reload' || step.action === 'restart')) {
    for (const target of targets) {
      const ready = await world.prover.ready(target);
      if (ready.verdict === 'pass') continue;
      await recordProof(world, journal, { proof: 'ready' }, ready);
      return ready;
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
    if (proven.verdict !== 'pass') return proven;
  }
  return { verdict: 'pass', reason: '' };
}

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
): Promise<TaskResult> {
  await journal.apply({ kind: 'failed' }, { targets: [...task.targets], verdict, reason });
  world.progress.taskDone(task, 'failed', reason);
  return { result: 'failed', reason, verdict, task };
}
