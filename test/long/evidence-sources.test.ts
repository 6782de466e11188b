import { writeFileSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openPrometheus } from '../support/prometheus.ts';
import {
  ending,
  expectNoRefusal,
  LINE,
  MINUTES,
  open,
  start,
  WITH_CALLER,
  WITH_INSTANCE,
} from '../systems/foreign/evidence-fleet.ts';
import type { ForeignFleet } from '../systems/foreign/foreign-fleet.ts';

describe('usage evidence in the log file of each replica', () => {
  test(
    'that cannot tell rotctl apart is watched in silence, and rotctl is not taken for a client',
    async (context) => {
      const fleet = await start(context, `{ from: log, pattern: '${LINE}', lag: 200ms }`);
      expect(ending(await fleet.rotctl('overlap'))).toEqual([0, 'switched', '']);
      await fleet.ctl('stop', 'client-a');
      const silent = await fleet.rotctl('retire', '--wait');
      expect(open(silent)).toMatchObject([{ target: 'client-a', verdict: 'unknown' }]);
      await fleet.ctl('start', 'client-a');
      expect(ending(await fleet.rotctl('retire', '--wait'))).toEqual([0, 'destroyed', '']);
      await expectNoRefusal(fleet);
      await expectNoOldCanary(fleet);
    },
    6 * MINUTES,
  );
});

/** Since the retirement began nothing of ours was accepted that was signed with the old secret, for one window before the first change. */
async function expectNoOldCanary({ home }: ForeignFleet): Promise<void> {
  const ledger = await readFile(join(home, 'rotation-ledger.yaml'), 'utf8');
  const entries = ledger.split('---\n');
  const timeOf = (entry: string | undefined) => Date.parse(/^at: "?([^"\n]+)/m.exec(entry ?? '')?.[1] ?? '');
  const began = timeOf(entries.find((entry) => /^phase: retiring$/m.test(entry)));
  const changed = timeOf(entries.find((one) => /^step: remove-current$/m.test(one) && /^kind: intent$/m.test(one)));
  expect(changed - began).toBeGreaterThan(800);
  const old = [...ledger.matchAll(/^ {6}current: "?([0-9a-f]{16})"?$/gm)].map(([, print = '']) => print);
  expect(new Set(old).size).toBe(2);
  const logs = await Promise.all([1, 2].map((n) => readFile(join(home, `logs/signer-${n}.log`), 'utf8')));
  const lines = logs.join('').split('\n');
  const own = lines.filter((line) => line.includes(' accepted ') && line.includes(' agent=rotctl/'));
  const late = own.filter(
    (line) => Date.parse(line.slice(0, 24)) > began + 50 && old.some((key) => line.includes(key)),
  );
  expect(late).toEqual([]);
  expect(own.length).toBeGreaterThan(50);
}
describe('usage evidence that a command prints', () => {
  test(
    'since a time, for each replica, tells the instances of a client',
    async (context) => {
      const command = '[python3, since.py, "logs/{replica}.log", "{since}"]';
      const usage = `{ from: command, command: ${command}, pattern: '${WITH_INSTANCE}', lag: 200ms }`;
      const fleet = await start(context, usage, (text) =>
        text.replace('cadence: 800ms', 'cadence: 800ms\n    instances: 2'),
      );
      writeFileSync(join(fleet.home, 'since.py'), SINCE);
      fleet.twin('client-a', 'second');
      const alone = await fleet.rotctl('overlap');
      expect(open(alone, 'usage.signs')).toMatchObject([{ target: 'client-a', verdict: 'unknown' }]);
      expect(alone.result.error?.message).toMatch(/1 of the 2 instances of client-a were heard \(\d+\)/);
      await copyFile(join(fleet.home, 'etc/client-a.env'), join(fleet.home, 'etc/second.env'));
      await fleet.ctl('start', 'second');
      expect(ending(await fleet.rotctl('resume'))).toEqual([0, 'switched', '']);
      expect(ending(await fleet.rotctl('retire', '--wait'))).toEqual([0, 'destroyed', '']);
    },
    6 * MINUTES,
  );
});

const SINCE = `import sys
for line in open(sys.argv[1]):
    if line[:24] >= sys.argv[2]:
        print(line, end='')
`;
describe('usage evidence of a Prometheus server', () => {
  test(
    'shows a straggler, a replica that it does not know, and one whose counters stand still',
    async (context) => {
      const server = await openPrometheus(context);
      const query = 'sum by (client_id, secret, source, instance) (signer_accepted_total)';
      const labels = '{ client: client_id, fingerprint: secret, caller: source }';
      const at = `{ url: "${server.url}", query: '${query}', scrape: 300ms, ca: tls/ca.pem, serverName: signer-1.foreign.example, token: etc/token }`;
      const fleet = await start(context, `{ from: prometheus, prometheus: ${at}, labels: ${labels} }`);
      writeFileSync(join(fleet.home, 'etc/token'), 'a-bearer-token\n', { mode: 0o600 });
      await server.serve({ folder: join(fleet.home, 'tls'), name: 'signer-1', token: 'a-bearer-token' });
      server.scrape(fleet.ports.map((port) => `127.0.0.1:${port}`));
      fleet.twin('client-b', 'straggler');
      expect(ending(await fleet.rotctl('overlap'))).toEqual([0, 'switched', '']);

      server.scrape([`127.0.0.1:${fleet.ports[0]}`]);
      const unknown = await fleet.rotctl('retire', '--wait');
      expect(unknown.result.error?.message).toMatch(/signer-2 could not be read: .*the query gives no series of it/);
      expect(unknown.code).toBe(12);

      server.scrape(fleet.ports.map((port) => `127.0.0.1:${port}`));
      server.freeze(`127.0.0.1:${fleet.ports[1]}`);
      const frozen = await fleet.rotctl('retire', '--wait');
      expect(frozen.result.error?.message).toContain('signer-2 could not be read: its counters show no request');
      server.freeze(undefined);

      await fleet.ctl('start', 'straggler');
      const straggling = await fleet.rotctl('retire', '--wait');
      expect(open(straggling)[0]).toMatchObject({ target: 'client-b', verdict: 'fail' });
      await fleet.ctl('stop', 'straggler');
      const good = await fleet.rotctl('retire', '--wait');
      expect(ending(good)).toEqual([0, 'destroyed', '']);
      const ledger = await readFile(join(fleet.home, 'rotation-ledger.yaml'), 'utf8');
      expect(`${ledger}${good.stdout}${good.stderr}${frozen.stdout}`).not.toContain('a-bearer-token');
      await expectNoRefusal(fleet);
    },
    10 * MINUTES,
  );
});

describe('a client of which nothing can be seen', () => {
  test(
    'one that can never be moved leaves the overlap open, and the retirement is refused',
    async (context) => {
      const fleet = await start(context, `{ from: log, pattern: '${WITH_CALLER}', lag: 200ms }`, (text) =>
        text.replace(
          /(- id: client-b\n)(?: {4}deploy:\n(?: {6}.*\n)+)/,
          '$1    secret: { from: dotenv, path: etc/client-b.env, variable: SIGNING_SECRET }\n    owner: team B\n    movable: never\n',
        ),
      );
      const plan = await fleet.rotctl('plan');
      expect(plan.stdout).toContain('retire is refused: client-b (owner team B) can never be moved');
      expect(ending(await fleet.rotctl('overlap'))).toEqual([0, 'overlap', '']);
      const refused = await fleet.rotctl('retire', '--wait');
      expect([refused.code, refused.result.error?.message]).toEqual([
        13,
        expect.stringContaining('can never be moved'),
      ]);
      expect(ending(await fleet.rotctl('rollback'))).toEqual([0, 'rolled-back', '']);
      await expectNoRefusal(fleet);
    },
    5 * MINUTES,
  );
});
