import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { type ForeignFleet, startForeign } from './foreign-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = fileURLToPath(new URL('deploy_signer.py', import.meta.url));
const SIGNER = join(root, 'test/support/foreign-signer.py');

/** A foreign fleet whose configuration is kept by a program, in place of files and commands. */
async function start({ onTestFinished }: TestContext, replicas = 2): Promise<ForeignFleet> {
  const deploy = `    deploy: { driver: command, command: [python3, ${PROGRAM}, ${SIGNER}], loads: [restart], deadline: 15s }\n`;
  const fleet = await startForeign({
    root,
    replicas,
    edit: (text) =>
      text.replace(
        / {4}deploy:\n {6}path: etc\/[\w-]+\.env\n {6}variable: \S+\n(?: {6}format: list\n)?(?: {6}re(?:load|start): .*\n?)+/g,
        deploy,
      ),
  });
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

const plant = ({ home }: ForeignFleet, target: string, fault: string) =>
  writeFileSync(join(home, 'faults', `${target}.deploy`), fault);

const stored = (of: ForeignFleet) => of.ports.map((_, n) => of.stored(n + 1, 'client-a'));

function expectNoRefusal(of: ForeignFleet): void {
  for (const client of ['client-a', 'client-b']) {
    const { refused, accepted } = of.tally(client);
    expect(refused).toEqual({});
    expect(accepted).toBeGreaterThan(20);
  }
}

describe.concurrent('a rotation whose configuration is kept by a program', () => {
  test.for(['fingerprints'])(
    'opens and closes without one refused request (%s)',
    { timeout: 240_000 },
    async (fault, context) => {
      const own = await start(context);
      for (const signer of ['signer-1', 'signer-2']) plant(own, signer, fault);
      const before = stored(own);
      const overlap = await own.rotctl('overlap');
      expect([overlap.code, overlap.result.phase], overlap.stderr).toEqual([0, 'switched']);
      const retire = await own.rotctl('retire', '--wait');
      expect([retire.code, retire.result.phase], retire.stderr).toEqual([0, 'destroyed']);
      expect(stored(own).every((list, n) => list.length === 1 && list[0] !== before[n]?.[0])).toBe(true);
      expectNoRefusal(own);
    },
  );

  test.for([
    { fault: 'dies-after', lasts: true, what: 'writes and then dies', why: /for replica signer-2: write: exit 1/ },
    { fault: 'unreadable-deaf', lasts: false, what: 'cannot read, and does not restart', why: /signer-2/ },
  ])('is taken back when the program $what', { timeout: 240_000 }, async ({ fault, lasts, why }, context) => {
    const own = await start(context);
    plant(own, 'signer-2', fault);
    const before = stored(own);
    const { code, result, stdout, stderr } = await own.rotctl('overlap');
    expect(code, stderr).toBe(lasts ? 11 : 10);
    expect(result.error?.message).toMatch(why);
    for (const [secret = ''] of before) expect(stdout + stderr).not.toContain(secret);
    if (lasts) {
      // Nobody is locked out meanwhile, and what cannot be written can be put back once the program is whole.
      expect(stored(own).map(([first]) => first)).toEqual(before.map(([first]) => first));
      plant(own, 'signer-2', '');
      const resumed = await own.rotctl('resume');
      expect([resumed.code, resumed.result.phase], resumed.stderr).toEqual([0, 'rolled-back']);
    }
    expect(stored(own)).toEqual(before);
    expectNoRefusal(own);
  });
});
