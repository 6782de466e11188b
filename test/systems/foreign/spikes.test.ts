import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { openPrometheus } from '../../support/prometheus.ts';
import { eventually } from '../../support/until.ts';
import { type ForeignFleet, startForeign } from './foreign-fleet.ts';
import type { Ended } from './rotctl-run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MINUTES = 60_000;
const WRONG = 'c41d9e77aa02b5f3308e6d1f9b7c2a5e';
const REFUSED = "refused: 'refused invalid request signature'";

/** A fleet of two signers with senders of wrong signatures, which do not run yet. */
async function start(
  { onTestFinished }: TestContext,
  logs: string,
  policy: string,
  senders: number,
): Promise<ForeignFleet> {
  const fleet = await startForeign({
    ...{ root, replicas: 2, takeUp: 'restart' },
    edit: (text) =>
      text
        .replace('policy: {', `logs: ${logs}\npolicy: { ${policy},`)
        .replace(/(serverName: (signer-\d)\.foreign\.example\n)/g, '$1    log: logs/$2.log\n'),
  });
  onTestFinished(() => fleet.stop(), MINUTES);
  for (let n = 0; n < senders; n += 1) fleet.twin('client-a', `wrong-${n}`, WRONG);
  return fleet;
}

/** Starts senders of wrong signatures once the rotation has written something in a phase. */
async function duringPhase(fleet: ForeignFleet, phase: string, senders: readonly number[]): Promise<void> {
  const ledger = () => {
    try {
      return readFileSync(join(fleet.home, 'rotation-ledger.yaml'), 'utf8');
    } catch {
      return '';
    }
  };
  await eventually(`phase ${phase}`, async () => ledger().includes(`phase: ${phase}\n`), { deadlineMs: 2 * MINUTES });
  for (const n of senders) await fleet.ctl('start', `wrong-${n}`);
}

function spikes({ result }: Ended): readonly unknown[] {
  return result.checks.filter(({ id, verdict }) => id === 'log.no-spike' && verdict === 'fail');
}

describe('a spike of refused signatures', () => {
  test(
    'in logs is told from what there is anyhow, and an opening is taken back',
    async (context) => {
      const logs = `{ ${REFUSED}, own: 'agent=rotctl/', window: 2s, factor: 4, allowed: 3 }`;
      const fleet = await start(context, logs, 'onSpike: roll-back', 8);
      await fleet.ctl('start', 'wrong-0');
      const going = fleet.begin('overlap');
      await duringPhase(fleet, 'opening', [1, 2, 3, 4, 5, 6, 7]);
      const ended = await going.ended;
      expect([ended.code, ended.result.error?.code], ended.result.error?.message).toEqual([10, 'ROLLED_BACK']);
      expect(ended.result.error?.message).toMatch(
        /refused signatures of others within 2000 ms .*4 times the \d+ of before/,
      );
      expect(spikes(ended).length).toBeGreaterThan(0);
      expect(readFileSync(join(fleet.home, 'rotation-ledger.yaml'), 'utf8')).toMatch(/proof: baseline\n/);

      for (const n of [1, 2, 3, 4, 5, 6, 7]) await fleet.ctl('stop', `wrong-${n}`);
      const calm = await fleet.rotctl('overlap');
      expect([calm.code, calm.result.phase], calm.result.error?.message).toEqual([0, 'switched']);
      expect(spikes(calm)).toEqual([]);
    },
    8 * MINUTES,
  );

  test(
    'in what a command prints holds, where the policy says so',
    async (context) => {
      const logs = `{ ${REFUSED}, own: 'agent=rotctl/', command: [cat, 'logs/{replica}.log'] }`;
      const fleet = await start(context, logs, 'onSpike: hold', 1);
      const going = fleet.begin('overlap');
      await duringPhase(fleet, 'opening', [0]);
      const ended = await going.ended;
      expect([ended.code, ended.result.error?.code], ended.result.error?.message).toEqual([12, 'FAILED_HELD']);
      expect(ended.result.phase).toBe('opening');
      expect(spikes(ended).length).toBeGreaterThan(0);
      await fleet.ctl('stop', 'wrong-0');
      const back = await fleet.rotctl('resume');
      expect([back.code, back.result.phase], back.result.error?.message).toEqual([0, 'switched']);
    },
    6 * MINUTES,
  );

  test(
    'in the counters of a Prometheus server holds once clients may have moved',
    async (context) => {
      const server = await openPrometheus(context);
      const at = `url: "${server.url}", query: signer_refused_total, caller: source, scrape: 300ms, ca: tls/ca.pem, serverName: signer-1.foreign.example, token: etc/token`;
      const fleet = await start(context, `{ prometheus: { ${at} } }`, 'onSpike: roll-back', 1);
      writeFileSync(join(fleet.home, 'etc/token'), 'a-bearer-token\n', { mode: 0o600 });
      await server.serve({ folder: join(fleet.home, 'tls'), name: 'signer-1', token: 'a-bearer-token' });
      server.scrape(fleet.ports.map((port) => `127.0.0.1:${port}`));
      const going = fleet.begin('overlap');
      await duringPhase(fleet, 'moving', [0]);
      const ended = await going.ended;
      expect([ended.code, ended.result.error?.code], ended.result.error?.message).toEqual([12, 'FAILED_HELD']);
      expect(ended.result.phase).toBe('moving');
      await fleet.ctl('stop', 'wrong-0');
      const good = await fleet.rotctl('resume');
      expect([good.code, good.result.phase], good.result.error?.message).toEqual([0, 'switched']);
      expect(good.result.checks.filter(({ id }) => id === 'log.no-spike').length).toBeGreaterThan(0);
    },
    6 * MINUTES,
  );
});
