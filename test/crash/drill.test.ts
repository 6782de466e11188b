import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAlive } from '../practice/harness.ts';
import { builtProgram, expectFleetIn, freshFolder, startRotctl, within } from '../support/practice-fleet.ts';
import { eventually } from '../support/until.ts';

function pidsIn(folder: string): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(join(folder, 'practice.json'), 'utf8')).pids;
}

it(
  'a drill that is killed leaves its fleet running: resume goes on, and practice down ends it',
  within(100),
  async () => {
    const folder = await builtProgram();
    const cwd = freshFolder('drill');
    const out = join(cwd, 'out');
    expectFleetIn(out);
    const rotctl = (...args: string[]) => startRotctl(folder, cwd, args);
    const drill = rotctl('drill', '--out', 'out', '--store', 'embedded');
    await drill.said('opening:');
    drill.process.kill('SIGKILL');
    expect((await drill.ended).signal).toBe('SIGKILL');

    const pids = Object.values(pidsIn(out));
    expect(pids.length).toBeGreaterThan(6);
    expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);

    const fleetFile = join('out', 'rotctl.yaml');
    const status = await rotctl('status', '--fleet', fleetFile).ended;
    expect(status.stdout).toContain('opening');
    const resumed = await rotctl('resume', '--wait', '--fleet', fleetFile).ended;
    // On a busy machine the drill's own short times may hold a step; what counts is that it is taken up and never lost.
    expect([0, 10, 12], resumed.stderr).toContain(resumed.code);
    expect((await rotctl('ledger', 'verify', '--fleet', fleetFile).ended).code).toBe(0);

    const down = await rotctl('practice', 'down', '--home', 'out').ended;
    expect(down.code, down.stderr).toBe(0);
    await eventually('every process of the fleet to end', () => pids.every((pid) => !isAlive(pid)));
  },
);
