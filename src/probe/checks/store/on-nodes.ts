import { infoFields, type StoreAnswer, type StoreView } from '../../store-view.ts';
import type { CheckContext, Observation } from '../check.ts';
import { observe, type Sight } from '../on-replicas.ts';

/** What is seen of what the login may not see. */
export const NOT_CHECKED = 'not checked';

/** Fields of answers to `INFO`. */
export type Fields = ReadonlyMap<string, string>;

/** What fields come to; what was expected, and how often it was asked, is the same for all. */
export type Judged = Omit<Sight, 'expected' | 'samples'>;

/** The store of a check's context, which `runChecks` has seen to be there. */
export function storeOf({ store }: CheckContext): StoreView {
  if (store === undefined) throw new Error('there is no store');
  return store;
}

/** Looks at each node of the store; without any, one observation says why. */
export async function onNodes(context: CheckContext, look: (node: string) => Promise<Sight>): Promise<Observation[]> {
  const nodes = await storeOf(context).nodes();
  if ('reason' in nodes) {
    return [await observe(context, 'store', async () => unseen('a primary', { kind: 'fault', reason: nodes.reason }))];
  }
  return Promise.all(nodes.map((node) => observe(context, node, () => look(node))));
}

/** Whether the store said that the login may not see it. */
export function isBarred(answer: StoreAnswer): boolean {
  return answer.kind === 'error' && (answer.code === 'NOPERM' || answer.code === 'ERR');
}

/** What could not be looked at. What the login may not see is no doubt about the store, and shows as not checked. */
export function unseen(expected: string, answer: Exclude<StoreAnswer, { kind: 'value' }>): Sight {
  if (isBarred(answer)) return notChecked(expected, `not checked, the login may not see it: ${answer.reason}`);
  return {
    verdict: 'unknown',
    expected,
    seen: answer.kind === 'error' ? answer.code : 'nothing',
    reason: answer.reason,
    samples: 1,
  };
}

/** What nobody could look at. */
export function notChecked(expected: string, reason: string): Sight {
  return { verdict: 'unknown', critical: false, expected, seen: NOT_CHECKED, reason, samples: 1 };
}

/**
 * Reads sections of `INFO` of a node, and judges them.
 *
 * @param declared what `rotctl.yaml` says of what the login may not see; it stands in for it, and shows as declared
 */
export async function onInfo(
  context: CheckContext,
  sections: readonly string[],
  expected: string,
  judge: (fields: Fields) => Judged,
  declared?: string,
): Promise<Observation[]> {
  return onNodes(context, async (node) => {
    const read = await readInfo(storeOf(context), node, sections);
    if (!(read instanceof Map)) {
      if (declared !== undefined && isBarred(read))
        return { verdict: 'pass', expected, seen: `declared: ${declared}`, samples: 0 };
      return unseen(expected, read);
    }
    return { expected, samples: sections.length, ...judge(read) };
  });
}

/** The fields of some sections of one node's `INFO`, or the answer that came instead of one of them. */
export async function readInfo(
  store: StoreView,
  node: string,
  sections: readonly string[],
): Promise<Map<string, string> | Exclude<StoreAnswer, { kind: 'value' }>> {
  const all = new Map<string, string>();
  for (const section of sections) {
    const answer = await store.ask(node, 'INFO', section);
    if (answer.kind !== 'value') return answer;
    for (const [name, value] of infoFields(String(answer.value))) all.set(name, value);
  }
  return all;
}

/** A number of a field; `undefined` when it is not there, or none. */
export function numberIn(fields: Fields, name: string): number | undefined {
  const text = fields.get(name);
  const value = Number(text);
  return text === undefined || text === '' || Number.isNaN(value) ? undefined : value;
}

/** How often each command was called since the node began: `cmdstat_set:calls=12,usec=…`; errors likewise. */
export function countsIn(fields: Fields, prefix: 'cmdstat_' | 'errorstat_'): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [name, value] of fields) {
    const count = /(?:calls|count)=(\d+)/.exec(value)?.[1];
    if (name.startsWith(prefix) && count !== undefined) counts.set(name.slice(prefix.length), Number(count));
  }
  return counts;
}

/** A field that `INFO` of this server does not have. */
export function missing(section: string): Judged {
  return { verdict: 'unknown', seen: 'nothing', reason: `INFO ${section} does not say it` };
}
