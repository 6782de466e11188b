import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type PracticeFleet, startPracticeFleet, within } from '../../support/practice-fleet.ts';
import { ENV, run } from '../foreign/processes.ts';

/** Ports of the Redis nodes that the fleet file names: the Sentinel, or all of a cluster. */
const nodesOf = ({ fleetFile }: PracticeFleet): number[] => {
  const [, listed = ''] = /^ {2}nodes: \[(.*)\]$/m.exec(readFileSync(fleetFile, 'utf8')) ?? [];
  return [...listed.matchAll(/:(\d+)/g)].map(([, port]) => Number(port));
};
const cli = async (port: number | undefined, ...words: readonly string[]): Promise<string> =>
  (await run('redis-cli', ['-p', `${port}`, ...words], '/')).trim();

/** Runs `verify-replay` over what a shell script does, and gives what it printed. */
async function over(fleet: PracticeFleet, event: string, script: string) {
  const hook = join(fleet.home, 'event.sh');
  writeFileSync(hook, `set -eu\nPATH=${ENV.PATH}\n${script}`);
  const ended = await fleet.rotctl(['verify-replay', '--json', '--over', event, '--', '/bin/sh', hook]);
  expect(ended.code, ended.stdout + ended.stderr).toBe(1);
  return JSON.parse(ended.stdout);
}

test('a fail-over to a replica that had been cut off: nonces are lost, and H4 is named', within(60), async () => {
  const fleet = await startPracticeFleet({ replicas: 2, store: 'sentinel' });
  onTestFinished(() => fleet.down());
  const [sentinel] = nodesOf(fleet);
  const [, primary = ''] = (await cli(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'practice')).split('\n');
  const [, replica = ''] = /^port\n(\d+)$/m.exec(await cli(sentinel, 'SENTINEL', 'REPLICAS', 'practice')) ?? [];
  // As behind a partition: the replica gets nothing more, and each node goes on alone.
  for (const port of [primary, replica]) await cli(Number(port), 'CONFIG', 'SET', 'min-replicas-to-write', '0');
  await cli(Number(primary), 'ACL', 'SETUSER', 'default', '-psync', '-sync');
  await cli(Number(primary), 'CLIENT', 'KILL', 'TYPE', 'replica');
  const told = await over(
    fleet,
    'failover',
    `redis-cli -p ${primary} SHUTDOWN NOSAVE NOW
until [ "$(redis-cli -p ${primary} PING 2>&1)" != PONG ]; do sleep 0.05; done
[ "$(redis-cli -p ${sentinel} SENTINEL FAILOVER practice)" = OK ]
while redis-cli -p ${sentinel} SENTINEL GET-MASTER-ADDR-BY-NAME practice | grep -qx ${primary}; do sleep 0.05; done
`,
  );
  expect(told).toMatchObject({ verdict: 'fail' });
  expect(told.summary).toMatch(/accepted again .*H4/);
});

test(
  'slots of a cluster that are claimed without their keys: their nonces are lost, and H15 is named',
  within(60),
  async () => {
    // One nonce in three is spared by its slot: with a look at each of so many replicas hardly all of them are.
    const fleet = await startPracticeFleet({ replicas: 6, store: 'cluster' });
    onTestFinished(() => fleet.down());
    const [first, second, thief] = nodesOf(fleet);
    const mine = await cli(thief, 'CLUSTER', 'MYID');
    const told = await over(
      fleet,
      'other',
      `seq 0 16383 | sed 's/.*/CLUSTER SETSLOT & NODE ${mine}/' | redis-cli -p ${thief} >/dev/null
redis-cli -p ${thief} CLUSTER BUMPEPOCH
for port in ${first} ${second}; do
  while [ "$(redis-cli -p $port CLUSTER NODES | grep -c '[0-9]-[0-9]*$')" != 1 ]; do sleep 0.05; done
done
`,
    );
    expect(told).toMatchObject({ verdict: 'fail' });
    // Looks go on while slots move: the first may see some of them.
    expect(told.summary).toMatch(/accepted again .*likely H15: slots of the cluster moved: \d+-\d+ from \S+ to /);
  },
);
