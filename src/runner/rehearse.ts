import type { Verdict } from '../errors/verdict.ts';
import type { Phase } from '../machine/phase.ts';
import { begin } from '../machine/rotation.ts';
import type { Effect, Proof } from '../machine/step.ts';
import { type Planned, pathTo } from '../machine/way.ts';
import type { Finding } from '../probe/finding.ts';
import { requireReadiness } from './before.ts';
import { isOpen, readHistory } from './history.ts';
import { goalOf, type Order } from './operate.ts';
import type { Pairs } from './pair.ts';
import type { Tools } from './tools.ts';

/** What a dry run came to. Nothing was changed; its best verdict is "rehearsed". */
export interface Rehearsal {
  readonly phase: Phase;
  readonly rotation: string | undefined;
  /** Checks that were tried for real. */
  readonly findings: readonly Finding[];
  readonly verdict: Verdict;
  /** Every change that would be made, one line each, in order. */
  readonly simulated: readonly string[];
  /** Proofs that cannot be taken before the change is made. */
  readonly notCheckable: readonly string[];
}

/**
 * Rehearses a command: probes the fleet for real with the secrets in force, and walks the machine to the goal without
 * carrying anything out. Takes no lock, writes no entry, makes no secret.
 *
 * @throws RotctlError `MOVE_REFUSED` as the command itself would
 */
export async function rehearse(tools: Tools, order: Order): Promise<Rehearsal> {
  const ledger = await tools.readLedger();
  const newest = readHistory(ledger, tools.runbook.program);
  const history = isOpen(newest) ? newest : undefined;
  const phase = history?.rotation.phase ?? 'stable';
  const goal = goalOf(order, phase, history?.goal ?? 'switched');
  const inventory = history?.inventory ?? {
    replicas: tools.fleet.replicas.map(({ name }) => name),
    clients: order.clients,
  };
  const path = pathTo(
    { program: tools.runbook.program, inventory },
    history?.rotation ?? begin(order.compromised),
    goal,
    order.command === 'rollback',
  );
  const present = await tools.readCurrent(order.clients);
  const pairs: Pairs = new Map([...present].map(([id, secret]) => [id, { current: secret, next: secret }]));
  if (history === undefined) await requireReadiness(tools, present, order.clients);
  const { verdict, findings } = await tools.preflight(pairs, tools.runbook.preconditions);
  return {
    phase,
    rotation: history?.id,
    findings,
    verdict,
    simulated: path.flatMap(sayMove),
    notCheckable: [...new Set(path.flatMap(({ move }) => ('task' in move ? move.task.step.proofs.map(sayProof) : [])))],
  };
}

function sayMove({ phase, move }: Planned): string[] {
  if ('trigger' in move) return move.trigger === 'complete' ? [] : [`${phase}: ${move.trigger}`];
  const { step, targets } = move.task;
  return step.effects.map((effect) => `${step.id} on ${targets.join(', ')}: ${sayEffect(effect, step.action)}`);
}

function sayEffect(effect: Effect, action: string): string {
  switch (effect.of) {
    case 'replica':
      return effect.where === 'disk'
        ? `allowed secrets = [${effect.accepts.join(', ')}]`
        : `${action}, so that what is on disk is in force`;
    case 'client':
      return effect.where === 'disk' ? `signs with ${effect.signs}` : `${action}, so that what is on disk is in force`;
    case 'flight':
      return `wait until no request signed with ${effect.drained} is on its way`;
    case 'material':
      return `${effect.generation} is ${effect.becomes}`;
  }
}

function sayProof(proof: Proof): string {
  const of = 'generation' in proof ? ` ${proof.generation}` : '';
  const on = 'on' in proof && proof.on !== 'target' ? ` on ${proof.on}` : '';
  return `${proof.proves}${of}${on}`;
}
