import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFleet, type TestFleet } from '../practice/harness.ts';
import { builtProgram, startRotctl, within } from '../support/practice-fleet.ts';

/** Every env file of the fleet, byte for byte. */
function envFiles({ home }: TestFleet): Record<string, string> {
  const names = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.env'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(home, name), 'utf8')]));
}

test.concurrent.each([
  { protocol: 'keyring-v1', parties: 5 },
  { protocol: 'gate-v1', parties: 5 },
])(
  'a drill on a practice fleet of $protocol that is named like any other leaves it as it was',
  within(120),
  async ({ protocol, parties }) => {
    const program = await builtProgram();
    const fleet = await startFleet('--protocol', protocol, '--store', 'embedded', '--replicas', '2');
    const before = envFiles(fleet);
    expect(Object.keys(before)).toHaveLength(parties);
    const words = ['drill', '--fleet', fleet.ready.fleetFile, '--json'];
    const { code, stdout, stderr } = await startRotctl(program, fleet.home, words).ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'pass', phase: 'rolled-back', rollback: 'verified' });
    expect(envFiles(fleet)).toEqual(before);
    const { clients } = await fleet.status();
    for (const { id, accepted, refused } of clients) expect([id, accepted > 50, refused]).toEqual([id, true, 0]);
    await fleet.stop();
  },
);
