import { durationText } from '../document/scalars.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { isSparing } from '../fleet/lockout.ts';
import type { CheckContext } from '../probe/checks/check.ts';
import { type Budget, budgetOf } from '../probe/checks/sends.ts';
import { mostOf } from '../probe/lockout.ts';

/** What a list of checks will send, as far as it is known beforehand. */
export function budgetOfChecks(
  fleet: Fleet,
  { clients, gates }: Pick<CheckContext, 'clients' | 'gates'>,
  ids: readonly string[],
): Budget {
  const expectations = [...(gates?.values() ?? [])];
  return budgetOf(ids, {
    fleet,
    replicas: fleet.replicas.length,
    clients: clients.length,
    accepted: Math.max(1, ...clients.map(({ accepted }) => accepted.length)),
    sparing: isSparing(fleet),
    mostRefusals: mostOf(fleet.lockout),
    strict: expectations.some(({ strict }) => strict),
    revoked: Math.max(0, ...expectations.map(({ revoked }) => revoked.length)),
  });
}

/** How long the refusals take to stay below what locks out, at least, in milliseconds. */
function lockoutMs({ lockout }: Pick<Fleet, 'lockout'>, { refused }: Budget): number {
  if (typeof lockout !== 'object') return 0;
  const rounds = Math.ceil(refused[lockout.per] / mostOf(lockout)) - 1;
  return Math.max(0, rounds) * lockout.windowMs;
}

/** The same for people, in a line: what is sent, what of it is refused on purpose, and what keeps that from locking out. */
export function sayBudget(fleet: Pick<Fleet, 'lockout' | 'replicas'>, budget: Budget): string {
  const { total, refused } = budget;
  const { client, replica, address, balancer } = refused;
  const limit =
    typeof fleet.lockout === 'object'
      ? `fewer than ${fleet.lockout.refusals} in ${durationText(fleet.lockout.windowMs)} for each ${fleet.lockout.per}, which takes at least ${durationText(lockoutMs(fleet, budget))}`
      : fleet.lockout === 'none'
        ? 'nothing locks out (lockout: none)'
        : 'the fleet file does not say whether that locks out (lockout)';
  return `about ${total} requests, ${address} of them to be refused: at most ${client} of one client, ${replica} of one client on one replica, ${address} from this address, ${balancer === 0 ? 'none' : balancer} through the balancer; ${limit}`;
}
