import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Endpoint, Fleet } from '../../src/fleet/fleet.ts';
import type { RefusalCount } from '../../src/probe/prober.ts';
import { FleetLogWatch } from '../../src/runner/log-watch.ts';
import { systemClock } from '../../src/system/clock.ts';
import { logFiles } from '../../src/system/log-files.ts';
import { ownFolder } from '../credential/real-files.ts';
import { asReplica } from '../probe/harness.ts';

const REFUSED = 'POST /gate/request 401 invalid request signature\n';
const NONE: RefusalCount = { least: 0, most: 0 };

/** Two gates with logs of their own, behind a balancer; `own` is what a prober has counted of each address. */
async function place({ logs = true, balancer = true }: { logs?: boolean; balancer?: boolean } = {}) {
  const folder = await ownFolder();
  const named = (name: string, port: number) => ({ name, url: new URL(`http://127.0.0.1:${port}`), serverName: name });
  const replicas = [named('gate-a', 1), named('gate-b', 2)].map((target) => ({
    ...asReplica(target),
    log: join(folder, `${target.name}.log`),
  }));
  for (const { log } of replicas) await writeFile(log, REFUSED.repeat(3));
  const fleet: Pick<Fleet, 'logs' | 'replicas' | 'balancer'> = {
    logs: logs ? { refused: /invalid request signature/, own: undefined, allowed: 0 } : undefined,
    replicas,
    balancer: balancer ? named('balancer', 3) : undefined,
  };
  const own = new Map<string, RefusalCount>();
  const prober = { refusals: ({ url }: Endpoint) => own.get(url.port) ?? NONE };
  const watch = new FleetLogWatch({ fleet, sources: { files: logFiles }, clock: systemClock, prober });
  const log = (name: 'gate-a' | 'gate-b', text: string) => appendFile(join(folder, `${name}.log`), text);
  return {
    watch,
    log,
    count: (port: 1 | 2 | 3, least: number, most = least) => own.set(String(port), { least, most }),
  };
}

describe('the logs of a fleet', () => {
  it.each<[string, (fleet: Awaited<ReturnType<typeof place>>) => unknown, string, RegExp]>([
    ['nothing since the beginning', () => undefined, 'pass', /^$/],
    ['one refusal of others', ({ log }) => log('gate-b', REFUSED), 'fail', /^gate-b: 1 refused signatures of others/],
    [
      'refusals of others at both',
      async ({ log }) => {
        await log('gate-a', REFUSED);
        await log('gate-b', REFUSED.repeat(2));
      },
      'fail',
      /^gate-a: 1 refused .*; gate-b: 2 refused/,
    ],
    [
      'as many as rotctl brought about there',
      async ({ log, count }) => {
        count(1, 2);
        await log('gate-a', REFUSED.repeat(2));
      },
      'pass',
      /^$/,
    ],
    [
      'as many as rotctl brought about elsewhere',
      async ({ log, count }) => {
        count(1, 2);
        await log('gate-b', REFUSED.repeat(2));
      },
      'fail',
      /gate-b: 2 refused/,
    ],
    [
      'a refusal that went through the balancer may be any gate’s',
      async ({ log, count }) => {
        count(3, 1);
        await log('gate-b', REFUSED);
      },
      'unknown',
      /^gate-b: /,
    ],
    [
      'more than went through it are others’',
      async ({ log, count }) => {
        count(3, 1);
        await log('gate-b', REFUSED.repeat(2));
      },
      'fail',
      /^gate-b: at least 1 refused/,
    ],
  ])('%s', async (_, act, verdict, reason) => {
    const fleet = await place();
    await fleet.watch.begin();
    await act(fleet);
    const proven = await fleet.watch.look();
    expect(proven).toMatchObject({ verdict, reason: expect.stringMatching(reason), cells: [], owed: [] });
    expect(proven.findings.map(({ id, target }) => [id, target])).toEqual([
      ['log.no-spike', 'gate-a'],
      ['log.no-spike', 'gate-b'],
    ]);
  });

  it('are looked at from the last look on, and what rotctl brought about before counts for nothing', async () => {
    const { watch, log, count } = await place();
    count(1, 7);
    await watch.begin();
    await log('gate-a', REFUSED);
    expect((await watch.look()).verdict).toBe('fail');
    expect((await watch.look()).verdict).toBe('pass');
    count(1, 8);
    await log('gate-a', REFUSED);
    expect((await watch.look()).verdict).toBe('pass');
    await log('gate-a', REFUSED);
    expect((await watch.look()).verdict).toBe('fail');
  });

  it('a second beginning changes nothing', async () => {
    const { watch, log } = await place();
    await watch.begin();
    await log('gate-a', REFUSED);
    await watch.begin();
    expect((await watch.look()).verdict).toBe('fail');
  });

  it('without a beginning nothing is known', async () => {
    const { watch } = await place();
    expect(await watch.look()).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/nobody has begun/) });
  });

  it('that nobody names are not asked for, and stop nothing', async () => {
    const { watch, log } = await place({ logs: false, balancer: false });
    await watch.begin();
    await log('gate-a', REFUSED);
    const proven = await watch.look();
    expect([proven.verdict, proven.reason]).toEqual(['pass', '']);
    expect(proven.findings.map(({ verdict }) => verdict)).toEqual(['not-applicable', 'not-applicable']);
  });
});
