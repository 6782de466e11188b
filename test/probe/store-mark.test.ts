import { describe, expect, it } from 'vitest';
import { type NodeMark, type StoreMark, storeEvents } from '../../src/probe/hold/store-mark.ts';

const NODE: NodeMark = {
  ...{ runId: 'a', replId: 'r', role: 'master', upSeconds: 100, aof: false, flushes: 1, evicted: 0 },
  ...{ offsetMs: 0, epoch: undefined, slots: undefined },
};
const mark = (change: Partial<NodeMark> = {}, name = 'redis:6379'): StoreMark =>
  new Map([[name, { ...NODE, ...change }]]);

describe('what happened to a store between two looks', () => {
  it.each([
    ['nothing', mark(), mark({ upSeconds: 105 }), []],
    ['a restart without its data', mark(), mark({ runId: 'b', replId: 's', flushes: 0, upSeconds: 1 }), ['H5']],
    ['a restart and a flush', mark(), mark({ runId: 'b', replId: 's', flushes: 1, upSeconds: 1 }), ['H5', 'H19']],
    ['a flush', mark(), mark({ flushes: 2 }), ['H19']],
    ['a fail-over to another node', mark(), mark({ runId: 'b' }, 'redis-2:6379'), ['H4']],
    ['a primary that became a replica', mark(), mark({ role: 'slave' }), ['H4']],
    ['a new history of the same process', mark(), mark({ replId: 's' }), ['H4']],
    ['evicted keys', mark(), mark({ evicted: 7 }), ['H2']],
    ['a clock that stepped', mark(), mark({ offsetMs: 130_000 }), ['H8']],
    ['a clock that was asked slowly', mark(), mark({ offsetMs: 400 }), []],
    ['a slot that moved', mark({ epoch: 4 }), mark({ epoch: 5 }), ['H15']],
    ['slots that went to another node', mark({ slots: '0-9@a:1,b:1 10-19@c:1' }), mark({ slots: '0-19@c:1' }), ['H15']],
    [
      'a primary without slots',
      mark({ slots: '0-9@a:1' }),
      mark({ slots: '0-9@c:1', role: 'slave', epoch: 9 }),
      ['H15'],
    ],
    ['a fail-over in a cluster', mark({ slots: '0-9@a:1,b:1' }), mark({ slots: '0-9@b:1', role: 'slave' }), ['H4']],
    ['an outage', mark(), { reason: 'ECONNREFUSED' }, [undefined]],
    ['its end', { reason: 'ECONNREFUSED' }, mark(), [undefined]],
    ['an outage that lasts', { reason: 'ECONNREFUSED' }, { reason: 'timeout' }, []],
  ] as const)('%s', (_what, before, after, hazards) => {
    expect(storeEvents(before, after).map(({ hazard }) => hazard)).toEqual(hazards);
  });

  it('what a login may not see is no event', () => {
    const blind = mark({
      runId: undefined,
      flushes: undefined,
      evicted: undefined,
      replId: undefined,
      role: undefined,
    });
    expect(storeEvents(blind, mark({ runId: 'z', flushes: 9 }))).toEqual([]);
  });
});
