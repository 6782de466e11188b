import type { Protocol } from '../../protocol/protocol.ts';
import type { Check, CheckGroup } from './check.ts';
import { CHECKLIST } from './checklist.ts';
import { CLOCK_WINDOW } from './clock.ts';
import { CONTROL_CHECKS } from './controls.ts';
import { FLEET_CHECKS } from './fleet.ts';
import { GATE_CHECKS } from './gate.ts';
import { REPLAY_AT_ONCE } from './replay-at-once.ts';
import { REPLAY_NAMESPACE } from './replay-namespace.ts';
import { REPLAY_NONCE } from './replay-nonce.ts';
import { REPLAY_OVER_TIME } from './replay-over-time.ts';

/**
 * Every check, in the order in which they run: the fleet's shape and clocks first, because what follows rests on them;
 * what has to wait comes last. `spec/checks.md` says what each proves, and a test compares the two.
 */
export const CHECKS: readonly Check[] = [
  ...FLEET_CHECKS,
  CLOCK_WINDOW,
  ...CONTROL_CHECKS,
  ...CHECKLIST,
  ...GATE_CHECKS,
  ...REPLAY_AT_ONCE,
  REPLAY_NAMESPACE,
  ...REPLAY_NONCE,
  ...REPLAY_OVER_TIME,
];

/** The checks for fleets of a protocol, in order: of some groups, or all. */
export function checksOf(fleet: { readonly protocol: Protocol }, ...groups: readonly CheckGroup[]): Check[] {
  return CHECKS.filter(
    ({ group, protocol = fleet.protocol }) =>
      protocol === fleet.protocol && (groups.length === 0 || groups.includes(group)),
  );
}
