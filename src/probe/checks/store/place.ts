import type { StoreSource } from '../../../fleet/store.ts';
import { infoFields } from '../../store-view.ts';
import type { Check } from '../check.ts';
import type { Sight } from '../on-replicas.ts';
import { type Fields, onNodes, readInfo, storeOf, unseen } from './on-nodes.ts';
import { rememberMark } from './steady.ts';

/** Judges whether a node is of the declared form (H16), and takes writes as the primary that it must be (H14). */
export function judgePlace(fields: Fields, form: StoreSource['form'] | undefined): Sight {
  const mode = form === 'cluster' ? 'cluster' : 'standalone';
  const [seenMode = 'unknown', role = 'unknown'] = [fields.get('redis_mode'), fields.get('role')];
  const seen = `redis_mode ${seenMode}, role ${role}`;
  const base = { expected: `redis_mode ${mode}, role master`, seen, samples: 2 };
  if (seenMode !== mode) {
    const reason = `this is a ${seenMode} Redis, rotctl.yaml says ${form}`;
    return { ...base, verdict: 'fail', hazards: ['H16'], reason };
  }
  if (role === 'master') return { ...base, verdict: 'pass' };
  const writable = fields.get('slave_read_only') === '0';
  if (writable) {
    const reason = 'this is a replica that takes writes: its primary never sees them; nonces belong on the primary';
    return { ...base, seen: `${seen}, slave_read_only 0`, verdict: 'fail', hazards: ['H14'], reason };
  }
  if (form === 'cluster')
    return { ...base, verdict: 'not-applicable', reason: 'a replica of the cluster, which takes no writes' };
  const reason = 'this is a replica; nonces belong on its primary';
  return { ...base, verdict: 'fail', hazards: ['H14'], reason };
}

const primary: Check = {
  id: 'store.primary',
  group: 'store',
  critical: true,
  title: 'the replay store is what rotctl.yaml says, and takes writes',
  why: 'a store in another form, or a replica of one that takes writes, holds nonces that the others never see',
  remedy: 'compare store.form and store.nodes with what the signers are configured with; send signers to the primary',
  hazards: ['H14', 'H16'],
  needs: ['store'],
  look: (context) => {
    const form = context.fleet.store?.form;
    rememberMark(context);
    return onNodes(context, async (node) => {
      const read = await readInfo(storeOf(context), node, ['server', 'replication']);
      return read instanceof Map ? judgePlace(read, form) : unseen(judgePlace(new Map(), form).expected, read);
    });
  },
};

const SLOTS = '16384';
const WHOLE = `cluster_state ok, ${SLOTS} slots served`;

/** Judges whether a node of a cluster knows who serves each slot (H15). */
export function judgeCluster(fields: Fields): Sight {
  const [state, served, epoch] = ['cluster_state', 'cluster_slots_ok', 'cluster_current_epoch'].map((name) =>
    fields.get(name),
  );
  const base = { expected: WHOLE, seen: `cluster_state ${state}, ${served} slots served, epoch ${epoch}`, samples: 1 };
  if (state === undefined || served === undefined)
    return { ...base, verdict: 'unknown', reason: 'CLUSTER INFO does not say it' };
  if (state === 'ok' && served === SLOTS) return { ...base, verdict: 'pass' };
  return {
    ...base,
    verdict: 'fail',
    reason: 'nonces of the slots that are not served are refused, or lost with their node',
  };
}

const cluster: Check = {
  id: 'store.cluster',
  group: 'store',
  critical: false,
  title: 'every slot of the cluster is served',
  why: 'a slot that is not served refuses its nonces, and one that was claimed without its keys has forgotten them',
  remedy: 'bring the nodes back, and move slots only with their keys (redis-cli --cluster reshard)',
  hazards: ['H15', 'H16'],
  needs: ['store'],
  look: async (context) => {
    if (context.fleet.store?.form !== 'cluster') {
      const reason = 'the store is no cluster';
      return [
        { target: 'store', verdict: 'not-applicable', expected: WHOLE, seen: 'not asked', reason, samples: 0, ms: 0 },
      ];
    }
    return onNodes(context, async (node) => {
      const answer = await storeOf(context).ask(node, 'CLUSTER', 'INFO');
      return answer.kind === 'value' ? judgeCluster(infoFields(String(answer.value))) : unseen(WHOLE, answer);
    });
  },
};

/** Of what the store is, and where. */
export const PLACE_CHECKS: readonly Check[] = [primary, cluster];
