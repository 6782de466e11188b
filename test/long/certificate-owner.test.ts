import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

const OWNED = ['--fleet', 'owned.yaml'];

let fleet: PracticeFleet;
beforeAll(async () => {
  fleet = await startPracticeFleet();
  const file = parse(readFileSync(fleet.fleetFile, 'utf8'));
  const client = file.clients.find(({ id }: { id: string }) => id === 'client-b');
  client.certificates.restart = client.deploy.restart;
  delete client.certificates.handshake;
  delete client.deploy;
  Object.assign(client, { movable: 'owner', owner: 'team B' });
  writeFileSync(join(fleet.home, 'owned.yaml'), stringify(file), { mode: 0o600 });
}, 120_000);
afterAll(() => fleet.down());

/** Gives a command, and what it says is to be typed next, in the owner's name, until it ends well; gives what was confirmed. */
async function carriedOut(...words: string[]): Promise<string[]> {
  const said: string[] = [];
  for (let command = words; ; command = ['resume', '--wait']) {
    const { code, stderr } = await fleet.rotctl([...command, ...OWNED]);
    if (code === 0) return said;
    expect([code, stderr], command.join(' ')).toEqual([15, expect.stringMatching(/team B to confirm that client-b/)]);
    const [, next = ''] = /^next: rotctl (confirm .*)$/m.exec(stderr) ?? [];
    const confirmed = await fleet.rotctl(next.replace('NAME', 'B').split(' '));
    expect(confirmed.code, confirmed.stderr).toBe(0);
    const [, what = ''] = /client-b goes by certificates of (\w+)/.exec(confirmed.stdout) ?? [];
    said.push(what);
    expect(said.length, said.join(', ')).toBeLessThan(5);
  }
}

it(
  'the certificates of a client whose secret its owner moves are moved, and its owner answers for whom it trusts',
  within(150),
  async () => {
    expect(await carriedOut('overlap', '--material', 'mtls')).toEqual(['next', 'next']);
    expect(await carriedOut('retire', '--wait')).toEqual(['next']);
    expect(await carriedOut('overlap', '--material', 'mtls')).toEqual(['next', 'next']);
    expect(new Set(await carriedOut('rollback'))).toEqual(new Set(['current']));
    for (const { id, refused } of await fleet.clients()) expect([id, refused]).toEqual([id, 0]);
  },
);
