import type { StoreDeclared } from '../../../fleet/store.ts';
import type { Check } from '../check.ts';
import type { Sight } from '../on-replicas.ts';
import {
  type Fields,
  isBarred,
  type Judged,
  missing,
  notChecked,
  numberIn,
  onInfo,
  onNodes,
  readInfo,
  storeOf,
  unseen,
} from './on-nodes.ts';

/** Judges whether nonces outlive a restart (H5), also of a primary whose replicas would copy its empty data (H7). */
export function judgeKept(fields: Fields, declared: StoreDeclared): Judged {
  const aof = fields.get('aof_enabled');
  if (aof === undefined) return missing('persistence');
  if (aof === '1') return { verdict: 'pass', seen: 'aof_enabled 1' };
  const seen = `aof_enabled ${aof}`;
  if (declared.afterLoss === 'held')
    return { verdict: 'pass', seen: `${seen}; declared: after a loss it is kept from the signers for one nonceTtl` };
  const replicas = numberIn(fields, 'connected_slaves') ?? 0;
  if (fields.get('role') === 'master' && replicas > 0)
    return {
      verdict: 'fail',
      seen,
      hazards: ['H5', 'H7'],
      reason: `nonces are lost when this primary restarts, and its ${replicas} replicas copy the empty data`,
    };
  return {
    verdict: 'fail',
    seen,
    hazards: ['H5'],
    reason: 'nonces are lost when this store restarts: a snapshot (RDB) has those of its moment only',
  };
}

const kept: Check = {
  id: 'store.kept',
  group: 'store',
  critical: false,
  title: 'nonces outlive a restart of the store',
  why: 'a store that begins empty accepts every captured request of the window once more',
  remedy:
    'set appendonly yes; or keep the store from the signers for one nonceTtl whenever it loses its data, and declare it: store.declared.afterLoss: held',
  hazards: ['H5', 'H7'],
  needs: ['store'],
  look: (context) => {
    const declared = context.fleet.store?.declared ?? {};
    const said = declared.appendonly === true ? 'appendonly yes' : undefined;
    return onInfo(
      context,
      ['persistence', 'replication'],
      'aof_enabled 1',
      (fields) => judgeKept(fields, declared),
      said,
    );
  },
};

const FSYNC = 'appendfsync always';

/** Judges how late an append-only file is written to the disk (H6). */
export function judgeFsync(mode: string, from: '' | 'declared: '): Sight {
  const base = { expected: FSYNC, seen: `${from}appendfsync ${mode}`, samples: 1 };
  if (mode === 'always') return { ...base, verdict: 'pass' };
  if (mode === 'everysec') {
    const reason = 'a crash of its host, not of Redis alone, loses the nonces of up to one second';
    return { ...base, verdict: 'unknown', critical: false, hazards: ['H6'], reason };
  }
  return { ...base, verdict: 'fail', reason: 'a crash of its host loses the nonces of up to half a minute' };
}

const fsync: Check = {
  id: 'store.fsync',
  group: 'store',
  critical: false,
  title: 'nonces are on the disk before they are confirmed',
  why: 'what is written to the disk later than it is confirmed is lost with the host, and its requests are good again',
  remedy: 'set appendfsync always; a login that may not read it leaves it to store.declared.appendfsync',
  hazards: ['H6'],
  needs: ['store'],
  look: (context) =>
    onNodes(context, async (node) => {
      const store = storeOf(context);
      const info = await readInfo(store, node, ['persistence']);
      if (info instanceof Map && info.get('aof_enabled') === '0') {
        const reason = 'it keeps no append-only file: store.kept';
        return { verdict: 'not-applicable', expected: FSYNC, seen: 'aof_enabled 0', reason, samples: 1 };
      }
      const declared = context.fleet.store?.declared.appendfsync;
      if (declared !== undefined) return judgeFsync(declared, 'declared: ');
      // This one name and no pattern: others of the configuration are passwords.
      const answer = await store.ask(node, 'CONFIG', 'GET', 'appendfsync');
      if (answer.kind !== 'value') {
        if (!isBarred(answer)) return unseen(FSYNC, answer);
        return notChecked(
          FSYNC,
          'only CONFIG GET shows it, which this login may not: declare store.declared.appendfsync',
        );
      }
      const mode = Array.isArray(answer.value) ? String(answer.value[1]) : '';
      return judgeFsync(mode, '');
    }),
};

/** Of what is left of nonces after a restart and a crash. */
export const KEPT_CHECKS: readonly Check[] = [kept, fsync];
