import type { LedgerValue } from '../../ledger/entry.ts';
import type { Proof } from '../../machine/step.ts';
import { pinsRecord } from '../enumeration.ts';
import { safetyRecord } from '../safety.ts';
import type { Plan, PlannedTask, PlannedTrigger, PlanPart } from './plan.ts';

type Values = { readonly [key: string]: LedgerValue };

/** A plan as plain data, for JSON and for its file. Names of keys, never a secret. */
export function planDocument(plan: Plan): Values {
  const {
    material,
    safety,
    parts,
    deploys,
    causes,
    preconditions,
    canaryPerSecond,
    repeats,
    inventory,
    awaited,
    refused,
  } = plan;
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
    addresses: pinsRecord(plan.pins),
    ...(awaited.length === 0 ? {} : { awaited: [...awaited] }),
    ...(refused === undefined ? {} : { refused }),
    deploys: deploys.drivers.map(({ targets, by }) => ({ by, targets: [...targets] })),
    together: [...deploys.together],
    causes,
    preconditions: { names: [...preconditions], tried: false },
    canary: { requestsPerSecond: canaryPerSecond },
    repeats,
    sender: senderDocument(plan.sender),
    ...(plan.blocked === undefined ? {} : { blocked: plan.blocked }),
    commands: parts.map((part) => partDocument(part, plan.statuses)),
  };
}

function senderDocument({ userAgent, addresses, perSecond }: Plan['sender']): Values {
  return {
    userAgent,
    addresses: addresses.map(({ replica, address }) => ({ replica, address: address ?? null })),
    perSecond: perSecond ?? null,
  };
}

function partDocument(
  { command, goal, moves, requests, traffic, duration }: PlanPart,
  statuses: Plan['statuses'],
): Values {
  const seen = traffic.map(({ answers, ...when }) => ({
    ...when,
    answers: { ...answers },
    statuses: { ...statuses(answers) },
  }));
  return { command, goal, requests, traffic: seen, ...duration, moves: moves.map(moveDocument) };
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
