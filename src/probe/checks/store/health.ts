import type { Hazard } from '../../hazards.ts';
import { burn } from '../../oracle.ts';
import type { Check } from '../check.ts';
import { observe, type Sight } from '../on-replicas.ts';
import { signerOf } from '../replay-read.ts';
import { errorCounts, risen } from './counts.ts';
import { countsIn, type Fields, type Judged, numberIn, onInfo } from './on-nodes.ts';

/** Judges whether a store can write at all: one that cannot answers PING all the same (H23). */
export function judgeHealth(fields: Fields): Judged {
  const names = ['loading', 'rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status'];
  const said = names.flatMap((name) => (fields.has(name) ? [`${name} ${fields.get(name)}`] : []));
  const seen = said.join(', ') || 'nothing';
  if (fields.get('loading') === '1')
    return {
      verdict: 'unknown',
      seen,
      hazards: ['H5'],
      reason: 'it is reading its data, and refuses everything until then',
    };
  const broken = names.slice(1).filter((name) => fields.get(name) === 'err');
  if (broken.length === 0) return { verdict: 'pass', seen };
  return {
    verdict: 'fail',
    seen,
    reason: `it cannot write to its disk, and refuses writes for it: ${broken.join(', ')}`,
  };
}

const health: Check = {
  id: 'store.health',
  group: 'store',
  critical: false,
  title: 'the store can write, which a PING does not show',
  why: 'a store that cannot save refuses every nonce (MISCONF) while its health check is content',
  remedy: 'make room on its disk, and let the health check of the store write a key',
  hazards: ['H23', 'H5'],
  needs: ['store'],
  look: (context) => onInfo(context, ['persistence'], 'no write that failed', judgeHealth),
};

/** What an error of the store is when it rises while nonces are burned. */
const ERRORS: Readonly<Record<string, readonly Hazard[]>> = {
  OOM: ['H3'],
  READONLY: ['H14'],
  MISCONF: ['H23'],
  NOREPLICAS: ['H4'],
  CLUSTERDOWN: ['H15', 'H16'],
  MASTERDOWN: ['H4'],
  LOADING: ['H5'],
  BUSY: ['H23'],
};

/** Judges the errors that rose while nonces were burned, so many at each of the replicas. */
export function judgeErrors(rose: ReadonlyMap<string, number>, burns: number): Sight {
  const found = Object.keys(ERRORS).filter((code) => (rose.get(code) ?? 0) > 0);
  const moved = (rose.get('MOVED') ?? 0) + (rose.get('ASK') ?? 0);
  const seen = [...rose].flatMap(([code, count]) => (count > 0 ? [`${code} ${count}`] : [])).join(', ') || 'none';
  const base = { expected: 'no error of the store', seen, samples: burns };
  if (found.length > 0) {
    const hazards = [...new Set(found.flatMap((code) => ERRORS[code] ?? []))];
    return {
      ...base,
      verdict: 'fail',
      hazards,
      reason: `the store answered ${found.join(', ')} while nonces were burned`,
    };
  }
  if (moved >= burns) {
    const reason = 'as many redirects as nonces: a client that knows no cluster talks to one';
    return { ...base, verdict: 'unknown', critical: false, hazards: ['H16'], reason };
  }
  return { ...base, verdict: 'pass' };
}

const errors: Check = {
  id: 'store.errors',
  group: 'store',
  critical: false,
  title: 'the store answers nonces without errors',
  why: 'what the store refuses, a signer must refuse, or it accepts what it cannot remember',
  remedy:
    'read the error: OOM wants room, READONLY the primary, MISCONF a disk, CLUSTERDOWN and MOVED a client for clusters',
  hazards: ['H3', 'H14', 'H15', 'H16', 'H23', 'H4', 'H5'],
  needs: ['single-use', 'store'],
  look: async (context) => [
    await observe(context, 'store', async () => {
      const before = await errorCounts(context);
      let burns = 0;
      for (const replica of context.fleet.replicas) {
        await burn(context, replica, signerOf(context), { faults: 0 });
        burns += 1;
      }
      const after = await errorCounts(context);
      if (before === undefined || after === undefined) {
        const reason = 'not checked: INFO errorstats was not answered by every node';
        return {
          verdict: 'unknown',
          critical: false,
          expected: 'no error of the store',
          seen: 'not checked',
          reason,
          samples: burns,
        };
      }
      return judgeErrors(risen(before, after), burns);
    }),
  ],
};

const FLUSHES = ['flushall', 'flushdb', 'swapdb'] as const;

/** Judges whether a store was emptied since it began (H19). */
export function judgeFlushes(fields: Fields): Judged {
  const counts = countsIn(fields, 'cmdstat_');
  if (counts.size === 0) return { verdict: 'unknown', seen: 'nothing', reason: 'INFO commandstats does not say it' };
  const called = FLUSHES.filter((name) => (counts.get(name) ?? 0) > 0);
  if (called.length === 0) return { verdict: 'pass', seen: 'none' };
  const seen = called.map((name) => `${name} ${counts.get(name)}`).join(', ');
  const up = numberIn(fields, 'uptime_in_seconds');
  const reason = `called since it began${up === undefined ? '' : `, ${up} s ago`}: the nonces of that moment are forgotten`;
  return { verdict: 'unknown', seen, hazards: ['H19'], reason };
}

const flushed: Check = {
  id: 'store.flushed',
  group: 'store',
  critical: false,
  title: 'nobody has emptied the store since it began',
  why: 'after FLUSHALL, FLUSHDB or SWAPDB every captured request of the window is good once more',
  remedy: 'take these commands from every login of the store (ACL), and find who called them',
  hazards: ['H19'],
  needs: ['store'],
  look: (context) => onInfo(context, ['server', 'commandstats'], 'no FLUSHALL, FLUSHDB, SWAPDB', judgeFlushes),
};

/** Of what goes wrong in a store that answers. */
export const HEALTH_CHECKS: readonly Check[] = [health, flushed, errors];
