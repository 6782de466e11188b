import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { troubles } from '../foreign/rotctl-run.ts';
import { type AnsibleFleet, CLIENTS, startAnsibleFleet } from './ansible-fleet.ts';

async function start({ onTestFinished }: TestContext): Promise<AnsibleFleet> {
  const fleet = await startAnsibleFleet();
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

/** Every secret that stands at a replica. */
const stored = (fleet: AnsibleFleet) => [1, 2].flatMap((n) => CLIENTS.flatMap((client) => fleet.stored(n, client)));

/** Looks again and again, until it is stopped, what the arguments and environments of processes hold. */
function watchProcesses(): () => string[] {
  const seen = new Set<string>();
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      for (const part of ['cmdline', 'environ']) {
        try {
          seen.add(readFileSync(`/proc/${pid}/${part}`, 'utf8'));
        } catch {
          // It has ended, or is another user's.
        }
      }
    }
  };
  const timer = setInterval(look, 200);
  return () => {
    clearInterval(timer);
    return [...seen];
  };
}

test('signers on hosts of an inventory are rotated to the end: nobody is refused, no secret is seen', async (context) => {
  const fleet = await start(context);
  const before = stored(fleet);
  const stop = watchProcesses();
  const ended = await fleet.rotctl('drill', '--fleet', 'rotctl.yaml', '--complete');
  const { code, result, stdout, stderr } = ended;
  const processes = stop();
  expect([code, result.phase], troubles(ended)).toEqual([0, 'destroyed']);
  const after = stored(fleet);
  expect(after).toHaveLength(4);
  for (const client of CLIENTS) {
    const { refused, accepted } = fleet.tally(client);
    expect([client, refused]).toEqual([client, {}]);
    expect(accepted).toBeGreaterThan(50);
  }
  const ledger = readFileSync(join(fleet.home, 'rotation-ledger.yaml'), 'utf8');
  for (const secret of [...before, ...after]) {
    for (const text of [stdout, stderr, ledger, fleet.log()]) expect(text).not.toContain(secret);
    expect(processes.filter((text) => text.includes(secret))).toEqual([]);
  }
  expect(fleet.log()).toContain('Replace the file');
}, 900_000);

test('a host that is not reached ends an overlap before anything is changed', async (context) => {
  const fleet = await start(context);
  fleet.edit((text) => text.replace('host: signer-2', 'host: gone'));
  const before = stored(fleet);
  const { code, result, stderr } = await fleet.rotctl('overlap');
  expect([code, result.error?.code], stderr).toEqual([12, 'DRIVER_FAILED']);
  expect(result.error?.message).toMatch(/host gone cannot be reached: .*Connection refused/);
  expect(stored(fleet)).toEqual(before);
}, 240_000);
