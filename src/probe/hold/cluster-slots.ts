const TOTAL = 16_384;
/** So many runs of slots are told one by one. */
const TOLD = 3;

/** The first of a run of slots, its last, and their nodes: the primary first, then its replicas. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly nodes: readonly string[];
}

/**
 * The answer to `CLUSTER SLOTS` as one text that two looks can be compared by: `0-5460@10.0.0.1:6379,10.0.0.4:6379 …`, by
 * slot, the primary of each run first. `undefined` for an answer of another shape.
 */
export function slotsText(answer: unknown): string | undefined {
  if (!Array.isArray(answer)) return undefined;
  const runs = answer.map((run: unknown) => {
    const [from, to, ...nodes] = Array.isArray(run) ? run : [];
    return { from: Number(from), to: Number(to), nodes: nodes.map(nodeName) };
  });
  return runs
    .toSorted((one, other) => one.from - other.from)
    .map(({ from, to, nodes }) => `${from}-${to}@${nodes.join(',')}`)
    .join(' ');
}

function nodeName(node: unknown): string {
  const [host, port] = Array.isArray(node) ? node : [];
  return `${host}:${port}`;
}

/**
 * Which slots have another primary that was no replica of the earlier one, so that it did not have their keys from it:
 * `0-5460 from 10.0.0.1:6379 to 10.0.0.2:6379`. `undefined` when there are none, and when either look did not tell.
 */
export function slotsMoved(then: string | undefined, now: string | undefined): string | undefined {
  if (then === undefined || now === undefined || then === now) return undefined;
  const [before, after] = [ownersIn(then), ownersIn(now)];
  const moved: { from: number; to: number; way: string }[] = [];
  for (let slot = 0; slot < TOTAL; slot += 1) {
    const [old, ...replicas] = before[slot] ?? [];
    const [owner] = after[slot] ?? [];
    if (owner === undefined || owner === old || replicas.includes(owner)) continue;
    const way = `from ${old ?? 'nobody'} to ${owner}`;
    const last = moved.at(-1);
    if (last?.to === slot - 1 && last.way === way) last.to = slot;
    else moved.push({ from: slot, to: slot, way });
  }
  if (moved.length === 0) return undefined;
  const told = moved.slice(0, TOLD).map(({ from, to, way }) => `${from === to ? from : `${from}-${to}`} ${way}`);
  return [...told, ...(moved.length > TOLD ? [`and ${moved.length - TOLD} more`] : [])].join(', ');
}

function ownersIn(text: string): readonly (readonly string[] | undefined)[] {
  const owners: (readonly string[] | undefined)[] = Array.from({ length: TOTAL });
  for (const { from, to, nodes } of text.split(' ').flatMap(runIn)) owners.fill(nodes, from, to + 1);
  return owners;
}

function runIn(text: string): Run[] {
  const [, from, to, nodes = ''] = /^(\d+)-(\d+)@(.*)$/.exec(text) ?? [];
  return from === undefined ? [] : [{ from: Number(from), to: Number(to), nodes: nodes.split(',') }];
}
