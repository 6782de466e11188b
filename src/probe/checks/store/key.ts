import type { Replica } from '../../../fleet/fleet.ts';
import type { Hazard } from '../../hazards.ts';
import { burn } from '../../oracle.ts';
import type { Check, CheckContext, Observation } from '../check.ts';
import { onReplicas, type Sight } from '../on-replicas.ts';
import { notBurned, signerOf } from '../replay-read.ts';
import { type Connection, elsewhere, readConnections } from './connections.ts';
import { type KeyForm, keyOf, wrongForms } from './key-forms.ts';
import { storeOf, unseen } from './on-nodes.ts';

/** A key may have lived this much longer than its answer shows, beside the time that the burn itself took. */
const SLACK_MS = 250;
const ABSENT = 'PTTL -2';

const key: Check = {
  id: 'store.nonce-key',
  group: 'store',
  critical: true,
  title: 'a nonce that a replica takes stands in the store, for as long as it must',
  why: 'a replica with another store, database, prefix or life of nonces shares none of its nonces, or forgets them early',
  remedy:
    'compare the store, database, prefix and TTL of this replica with those of the others; store.key says how a nonce is looked up',
  hazards: ['H10', 'H11', 'H1', 'H13', 'H20', 'H21', 'H22'],
  needs: ['single-use', 'store'],
  look: async (context) => {
    const found = await onReplicas(context, (replica) => lookUp(context, replica));
    const misplacing = ({ seen, hazards }: Observation) => seen.startsWith(ABSENT) && hazards?.[0] !== 'H21';
    return found.every(misplacing) ? found.map(misplaced) : found;
  },
};

/** Where no replica's nonce is found, it is more likely looked for in the wrong place than kept in a place of its own by each. */
function misplaced({ hazards: _hazards, ...observation }: Observation): Observation {
  const found = observation.seen === ABSENT ? '' : ` (${observation.reason})`;
  const reason = `the nonce of no replica is there: store.key, store.db or store.nodes is not what the signers use${found}`;
  return { ...observation, verdict: 'unknown', reason };
}

async function lookUp(context: CheckContext, replica: Replica): Promise<Sight> {
  const { fleet, clock } = context;
  const { nonceTtlMs } = fleet.replay;
  const expected = `PTTL of about ${nonceTtlMs}`;
  const began = clock.monotonic();
  const burnt = await burn(context, replica, signerOf(context));
  if (burnt.burned === undefined) return notBurned(burnt.outcome, 1);
  const { nonce } = burnt.burned;
  const client = fleet.probe.gate?.session ?? burnt.burned.client;
  const template = fleet.store?.key ?? '';
  const name = keyOf(template, client, nonce);
  const answer = await storeOf(context).askKey(name, 'PTTL', name);
  const spent = clock.monotonic() - began;
  if (answer.kind !== 'value') return unseen(expected, answer);
  const left = Number(answer.value);
  if (left === -2)
    return absent(context, replica, expected, await formOf(context, wrongForms(template, client, nonce)));
  return judgeLife(left, spent, nonceTtlMs);
}

/** Judges what is left of a nonce's life, so long after its burn began (H1, H13). Milliseconds. */
export function judgeLife(left: number, spent: number, nonceTtlMs: number): Sight {
  const base = { expected: `PTTL of about ${nonceTtlMs}`, seen: `PTTL ${left}`, samples: 2 };
  const fail = (hazards: readonly Hazard[], reason: string): Sight => ({ ...base, verdict: 'fail', hazards, reason });
  if (left === -1) return fail(['H13'], 'the nonce has no end of life: it fills the store for ever');
  if (Number.isNaN(left)) return { ...base, verdict: 'unknown', reason: 'PTTL was not answered with a number' };
  if (left > nonceTtlMs + SLACK_MS) return fail([], `it lives longer than replay.nonceTtl, ${nonceTtlMs} ms`);
  if (left >= nonceTtlMs - spent - SLACK_MS) return { ...base, verdict: 'pass' };
  return fail(['H1'], `it lives about ${Math.round(left + spent)} ms, replay.nonceTtl says ${nonceTtlMs} ms`);
}

/** The first of the forms that is in the store; `barred` when the login may not look for some of them. */
async function formOf(context: CheckContext, forms: readonly KeyForm[]): Promise<KeyForm | 'none' | 'barred'> {
  let barred = false;
  for (const form of forms) {
    const answer = await storeOf(context).askKey(form.key, 'EXISTS', form.key);
    if (answer.kind === 'value' && Number(answer.value) === 1) return form;
    barred ||= answer.kind !== 'value';
  }
  return barred ? 'barred' : 'none';
}

async function absent(
  context: CheckContext,
  replica: Replica,
  expected: string,
  form: KeyForm | 'none' | 'barred',
): Promise<Sight> {
  const base = { expected, seen: ABSENT, samples: 2, verdict: 'fail' } as const;
  if (typeof form === 'object') {
    // Not `PTTL -2`: it is there, under the wrong name.
    const reason = `its key is another one: ${form.name}`;
    return { ...base, seen: `PTTL -2, but ${form.key.slice(0, 24)}…`, hazards: [form.hazard], reason };
  }
  const why =
    'the nonce is not there: this replica keeps its nonces elsewhere, in another database, or under another key';
  const connections = await readConnections(context);
  const own = elsewhere(connections, replica.name, context.fleet.store?.db ?? 0);
  if (own !== undefined) {
    const reason = `the nonce is not there: the connection ${own.name} (${own.addr}) uses database ${own.db}`;
    return { ...base, hazards: ['H10'], reason };
  }
  const named = connections.some(({ name }: Connection) => name.includes(replica.name));
  const unlooked = form === 'barred' ? '; other forms of the key could not all be looked for, the login may not' : '';
  return { ...base, hazards: named ? ['H10', 'H20'] : ['H10', 'H11', 'H20', 'H21'], reason: `${why}${unlooked}` };
}

/** Of the nonces themselves. */
export const KEY_CHECKS: readonly Check[] = [key];
