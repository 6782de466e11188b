import { renameSync, truncateSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ending, expectNoRefusal, MINUTES, open, start, WITH_CALLER } from './evidence-fleet.ts';

describe('usage evidence in the log file of each replica', () => {
  test(
    'shows a silent client, a straggler, a stranger, and goes on through a rotated log',
    async (context) => {
      const fleet = await start(context, `{ from: log, pattern: '${WITH_CALLER}', lag: 200ms }`, undefined, [
        'client-c',
      ]);
      fleet.twin('client-b', 'straggler');
      expect(ending(await fleet.rotctl('overlap'))).toEqual([0, 'switched', '']);

      await fleet.ctl('stop', 'client-b');
      const silent = await fleet.rotctl('retire', '--wait');
      expect([silent.code, silent.result.error?.code]).toEqual([12, 'HELD']);
      expect(open(silent)).toMatchObject([{ target: 'client-b', verdict: 'unknown' }]);
      expect(open(silent)[0]?.reason).toMatch(/^client-b was silent for \d+ ms$/);

      await fleet.rotctl('confirm', '--client', 'client-b', '--generation', 'next', '--by', 'A. Jones');
      await fleet.ctl('start', 'straggler');
      const straggling = await fleet.rotctl('retire', '--wait');
      expect(straggling.result.error).toMatchObject({ code: 'FAILED_HELD' });
      expect(open(straggling)[0]).toMatchObject({ target: 'client-b', verdict: 'fail' });
      expect(open(straggling)[0]?.reason).toMatch(/^client-b still signs with [0-9a-f]{16}: \d+ requests accepted$/);
      await fleet.ctl('stop', 'straggler');

      await fleet.ctl('start', 'client-c');
      const stranger = await fleet.rotctl('retire', '--wait');
      expect(stranger.result.error).toMatchObject({ code: 'FAILED_HELD' });
      expect(open(stranger, 'usage.unknown-client')).toMatchObject([{ target: 'client-c', verdict: 'fail' }]);
      await fleet.ctl('stop', 'client-c');

      await fleet.ctl('start', 'client-b');
      const going = fleet.begin('retire', '--wait');
      const [first, second] = [1, 2].map((n) => join(fleet.home, `logs/signer-${n}.log`));
      if (first === undefined || second === undefined) throw new Error('two logs');
      renameSync(first, `${first}.1`);
      await copyFile(second, `${second}.1`);
      truncateSync(second);
      expect(ending(await going.ended)).toEqual([0, 'destroyed', '']);
      await expectNoRefusal(fleet);
    },
    10 * MINUTES,
  );
});

describe('usage evidence of a signer that names the newest secret for every request', () => {
  test(
    'is not believed, before anything is withdrawn',
    async (context) => {
      const fleet = await start(context, `{ from: log, pattern: '${WITH_CALLER}', lag: 200ms }`);
      fleet.plant(2, 'names-last');
      expect(ending(await fleet.rotctl('overlap'))).toEqual([0, 'switched', '']);
      const refused = await fleet.rotctl('retire', '--wait');
      expect([refused.code, refused.result.phase]).toEqual([12, 'retiring']);
      expect(open(refused)).toMatchObject([
        { target: 'client-a', verdict: 'unknown' },
        { target: 'client-b', verdict: 'unknown' },
      ]);
      expect(open(refused)[0]?.reason).toMatch(
        /^of 2 requests in the name of client-a that rotctl signed with current, 1 is shown with [0-9a-f]{16} by logs: /,
      );
      fleet.plant(2);
      expect(ending(await fleet.rotctl('retire', '--wait'))).toEqual([0, 'destroyed', '']);
      await expectNoRefusal(fleet);
    },
    10 * MINUTES,
  );
});

describe('a client that somebody else moves', () => {
  test(
    'are waited for by name, and confirmed',
    async (context) => {
      const fleet = await start(context, `{ from: log, pattern: '${WITH_CALLER}', lag: 200ms }`, (text) =>
        text
          .replace('cadence: 800ms', 'cadence: 800ms\n    owner: team A\n    usage: { from: confirmation }')
          .replace(
            /(- id: client-b\n)(?: {4}deploy:\n(?: {6}.*\n)+)/,
            '$1    secret: { from: dotenv, path: etc/client-b.env, variable: SIGNING_SECRET }\n    owner: team B\n    movable: owner\n',
          ),
      );
      const unbrought = await fleet.rotctl('overlap');
      expect(unbrought.result.error).toMatchObject({ code: 'USAGE' });
      expect(unbrought.result.error?.message).toContain('client-b is moved by team B');

      const next = 'b2d4f60aa7f3a9c1e500c3d5e7f9a1b2c47d81e6f0';
      const file = join(fleet.home, 'etc/client-b.next');
      writeFileSync(file, next, { mode: 0o600 });
      const first = await fleet.rotctl('overlap', '--secret-file', `client-b=${file}`);
      expect([first.code, first.result.error?.code]).toEqual([15, 'GATE_WAITING']);
      expect(first.result.error?.message).toMatch(/^waiting for team A to confirm that client-a signs with next: /);
      expect(first.result.next).toContain('rotctl confirm --client client-a --generation next --by NAME');
      expect((await fleet.rotctl('confirm', '--client', 'client-a', '--generation', 'current', '--by', 'A')).code).toBe(
        13,
      );
      const said = await fleet.rotctl('confirm', '--client', 'client-a', '--generation', 'next', '--by', 'A. Jones');
      expect([said.code, said.result.phase]).toEqual([0, 'moving']);

      const second = await fleet.rotctl('resume');
      expect([second.code, second.result.error?.code]).toEqual([15, 'GATE_WAITING']);
      expect(second.result.error?.message).toMatch(/^waiting for team B to move client-b: /);
      writeFileSync(join(fleet.home, 'etc/client-b.env'), `SIGNING_SECRET=${next}\n`, { mode: 0o600 });
      await fleet.ctl('restart', 'client-b');
      expect(ending(await fleet.rotctl('resume'))).toEqual([0, 'switched', '']);

      // What was confirmed while clients moved says nothing of now.
      const third = await fleet.rotctl('retire', '--wait');
      expect(third.result.error?.message).toMatch(/^waiting for team A to confirm that client-a signs with next: /);
      await fleet.rotctl(
        'confirm',
        '--client',
        'client-a',
        '--generation',
        'next',
        '--by',
        'A. Jones',
        '--note',
        'CHG-7',
      );
      const status = await fleet.rotctl('status');
      expect(status.stdout).toContain('client-a signs with next: confirmed by A. Jones at ');
      const done = await fleet.rotctl('retire', '--wait');
      expect(ending(done)).toEqual([0, 'destroyed', '']);
      expect(done.result.checks.find(({ id, target }) => id === 'usage.unused' && target === 'client-a')).toMatchObject(
        {
          ...{ verdict: 'pass', seen: expect.stringMatching(/confirmed by A. Jones at .* \(CHG-7\)$/) },
        },
      );
      await expectNoRefusal(fleet);
    },
    8 * MINUTES,
  );
});
