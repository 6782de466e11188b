import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDeployDriver } from '../../src/deploy/create-driver.ts';
import type { Commands } from '../../src/deploy/ports.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { verdictOf } from '../../src/runner/finding-verdict.ts';
import { rehearseDeploys } from '../../src/runner/rehearse-deploys.ts';
import { createCommands } from '../../src/system/commands.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { type GatesOnDisk, gatesOnDisk, PARTIES, type Who } from './gate-parties.ts';

/** Real commands, of which none may be run. */
function commands(): Commands {
  const real = createCommands((text) => text);
  return { ...real, run: () => Promise.reject(new Error('a rehearsal runs nothing')) };
}

async function rehearsed({ fleet, folder }: Pick<GatesOnDisk, 'fleet' | 'folder'>) {
  const driver = createDeployDriver({ files: privateFiles(), commands: commands(), cwd: folder });
  let time = 0;
  return rehearseDeploys(fleet, driver, { monotonic: () => ++time });
}

/** The fleet with another deploy of one party. */
function redeployed(fleet: Fleet, who: Who, change: Readonly<Record<string, unknown>>): Fleet {
  const changed = <Item extends { readonly deploy: object }>(items: readonly Item[], name: (item: Item) => string) =>
    items.map((item) => (name(item) === who ? { ...item, deploy: { ...item.deploy, ...change } } : item));
  return {
    ...fleet,
    replicas: changed(fleet.replicas, ({ name }) => name),
    templates: changed(fleet.templates, ({ name }) => name),
    clients: changed(fleet.clients, ({ id }) => id),
  };
}

const bytes = async (place: GatesOnDisk) => [
  ...(await Promise.all(PARTIES.map((who) => place.text(who)))),
  await place.secretFiles(),
];

describe('both steps of every deploy', () => {
  it('are looked at on each party, and nothing is written or run', async () => {
    const place = await gatesOnDisk();
    const before = await bytes(place);
    const findings = await rehearsed(place);
    expect(findings.map(({ target, verdict, seen }) => [target, verdict, seen])).toEqual(
      PARTIES.map((who) => [who, 'pass', 'nothing in the way']),
    );
    for (const finding of findings) expect(finding).toMatchObject({ id: 'deploy.rehearsed', critical: true, ms: 1 });
    expect(verdictOf(findings)).toBe('pass');
    expect(await bytes(place)).toEqual(before);
  });

  it.each<[string, Who, (place: GatesOnDisk) => Promise<Fleet | undefined>, RegExp]>([
    [
      'a file that is not there',
      'gate-image',
      async ({ folder }) => void (await rm(join(folder, 'gates/template.env'))),
      /template\.env: /,
    ],
    [
      'a file that is a folder',
      'langgraph',
      async ({ folder }) => {
        await rm(join(folder, 'services/langgraph.env'));
        await mkdir(join(folder, 'services/langgraph.env'));
        return undefined;
      },
      /langgraph\.env: /,
    ],
    [
      'a variable of the secret that is not there',
      'gate-a',
      async (place) => void (await place.put('gate-a', { secret: undefined })),
      /INTERSERVICE_HMAC_SECRET is not set in the file/,
    ],
    [
      'a file of the secret that is not there',
      'gate-b',
      async ({ folder }) => void (await rename(join(folder, 'secrets'), join(folder, 'elsewhere'))),
      /the file that INTERSERVICE_HMAC_SECRET names is empty or not there/,
    ],
    [
      'a restart by a program that nobody has',
      'scheduler',
      async ({ fleet }) => redeployed(fleet, 'scheduler', { restart: ['no-such-program-anywhere', 'x'] }),
      /^restart: no-such-program-anywhere is no program that can be run$/,
    ],
    [
      'a reload by a file that is no program, beside a restart that is',
      'gate-a',
      async ({ fleet }) => redeployed(fleet, 'gate-a', { reload: ['./gates/gate-a.env'] }),
      /^reload: \.\/gates\/gate-a\.env is no program that can be run$/,
    ],
  ])('%s is found on %s alone', async (_, who, breakIt, reason) => {
    const place = await gatesOnDisk();
    const fleet = (await breakIt(place)) ?? place.fleet;
    const findings = await rehearsed({ ...place, fleet });
    expect(findings.filter(({ verdict }) => verdict !== 'pass')).toMatchObject([
      {
        target: who,
        verdict: 'fail',
        critical: true,
        seen: 'something is in the way',
        reason: expect.stringMatching(reason),
      },
    ]);
    expect(verdictOf(findings)).toBe('fail');
    expect(JSON.stringify(findings)).not.toContain('CANARY');
  });

  it('has every obstacle of a party in one finding', async () => {
    const place = await gatesOnDisk();
    await rm(join(place.folder, 'gates/gate-a.env'));
    const fleet = redeployed(place.fleet, 'gate-a', { restart: ['no-such-program-anywhere'] });
    const [first] = await rehearsed({ ...place, fleet });
    expect(first?.reason).toMatch(/gate-a\.env: .*; restart: no-such-program-anywhere/);
  });
});
