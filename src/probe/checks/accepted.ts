import type { AcceptedDefect } from '../../fleet/fleet.ts';
import type { Finding } from '../finding.ts';

/**
 * What follows from a defect and shows in other checks as well: replicas that do not share their nonces accept copies
 * that arrive at several of them, and know nothing of what another one burned; a nonce whose life is too short by the
 * declared numbers is forgotten before its request has died; a balancer before several domains leads from one to another.
 */
const FOLLOWS: Readonly<Record<string, readonly { readonly check: string; readonly target?: string }[]>> = {
  'replay.cross-replica': [
    { check: 'replay.concurrent', target: 'fleet' },
    { check: 'replay.namespace' },
    { check: 'replay.after-ttl' },
    { check: 'replay.balancer' },
    { check: 'replay.secrets' },
    { check: 'replay.key-function' },
  ],
  'replay.ttl-bound': [{ check: 'replay.window-end' }],
  'replay.cross-domain': [{ check: 'replay.balancer' }],
};

/** The finding as it is, marked where it is a failure that the fleet's owner has answered for. */
export function markAccepted(finding: Finding, accepts: readonly AcceptedDefect[] = []): Finding {
  if (finding.verdict !== 'fail') return finding;
  const defect = accepts.find(({ check }) => check === finding.id || follows(check, finding));
  if (defect === undefined) return finding;
  return { ...finding, accepted: { reason: defect.reason, owner: defect.owner } };
}

function follows(accepted: string, { id, target }: Finding): boolean {
  return (FOLLOWS[accepted] ?? []).some(
    (one) => one.check === id && (one.target === undefined || isOf(one.target, target)),
  );
}

/** In a fleet with several stores the target bears the name of a domain behind it. */
function isOf(wanted: string, target: string): boolean {
  return target === wanted || target.startsWith(`${wanted} `);
}
