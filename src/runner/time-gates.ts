import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase, Trigger } from '../machine/phase.ts';
import { passApprovals } from './approvals.ts';
import { passWindow } from './free-time.ts';
import type { Journal } from './journal.ts';
import { checkpoint, waitFor } from './wait.ts';
import type { World } from './world.ts';

/** How long a phase must have lasted before a trigger may leave it. */
interface TimeGate {
  readonly since: Phase;
  readonly what: string;
  readonly ms: (world: World) => number;
}

const TIME_GATES: Partial<Record<Trigger, TimeGate>> = {
  retire: {
    since: 'switched',
    what: 'the overlap to have lasted its minimum',
    ms: (world) => world.fleet.policy.minOverlapMs,
  },
  destroy: { since: 'retired', what: 'the soak to be over', ms: (world) => world.fleet.policy.soakMs },
};

/**
 * Passes the gates before a trigger, in order: policy (the safety lever, a wish to stop, its windows, people's approval), then time. Safety itself is
 * proven by the steps of the phase that follows, which look before they change. Each gate's answer is in the ledger.
 *
 * @param wait whether to wait for time, with a countdown, instead of refusing
 * @throws RotctlError `STOPPED`, or `GATE_WAITING` with the earliest time
 */
export async function passGates(
  world: World,
  journal: Journal,
  trigger: Trigger,
  enteredAt: Readonly<Partial<Record<Phase, number>>>,
  wait: boolean,
): Promise<void> {
  await checkpoint(world);
  await passWindow(world, journal, trigger, wait);
  await passApprovals(world, journal, trigger);
  const gate = TIME_GATES[trigger];
  if (gate === undefined || journal.rotation.compromised) return;
  const since = enteredAt[gate.since] ?? world.clock.now();
  const needs = gate.ms(world);
  const has = world.clock.now() - since;
  const earliest = new Date(since + needs).toISOString();
  const open = has >= needs;
  await journal.note('gate', {
    gate: 'time',
    trigger,
    hasMs: has,
    needsMs: needs,
    earliest,
    verdict: open ? 'pass' : 'unknown',
  });
  if (open) return;
  if (!wait) {
    throw new RotctlError(
      'GATE_WAITING',
      `${trigger} waits for ${gate.what}: has ${has} ms, needs ${needs} ms, earliest ${earliest}`,
    );
  }
  await waitFor(world, gate.what, needs - has);
}
