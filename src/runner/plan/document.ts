import type { LedgerValue } from '../../ledger/entry.ts';
import type { Proof } from '../../machine/step.ts';
import { safetyRecord } from '../safety.ts';
import type { Plan, PlannedTask, PlannedTrigger, PlanPart } from './plan.ts';

type Values = { readonly [key: string]: LedgerValue };

/** A plan as plain data, for JSON and for its file. Names of keys, never a secret. */
export function planDocument(plan: Plan): Values {
  const { material, safety, parts, causes, preconditions, canaryPerSecond, repeats, inventory } = plan;
  return {
    environment: plan.fleet.environment,
    targets: {
      templates: [...inventory.templates],
      replicas: [...inventory.replicas],
      clients: [...inventory.clients],
    },
    material: Object.fromEntries([...material].map(([client, names]) => [client, { ...names }])),
    safety: {
      ...safetyRecord(safety),
      surroundings: safety.surroundings.map((one) => ({ ...one })),
    },
    causes,
    preconditions: { names: [...preconditions], tried: false },
    canary: { requestsPerSecond: canaryPerSecond },
    repeats,
    commands: parts.map(partDocument),
  };
}

function partDocument({ command, goal, moves, requests, duration }: PlanPart): Values {
  return { command, goal, requests, ...duration, moves: moves.map(moveDocument) };
}

function moveDocument(move: PlannedTask | PlannedTrigger): Values {
  if (move.kind === 'trigger') {
    const { phase, trigger, waitMs } = move;
    return { phase, trigger, ...(waitMs === undefined ? {} : { waitMs }) };
  }
  const { phase, task, changes, leftOut, cost } = move;
  const { id, does, action, proofs, onFailure } = task.step;
  return {
    phase,
    step: id,
    does,
    action,
    targets: [...task.targets],
    changes: changes.map((change) => ({ ...change })),
    proofs: proofs.map(sayProof),
    onFailure,
    ...(leftOut === undefined ? {} : { leftOut }),
    ...cost,
  };
}

/** A proof in a word or three: `accepts next on every-replica`. */
export function sayProof(proof: Proof): string {
  const of = 'generation' in proof ? ` ${proof.generation}` : '';
  const on = 'on' in proof && proof.on !== 'target' ? ` on ${proof.on}` : '';
  const under = 'keyIds' in proof ? ' under the key id of before' : '';
  return `${proof.proves}${of}${on}${under}`;
}
