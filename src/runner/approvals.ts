import { RotctlError } from '../errors/rotctl-error.ts';
import type { Approvals } from '../fleet/fleet.ts';
import type { Trigger } from '../machine/phase.ts';
import type { Confirmation } from './confirmations.ts';
import type { Journal } from './journal.ts';
import type { World } from './world.ts';

/** What is typed to go on, once a move was approved of. */
const AGAIN: Readonly<Record<Approvals['before'][number], string>> = {
  'move-clients': 'rotctl overlap',
  retire: 'rotctl retire',
  destroy: 'rotctl retire',
};

/** Whose approval of a move counts, each once, and whose is still awaited; `missing` is how many. */
export function approvalOf(
  { needed, from }: Approvals,
  trigger: Trigger,
  given: readonly Confirmation[],
): { readonly by: readonly string[]; readonly missing: number; readonly awaited: readonly string[] } {
  const names = given.flatMap(({ of, by }) => ('approve' in of && of.approve === trigger ? [by] : []));
  const by = [...new Map(names.map((name) => [folded(name), name])).values()];
  const counted = from === undefined ? by : by.filter((name) => from.some((one) => folded(one) === folded(name)));
  const awaited = (from ?? []).filter((one) => !counted.some((name) => folded(name) === folded(one)));
  return { by: counted, missing: Math.max(0, needed - counted.length), awaited };
}

/** One person may be written in more than one way. */
function folded(name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase();
}

/**
 * The gate of people before a trigger, on the record: it stays shut until as many as the fleet wants have approved.
 *
 * @throws RotctlError `GATE_WAITING`, naming who is awaited
 */
export async function passApprovals(world: World, journal: Journal, trigger: Trigger): Promise<void> {
  const { approvals } = world.fleet.policy;
  const move = approvals?.before.find((one) => one === trigger);
  if (approvals === undefined || move === undefined) return;
  const { by, missing, awaited } = approvalOf(approvals, move, await world.confirmed());
  await journal.note('gate', {
    gate: 'approval',
    trigger,
    by: [...by],
    needs: approvals.needed,
    verdict: missing === 0 ? 'pass' : 'unknown',
  });
  if (missing === 0) return;
  const whom = awaited.length === 0 ? 'anybody' : awaited.join(' or ');
  const has = by.length === 0 ? 'nobody has yet' : `${by.join(', ')} has`;
  throw new RotctlError('GATE_WAITING', `${move} waits for ${missing} more to approve of it: ${whom} may, ${has}`, {
    next: AGAIN[move],
    hint: `rotctl confirm --approve ${move} --by NAME, then ${AGAIN[move]}`,
  });
}
