import type { CheckContext } from '../check.ts';
import { countsIn, readInfo, storeOf } from './on-nodes.ts';

/** How often each command was called, over all nodes of the store; `undefined` when one of them does not say it. */
export function commandCounts(context: CheckContext): Promise<ReadonlyMap<string, number> | undefined> {
  return counted(context, 'commandstats', 'cmdstat_');
}

/** How often each error was answered, over all nodes of the store; `undefined` when one of them does not say it. */
export function errorCounts(context: CheckContext): Promise<ReadonlyMap<string, number> | undefined> {
  return counted(context, 'errorstats', 'errorstat_');
}

async function counted(
  context: CheckContext,
  section: string,
  prefix: 'cmdstat_' | 'errorstat_',
): Promise<ReadonlyMap<string, number> | undefined> {
  const store = storeOf(context);
  const nodes = await store.nodes();
  if ('reason' in nodes) return undefined;
  const sum = new Map<string, number>();
  for (const node of nodes) {
    const read = await readInfo(store, node, [section]);
    if (!(read instanceof Map)) return undefined;
    for (const [name, count] of countsIn(read, prefix)) sum.set(name, (sum.get(name) ?? 0) + count);
  }
  return sum;
}

/** By how much each count rose. */
export function risen(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return new Map([...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)]));
}
