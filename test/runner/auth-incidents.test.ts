import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/probe/finding.ts';
import { AuthIncidents } from '../../src/runner/auth-incidents.ts';
import type { Progress } from '../../src/runner/progress.ts';
import type { TrafficReport } from '../../src/runner/world.ts';

const none = () => undefined;
const SILENT: Progress = {
  ...{ phase: none, task: none, taskDone: none, wait: none, findings: none },
  ...{ cells: none, part: none, note: none, incident: none },
};
const found = (change: Partial<Finding>): Finding => ({
  ...{ id: 'replay.namespace', verdict: 'fail', critical: true, target: 'signer-b', expected: 'REPLAY_NONCE_USED' },
  ...{ seen: 'ACCEPTED', reason: 'it was accepted again', samples: 1, ms: 1 },
  ...change,
});
const CALM: TrafficReport = { verdict: 'pass', reason: '', sent: 9, accepted: 9, refused: 0, faults: 0, routes: {} };

async function met(findings: readonly Finding[], report: TrafficReport = CALM) {
  const incidents = new AuthIncidents(() => 0);
  incidents.hear(SILENT).findings(findings);
  const traffic = { sign: async () => {}, alarm: none, stop: async () => {}, report: async () => report };
  await incidents.watch(traffic).report();
  const entries: unknown[] = [];
  const note = async (_kind: string, data: unknown) => {
    entries.push(data);
    return {} as never;
  };
  await incidents.record(SILENT, { note });
  return entries;
}

describe('what a rotation meets becomes an incident', () => {
  const began = '1970-01-01T00:00:00.000Z';

  it.each([
    ['a nonce that is accepted again', [found({})], CALM, [{ severity: 'auth', of: 'replay', began }]],
    ['the same on two replicas, once', [found({}), found({ target: 'signer-c' })], CALM, [{ of: 'replay' }]],
    ['a store that cannot be asked', [found({ verdict: 'unknown', seen: 'STORE_FAILED' })], CALM, [{ of: 'store' }]],
    ['refused valid requests', [], { ...CALM, refused: 2, reason: '2 refused' }, [{ of: 'lock-out' }]],
    ['nothing', [found({ verdict: 'pass' })], CALM, []],
    ['a defect that its owner accepts', [found({ accepted: { reason: 'r', owner: 'o' } })], CALM, []],
    ['a setting that is too short in any moment', [found({ id: 'replay.ttl-bound' })], CALM, []],
    ['what could not be told', [found({ verdict: 'unknown', seen: 'UNKNOWN' })], CALM, []],
  ] as const)('%s', async (_what, findings, report, entries) => {
    expect(await met(findings, report)).toMatchObject(entries);
  });
});
