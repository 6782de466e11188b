import type { Fleet } from '../fleet/fleet.ts';
import type { Check, CheckContext, Observation } from '../probe/checks/check.ts';
import { checksOf } from '../probe/checks/list.ts';
import { capping } from '../probe/checks/store/capping.ts';
import type { Cell } from '../probe/finding.ts';
import { paletteFor } from './colour.ts';
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

/** What bears on single use: clocks and windows, the store itself, and what replicas do with a nonce. */
function replayChecks(fleet: Pick<Fleet, 'protocol'>): Check[] {
  return checksOf(fleet, 'clock', 'store', 'replay');
}

/** Says what `verify-replay` would try; sends nothing. */
export function rehearseReplay(platform: Platform, flags: GlobalFlags): Promise<CommandEnd> {
  return rehearseLook(platform, flags, 'verify-replay', replayChecks);
}

/** Proves single use on every replica, across them and over time. Exit 1 when it fails, 12 when it cannot be told. */
export async function verifyReplay(
  platform: Platform,
  flags: GlobalFlags,
  { pairwise }: ReplayRequest,
): Promise<CommandEnd> {
  const look = await openLook(platform, flags);
  try {
    const checks = replayChecks(look.fleet)
      .map(capping)
      .map((check) => (pairwise && check.id === CROSS_REPLICA ? pairByPair(check) : check));
    const cells: Cell[] = [];
    const context = { ...look.context, onCell: (cell: Cell) => cells.push(cell) };
    const end = await lookAtAll(platform, flags, 'verify-replay', { ...look, context }, checks);
    return withMatrix(platform, flags, end, cells);
  } finally {
    await look.close();
  }
}

/** The burned-nonce matrix beside the checks: which replica accepts whose secret, and knows what was burned elsewhere. */
async function withMatrix(
  platform: Platform,
  flags: GlobalFlags,
  end: CommandEnd,
  cells: readonly Cell[],
): Promise<CommandEnd> {
  if (cells.length === 0 || typeof end.result !== 'object') return end;
  const result = { ...end.result, matrix: cells };
  if (flags.json || flags.quiet) return { ...end, result };
  const { renderMatrix } = await import('../report/matrix.ts');
  const palette = await paletteFor(platform, flags, platform.stdout);
  return { ...end, result, text: renderMatrix(cells, { palette, width: platform.stdout.columns }) };
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
