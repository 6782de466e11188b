import type { Check } from '../check.ts';
import { onNodes, storeOf, unseen } from './on-nodes.ts';

const storeClock: Check = {
  id: 'store.clock',
  group: 'store',
  critical: true,
  title: 'the clock of the store is right',
  why: 'keys expire by the clock of the store; one that steps ahead forgets nonces too early',
  remedy: 'synchronise the clock of the host that the store runs on',
  hazards: ['H8'],
  needs: ['store'],
  look: async (context) => {
    const { clockErrorMs } = context.fleet.replay;
    const expected = `within ${clockErrorMs} ms of ours`;
    return onNodes(context, async (node) => {
      const before = context.clock.now();
      const answer = await storeOf(context).ask(node, 'TIME');
      const after = context.clock.now();
      if (answer.kind !== 'value') return unseen(expected, answer);
      const [seconds, micros] = Array.isArray(answer.value) ? answer.value.map(Number) : [];
      if (seconds === undefined || micros === undefined || Number.isNaN(seconds + micros)) {
        const reason = 'TIME was not answered with a time';
        return { verdict: 'unknown', expected, seen: 'nothing', reason, samples: 1 };
      }
      const offset = Math.round(seconds * 1000 + micros / 1000 - (before + after) / 2);
      const error = Math.ceil((after - before) / 2);
      const seen = `${offset > 0 ? '+' : ''}${offset} ms, within ${error} ms`;
      if (Math.abs(offset) <= clockErrorMs + error) return { verdict: 'pass', expected, seen, samples: 1 };
      return { verdict: 'fail', expected, seen, reason: `its clock is ${offset} ms from ours`, samples: 1 };
    });
  },
};

/** Of the clock by which nonces end. */
export const CLOCK_CHECKS: readonly Check[] = [storeClock];
