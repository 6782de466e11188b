/**
 * A practice fleet of three signers, from its start to the line that says that all is ready, over as many parallel
 * `node -e 0` as it has processes. Certificates are issued anew each time. Wall time: it is what one waits for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { compare, plainEnv, ratioRow } from './measure.ts';
import { startFleet } from './practice-home.ts';

async function bareNodes(count: number): Promise<number> {
  const started = performance.now();
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', '0'], { env: plainEnv(), stdio: 'ignore' }),
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
  return performance.now() - started;
}

async function fleetUp(): Promise<number> {
  const fleet = await startFleet();
  await fleet.down();
  processes = fleet.processes;
  return fleet.upMs;
}

let processes = 8;
const result = await compare(fleetUp, () => bareNodes(processes), 7);
ratioRow(`practice fleet of 3 up, over ${processes} parallel node -e 0`, result, { most: 3.5 }, 'ms wall');
