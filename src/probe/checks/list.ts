import type { Protocol } from '../../protocol/protocol.ts';
import type { Check, CheckGroup } from './check.ts';
import { CHECKLIST } from './checklist.ts';
import { CLOCK_WINDOW } from './clock.ts';
import { CONTROL_CHECKS } from './controls.ts';
import { DESCRIBED_CHECKS, SCHEME_SOUND } from './described.ts';
import { FLEET_CHECKS } from './fleet.ts';
import { GATE_CHECKS } from './gate.ts';
import { MTLS_CHECKS } from './handshakes.ts';
import { PKI_CHECKS } from './pki.ts';
import { REPLAY_AT_ONCE } from './replay-at-once.ts';
import { REPLAY_BALANCER } from './replay-balancer.ts';
import { REPLAY_CROSS_DOMAIN } from './replay-domains.ts';
import { REPLAY_KEY_FUNCTION, REPLAY_NONCE_BOUNDED } from './replay-key.ts';
import { REPLAY_NAMESPACE } from './replay-namespace.ts';
import { REPLAY_NONCE } from './replay-nonce.ts';
import { REPLAY_OVER_TIME } from './replay-over-time.ts';
import { REPLAY_NONCE_OWNER } from './replay-owner.ts';
import { REPLAY_SECRETS } from './replay-secrets.ts';
import { REPLAY_SPELLING } from './replay-spelling.ts';
import { STORE_CHECKS } from './store/list.ts';
import { STORE_STEADY } from './store/steady.ts';
import { TLS_CHECKS } from './tls.ts';

/**
 * Every check, in the order in which they run: certificates, the fleet's shape and clocks first, because what follows rests on them;
 * what has to wait comes last. `spec/checks.md` says what each proves, and a test compares the two.
 */
export const CHECKS: readonly Check[] = [
  ...TLS_CHECKS,
  ...PKI_CHECKS,
  ...FLEET_CHECKS,
  SCHEME_SOUND,
  CLOCK_WINDOW,
  ...CONTROL_CHECKS,
  ...CHECKLIST,
  ...MTLS_CHECKS,
  ...GATE_CHECKS,
  ...DESCRIBED_CHECKS,
  ...STORE_CHECKS,
  ...REPLAY_AT_ONCE,
  REPLAY_SECRETS,
  REPLAY_BALANCER,
  REPLAY_CROSS_DOMAIN,
  REPLAY_NAMESPACE,
  ...REPLAY_NONCE,
  REPLAY_SPELLING,
  REPLAY_KEY_FUNCTION,
  REPLAY_NONCE_OWNER,
  REPLAY_NONCE_BOUNDED,
  ...REPLAY_OVER_TIME,
  STORE_STEADY,
];

/** What decides which checks are a fleet's at all. */
export interface Checked {
  readonly protocol: Protocol;
  /** Whether certificates of its parties can be rotated. */
  readonly authority?: object | undefined;
}

/** The checks for fleets of a protocol, in order: of some groups, or all. Those of parties' certificates are for fleets that have an authority. */
export function checksOf(fleet: Checked, ...groups: readonly CheckGroup[]): Check[] {
  const isOfFleet = ({ protocol = fleet.protocol, needs }: Check): boolean =>
    [protocol].flat().includes(fleet.protocol) && (fleet.authority !== undefined || !needs.includes('certificates'));
  return CHECKS.filter((check) => isOfFleet(check) && (groups.length === 0 || groups.includes(check.group)));
}
