import { compose, type Verdict } from '../errors/verdict.ts';
import type { Endpoint, Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import type { Cell } from '../probe/finding.ts';
import type { Identity } from '../probe/ports.ts';
import { awaitAccepted } from '../probe/readiness.ts';
import {
  type Expected,
  type Tools as ProbeTools,
  type RoundClient,
  type RoundOptions,
  round,
  type Target,
} from '../probe/round.ts';
import type { Pairs } from './pair.ts';
import { wireId } from './second-id.ts';
import type { Proven } from './world.ts';

const PAUSE_MS = 100;
/** How long a replica that refuses valid requests is given to come round: a reload in progress, no more. */
const LOCK_OUT_MS = 1500;

/** What is expected of the two generations on a replica. */
export type Expectations = Readonly<Partial<Record<RotatingGeneration, Expected['expect']>>>;

/** What rounds of probes need. */
export interface RoundParts {
  readonly tools: ProbeTools;
  readonly readiness: Fleet['readiness'];
  readonly pairs: Pairs;
  /** The generations that valid requests are signed with just now: their refusal is a lock-out, and not waited out. */
  readonly valid?: readonly RotatingGeneration[];
  /** Where certificates rotate: what is presented for each generation. */
  readonly identities?: Identities | undefined;
}

/** Our own certificates by generation. */
export type Identities = Readonly<Record<RotatingGeneration, Identity>>;

/** Gives an endpoint the name under which it is reported. */
export function named(name: string, endpoint: Endpoint): Target {
  const { url, serverName, address } = endpoint;
  return { name, url, serverName, ...(address === undefined ? {} : { address }) };
}

/**
 * Takes rounds on each target until all cells are as expected or the readiness deadline is over: a configuration that is
 * being loaded becomes true a little later, and one that never does is reported as it was seen last.
 */
export async function proveRounds(
  parts: RoundParts,
  targets: readonly Target[],
  expectations: Expectations,
  options: RoundOptions = {},
): Promise<Proven> {
  const cells: Cell[] = [];
  for (const target of targets) cells.push(...(await settledRound(parts, target, expectations, options)));
  const bad = cells.filter((cell) => cell.verdict !== 'pass');
  return {
    verdict: compose(cells.map((cell) => cell.verdict)),
    reason: bad.slice(0, 3).map(say).join('; '),
    cells,
    findings: [],
    owed: [],
  };
}

async function settledRound(
  parts: RoundParts,
  target: Target,
  expectations: Expectations,
  options: RoundOptions,
): Promise<readonly Cell[]> {
  const { clock } = parts.tools;
  const started = clock.monotonic();
  const urgentMs = Math.min(LOCK_OUT_MS, parts.readiness.deadlineMs);
  for (;;) {
    const cells = await round(parts.tools, target, expected(parts, expectations), options);
    const passed = clock.monotonic() - started;
    if (cells.every((cell) => cell.verdict === 'pass') || passed >= parts.readiness.deadlineMs) return cells;
    if (passed >= urgentMs && cells.some((cell) => isLockOut(cell, parts.valid ?? []))) return cells;
    await clock.sleep(PAUSE_MS);
  }
}

/** A replica that surely refuses what valid requests are signed with. */
function isLockOut(cell: Cell, valid: readonly RotatingGeneration[]): boolean {
  return (
    cell.verdict === 'fail' &&
    cell.expected === 'ACCEPTED' &&
    valid.some((generation) => generation === cell.generation)
  );
}

function expected({ pairs, identities }: RoundParts, expectations: Expectations): RoundClient[] {
  return [...pairs].map(([id, pair]) => ({
    id,
    secrets: (['current', 'next'] as const).flatMap((generation): Expected[] => {
      const expect = expectations[generation];
      if (expect === undefined) return [];
      const { ids } = pair;
      const shown = identities === undefined ? {} : { certificate: identities[generation] };
      const one = { generation, secret: pair[generation], expect, ...shown };
      if (ids === undefined) return [one];
      if (expect === 'ACCEPTED') return [{ ...one, id: ids[generation] }];
      // Its own id has gone, and under the one that is left it opens nothing: client ids are not signed.
      const left = generation === 'current' ? ids.next : ids.current;
      return [
        { ...one, expect: 'AUTH_INVALID_CLIENT', id: ids[generation] },
        { ...one, id: left },
      ];
    }),
  }));
}

function say(cell: Cell): string {
  const why = cell.reason === undefined ? '' : ` (${cell.reason})`;
  const who = cell.id === undefined ? cell.client : `${cell.client} as ${cell.id}`;
  return `${cell.replica}: ${cell.generation} of ${who} expected ${cell.expected}, seen ${cell.seen}${why}`;
}

/** Waits until a replica accepts signed probes of every client in a row. A health page is not asked. */
export async function proveReady(parts: RoundParts, target: Target): Promise<Proven> {
  const { deadlineMs, consecutive } = parts.readiness;
  for (const [client, pair] of parts.pairs) {
    const ready = await awaitAccepted(
      parts.tools,
      target,
      (['current', 'next'] as const).map((generation) => ({
        client: wireId(client, pair, generation),
        secret: pair[generation],
        ...(parts.identities === undefined ? {} : { certificate: parts.identities[generation] }),
      })),
      { deadlineMs, consecutive },
    );
    if (ready.ready) continue;
    const last = ready.last?.reason ?? 'no answer';
    const verdict: Verdict = ready.lockedOut ? 'fail' : 'unknown';
    const waited = ready.lockedOut ? '' : ` within ${deadlineMs} ms`;
    const reason = `${target.name} accepted no signed probe of ${client}${waited}; last: ${last}`;
    const finding = {
      id: 'ready',
      verdict,
      critical: true,
      target: target.name,
      expected: `ACCEPTED ${consecutive} times in a row`,
      seen: last,
      reason,
      samples: ready.tries,
      ms: ready.ms,
    };
    return { verdict, reason, cells: [], findings: [finding], owed: [] };
  }
  return { verdict: 'pass', reason: '', cells: [], findings: [], owed: [] };
}
