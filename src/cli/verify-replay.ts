import type { Check, CheckContext, Observation } from '../probe/checks/check.ts';
import { checksOf } from '../probe/checks/list.ts';
import { lookAtAll, openLook, rehearseLook } from './look.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `verify-replay`. */
export interface ReplayRequest {
  /** Try every pair of replicas both ways, in place of each against one. */
  readonly pairwise: boolean;
}

const CROSS_REPLICA = 'replay.cross-replica';

/** Says what `verify-replay` would try; sends nothing. */
export function rehearseReplay(platform: Platform, flags: GlobalFlags): Promise<CommandEnd> {
  return rehearseLook(platform, flags, 'verify-replay', (fleet) => checksOf(fleet, 'replay'));
}

/** Proves single use on every replica, across them and over time. Exit 1 when it fails, 12 when it cannot be told. */
export async function verifyReplay(
  platform: Platform,
  flags: GlobalFlags,
  { pairwise }: ReplayRequest,
): Promise<CommandEnd> {
  const look = await openLook(platform, flags);
  try {
    const checks = checksOf(look.fleet, 'replay').map((check) =>
      pairwise && check.id === CROSS_REPLICA ? pairByPair(check) : check,
    );
    return await lookAtAll(platform, flags, 'verify-replay', look, checks);
  } finally {
    await look.close();
  }
}

/** The check, taken anew for each pair of replicas as if they were the whole fleet. */
function pairByPair(check: Check): Check {
  return {
    ...check,
    look: async (context) => {
      const { replicas } = context.fleet;
      const pairs = replicas.flatMap((one, index) => replicas.slice(index + 1).map((other) => [one, other] as const));
      const seen: Observation[] = [];
      for (const pair of pairs) seen.push(await lookAtPair(check, context, pair));
      return seen;
    },
  };
}

async function lookAtPair(
  check: Check,
  context: CheckContext,
  pair: CheckContext['fleet']['replicas'],
): Promise<Observation> {
  const observations = await check.look({ ...context, fleet: { ...context.fleet, replicas: pair } });
  const target = pair.map(({ name }) => name).join(' and ');
  const worst =
    observations.find(({ verdict }) => verdict === 'fail') ?? observations.find(({ verdict }) => verdict === 'unknown');
  const first = worst ?? observations.at(-1);
  if (first === undefined) throw new Error('it looked at nothing');
  const samples = observations.reduce((sum, observation) => sum + observation.samples, 0);
  return { ...first, target, samples };
}
