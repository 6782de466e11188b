import type { Verdict } from '../errors/verdict.ts';
import type { Phase } from '../machine/phase.ts';
import { begin, settingOf } from '../machine/rotation.ts';
import type { Effect } from '../machine/step.ts';
import { type Planned, pathTo } from '../machine/way.ts';
import type { Finding } from '../probe/finding.ts';
import { requireReadiness } from './before.ts';
import { requireCarriedOut } from './carried-out.ts';
import type { SettingEffect } from './configurations.ts';
import { beginningOf, termsNow } from './gate/standing.ts';
import { isOpen, newestHistory } from './history.ts';
import { inventoryOf } from './inventory.ts';
import { requireLockout } from './lockout.ts';
import { goalOf, type Order, reachable, requireSafe } from './operate.ts';
import type { Pairs } from './pair.ts';
import { sayProof } from './plan/document.ts';
import { requireReplayProofs } from './replay-proofs.ts';
import { proveOnFleet, type Safety } from './safety.ts';
import type { Tools } from './tools.ts';

/** What a dry run came to. Nothing was changed; its best verdict is "rehearsed". */
export interface Rehearsal {
  readonly phase: Phase;
  readonly rotation: string | undefined;
  /** What is known of the runbook on the fleet's targets. */
  readonly safety: Safety;
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
 * @throws RotctlError `STEP_UNSUPPORTED`, `RUNBOOK_UNSAFE`, `MOVE_REFUSED` as the command itself would
 */
export async function rehearse(tools: Tools, order: Order): Promise<Rehearsal> {
  requireCarriedOut(tools.runbook);
  requireReplayProofs(tools.fleet, tools.runbook);
  requireLockout(tools.fleet);
  const ledger = await tools.readLedger();
  const newest = newestHistory(ledger, tools.runbook, tools.fleet.name);
  const history = isOpen(newest) ? newest : undefined;
  const phase = history?.rotation.phase ?? 'stable';
  const inventory = history?.inventory ?? inventoryOf(tools.fleet, order.clients, await beginningOf(tools));
  const goal = reachable(tools.fleet, inventory.clients, goalOf(order, phase, history?.goal ?? 'switched'));
  const safety =
    history === undefined
      ? await requireSafe(tools, order)
      : await proveOnFleet(
          { ...tools, signal: tools.stop.signal },
          tools.runbook,
          history.inventory,
          history.rotation.compromised,
        );
  const path = pathTo(
    settingOf(tools.runbook.program, inventory),
    history?.rotation ?? begin(order.compromised),
    goal,
    order.command === 'rollback',
  );
  const present = await tools.readCurrent(order.clients);
  const pairs: Pairs = new Map([...present].map(([id, secret]) => [id, { current: secret, next: secret }]));
  if (history === undefined) await requireReadiness(tools, present, order.clients);
  const terms = history === undefined ? await termsNow(tools) : history.terms;
  const { verdict, findings } = await tools.preflight(pairs, tools.runbook.preconditions, terms);
  return {
    phase,
    rotation: history?.id,
    safety,
    findings,
    verdict,
    simulated: path.flatMap((planned) => sayMove(planned, tools.runbook.scheme === 'mtls' ? CERTIFICATES : SECRETS)),
    notCheckable: [...new Set(path.flatMap(({ move }) => ('task' in move ? move.task.step.proofs.map(sayProof) : [])))],
  };
}

function sayMove({ phase, move }: Planned, words: Words): string[] {
  if ('trigger' in move) return move.trigger === 'complete' ? [] : [`${phase}: ${move.trigger}`];
  const { step, targets } = move.task;
  return step.effects.map((effect) => `${step.id} on ${targets.join(', ')}: ${sayEffect(effect, step.action, words)}`);
}

function sayEffect(effect: Effect, action: string, settings: Words): string {
  switch (effect.of) {
    case 'template':
    case 'replica':
    case 'client':
      if ('from' in effect) return `${action}, so that what is on disk is in force`;
      return saySettings(effect, settings);
    case 'flight':
      return `wait until no request signed with ${effect.drained} is on its way`;
    case 'sessions':
      return `end the sessions that were made under ${effect.ended}`;
    case 'material':
      return `${effect.generation} is ${effect.becomes}`;
  }
}

/** What is set, setting by setting, in the words of the runbook. */
function saySettings({ set, restores = [] }: SettingEffect, settings: Words): string {
  const words: readonly string[] = Object.entries(set).map(([setting, value]) => {
    if (restores.some((one) => one === setting)) return `${settings[setting] ?? setting} as before`;
    const said = Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
    if (VERBS.includes(setting)) return `${settings[setting] ?? setting} ${said}`;
    return `${settings[setting] ?? setting} = ${said}`;
  });
  return words.join('; ');
}

/** Settings whose words go before the value as a verb. */
const VERBS: readonly string[] = ['signs', 'presents'];

type Words = Readonly<Record<string, string>>;

const SECRETS: Words = {
  accepts: 'allowed secrets',
  signs: 'signs with',
  strict: 'key ids enforced',
  revokes: 'revoked key ids of',
  keyIds: 'key ids',
  dual: 'both signatures',
};

const CERTIFICATES: Words = {
  accepts: 'trusted authorities',
  signs: 'shows its certificate of',
  presents: 'shows its certificate of',
};
