import type { MovingPhase } from '../phase.ts';
import type { Task } from '../roll.ts';
import type { Breach } from './invariants.ts';
import type { Model } from './world.ts';

/** What to change in a runbook so that a breach cannot happen, said of the step that came last before it. */
export function adviceFor(model: Model, breach: Breach, last: Task | undefined): string {
  if (last === undefined) return 'the fleet is unsafe before the first step: look at what is declared of it';
  const { step } = last;
  const [effect] = step.effects;
  const generation = breach.generation ?? breach.message?.signs[0] ?? 'next';
  switch (breach.invariant) {
    case 'I1b':
      return `before ${step.id}, drain ${generation}: a request that was sent earlier may still arrive`;
    case 'I1d':
      if (effect?.of === 'template') return lockOut(model, breach, last, generation);
      return `before ${step.id}, write the templates: instances made from them must accept ${generation}`;
    case 'I1e':
      return `before ${step.id}, move the default client id away from ${generation}, and load it; an id that comes back gets it after that`;
    case 'I2':
    case 'I2b':
    case 'T4':
      return `${generation} was withdrawn: before that, prove on every replica, on its disk and in every template that it is gone, and let no later step put it back`;
    case 'I3':
      return `${step.id} must leave the namespace of nonces as it is`;
    case 'T3':
      return `before ${generation} is withdrawn, end the sessions that were made under it`;
    case 'T2':
      return effect?.of === 'client'
        ? `before ${step.id}, prove that no replica shows ${generation} any more`
        : `before ${step.id}, prove that every client trusts ${generation}`;
    default:
      return lockOut(model, breach, last, generation);
  }
}

/** A lock-out comes of giving too early or of taking too early. */
function lockOut(model: Model, breach: Breach, { step }: Task, generation: string): string {
  const [effect] = step.effects;
  const lived = breach.after.includes('replica-restart');
  const pushing = pushOf(model);
  if (lived && pushing !== undefined)
    return `have ${pushing} write to the disk, and load it from there: what is pushed into memory is gone after a restart`;
  if (effect?.of === 'client') {
    const disk = lived ? ', on its disk as well as in its memory' : '';
    const skip = model.downtime ? '; a replica that does not answer must not be left out' : '';
    return `before ${step.id}, prove on every replica itself that it accepts ${generation}${disk}${skip}`;
  }
  if (effect !== undefined && 'set' in effect && effect.set.strict === true)
    return `before ${step.id}, prove in traffic that every client names its generations by their own key ids, and drain what was sent before`;
  if (effect !== undefined && 'set' in effect && (effect.set.revokes?.length ?? 0) > 0)
    return `${step.id} must come after ${generation} is refused everywhere: revoke a key id last`;
  if (NEVER_NARROWS.includes(step.phase))
    return `let ${step.id} keep ${generation}, which clients go by: phase ${step.phase} takes nothing away that is in use`;
  const wait = model.scheme === 'mtls' ? '' : ', and drain what was sent with it';
  return `before ${step.id}, prove that no client needs ${generation} any more (proof \`unused\`, generation ${generation})${wait}`;
}

/** A step that changes what is in memory and nothing on a disk, if the runbook has one. */
function pushOf({ setting }: Model): string | undefined {
  const steps = Object.values(setting.tasks).flatMap((tasks) => tasks.map(({ step }) => step));
  return steps.find(({ action }) => action === 'push')?.id;
}

/** The phases in which no step may remove what clients go by. */
const NEVER_NARROWS: readonly MovingPhase[] = ['opening', 'destroying', 'widening'];
