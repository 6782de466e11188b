import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { atTerminal } from '../at-terminal.ts';
import { type ForeignFleet, type ForeignOptions, startForeign } from './foreign-fleet.ts';
import { type Begun, troubles } from './rotctl-run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const CLIENTS = ['client-a', 'client-b'];
const ON_FLEET = ['drill', '--fleet', 'rotctl.yaml'];

async function start(
  { onTestFinished }: TestContext,
  options: Omit<ForeignOptions, 'root'> = {},
): Promise<ForeignFleet> {
  const fleet = await startForeign({ root, takeUp: 'restart', ...options });
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

/** Every env file of the fleet, byte for byte. */
function files({ home }: ForeignFleet): Record<string, string> {
  const etc = join(home, 'etc');
  return Object.fromEntries(readdirSync(etc).map((name) => [name, readFileSync(join(etc, name), 'utf8')]));
}

function ledger({ home }: ForeignFleet): string {
  const path = join(home, 'rotation-ledger.yaml');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Resolves once the ledger has an entry of that phase; rejects when the command ends without one. */
async function reached(fleet: ForeignFleet, { ended }: Begun, phase: string): Promise<void> {
  let over = false;
  const watch = ended.then(() => {
    over = true;
  });
  while (!ledger(fleet).includes(`\nphase: ${phase}\n`)) {
    if (over) throw new Error(`the command ended before ${phase}`);
    await Promise.race([watch, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
}

function expectNoRefusal(fleet: ForeignFleet): void {
  for (const client of CLIENTS) {
    const { refused, accepted } = fleet.tally(client);
    expect([client, refused]).toEqual([client, {}]);
    expect(accepted).toBeGreaterThan(20);
  }
}

describe('a drill on a fleet that shares no line with the practice fleet', () => {
  test.concurrent('rehearses the whole rotation, leaves every file as it was to the byte, and refuses nobody', async (context) => {
    const fleet = await start(context);
    const before = files(fleet);
    const ended = await fleet.rotctl(...ON_FLEET, '--out', 'out');
    const { code, result } = ended;
    expect([code, result.verdict, result.phase], troubles(ended)).toEqual([0, 'pass', 'rolled-back']);
    expect(files(fleet)).toEqual(before);
    const compared = result.checks.filter(({ id }) => id === 'drill.as-before');
    expect(compared.map(({ target, verdict }) => [target, verdict])).toEqual(
      ['signer-1', 'signer-2', 'signer-3', ...CLIENTS].map((name) => [name, 'pass']),
    );
    expectNoRefusal(fleet);
    expect(readdirSync(join(fleet.home, 'out'))).toEqual(
      expect.arrayContaining(['drill.json', 'journal.yaml', 'scorecard.json', 'verdict.json']),
    );
    const again = await fleet.rotctl('scorecard', '--from-ledger', 'out/journal.yaml');
    expect([again.code, again.result.verdict]).toEqual([0, 'pass']);
    expect((await fleet.rotctl('ledger', 'verify')).code).toBe(0);
  }, 240_000);

  test.concurrent('goes on to the end with --complete', async (context) => {
    const fleet = await start(context, { replicas: 2 });
    const before = CLIENTS.map((client) => fleet.stored(1, client));
    const ended = await fleet.rotctl(...ON_FLEET, '--complete');
    const { code, result } = ended;
    expect([code, result.phase], troubles(ended)).toEqual([0, 'destroyed']);
    const after = CLIENTS.map((client) => fleet.stored(1, client));
    expect(after.map((list) => list.length)).toEqual([1, 1]);
    expect(after).not.toEqual(before);
    expectNoRefusal(fleet);
  }, 240_000);

  test.for([{ policy: 'hold', fault: 'memory-only' }])(
    'finds a replica that is wrong ($fault) and takes all back, whatever the policy ($policy)',
    {
      timeout: 240_000,
    },
    async ({ policy, fault }, context) => {
      const edit = (text: string) => text.replace('onFailedOverlap: roll-back', `onFailedOverlap: ${policy}`);
      const fleet = await start(context, { takeUp: 'both', edit });
      const before = files(fleet);
      fleet.plant(2, fault);
      const { code, result, stderr } = await fleet.rotctl(...ON_FLEET);
      expect([code, result.error?.code, result.phase], stderr).toEqual([10, 'ROLLED_BACK', undefined]);
      expect(result.error?.message).toContain('signer-2');
      expect(result.next).toBe('rotctl check --fleet rotctl.yaml');
      expect(files(fleet)).toEqual(before);
    },
  );

  test('killed in the middle is taken back by rollback; until then no other drill begins', async (context) => {
    const fleet = await start(context, { replicas: 2 });
    const before = files(fleet);
    const begun = fleet.begin(...ON_FLEET);
    begun.ended.catch(() => undefined);
    await reached(fleet, begun, 'moving').finally(() => begun.child.kill('SIGKILL'));
    await begun.ended.catch(() => undefined);
    const second = await fleet.rotctl(...ON_FLEET);
    expect([second.code, second.result.error?.code]).toEqual([13, 'MOVE_REFUSED']);
    expect(second.result.next).toBe('rotctl rollback --fleet rotctl.yaml');
    expect((await fleet.rotctl('status')).result.next).toBe('rotctl rollback');
    const on = await fleet.rotctl('resume');
    expect([on.code, on.result.phase, on.result.next], on.stderr).toEqual([0, 'switched', 'rotctl rollback']);
    const back = await fleet.rotctl('rollback');
    expect([back.code, back.result.phase], back.stderr).toEqual([0, 'rolled-back']);
    expect(files(fleet)).toEqual(before);
    expectNoRefusal(fleet);
  }, 240_000);

  test('stopped by one Ctrl-C says how to go back', async (context) => {
    const fleet = await start(context, { replicas: 2 });
    const before = files(fleet);
    const begun = fleet.begin(...ON_FLEET);
    await reached(fleet, begun, 'opening');
    begun.child.kill('SIGINT');
    const { code, result } = await begun.ended;
    expect([code, result.error?.code, result.next]).toEqual([14, 'STOPPED', 'rotctl rollback --fleet rotctl.yaml']);
    expect((await fleet.rotctl('rollback')).result.phase).toBe('rolled-back');
    expect(files(fleet)).toEqual(before);
    expectNoRefusal(fleet);
  }, 240_000);
});

describe('a drill on a production fleet', () => {
  const production = (text: string) =>
    `${text.replace('environment: staging', 'environment: production')}lockout: none\n`;

  test.for([
    { typed: [], says: 'without --allow-production' },
    { typed: ['--confirm', 'foreign'], says: 'without --allow-production' },
    { typed: ['--allow-production'], says: 'there is no terminal to ask at' },
    { typed: ['--allow-production', '--confirm', 'forein'], says: '--confirm is not the name of this fleet' },
  ])(
    'is refused with $typed, and nothing is sent or written',
    { timeout: 60_000 },
    async ({ typed, says }, context) => {
      const fleet = await start(context, { replicas: 2, clients: false, edit: production });
      const before = files(fleet);
      const { code, result } = await fleet.rotctl(...ON_FLEET, ...typed);
      expect([code, result.error?.code]).toEqual([13, 'PRECONDITION_FAILED']);
      expect(result.error?.message).toContain(says);
      expect([files(fleet), ledger(fleet)]).toEqual([before, '']);
    },
  );

  test('asks for its name at a terminal: another word begins nothing, the name does, and Ctrl-C stops it', async (context) => {
    const fleet = await start(context, { replicas: 2, clients: true, edit: production });
    const before = files(fleet);
    const drill = [...ON_FLEET, '--allow-production'];
    const wrong = await atTerminal(fleet.home, [['name to begin', 'yes']], ...drill);
    expect([wrong.code, ledger(fleet)], wrong.shown).toEqual([13, '']);
    expect(wrong.shown).toContain('what was typed is not the name of this fleet');
    const answers = [
      ['name to begin', 'foreign'],
      ['opening: ', '\u0003'],
    ] as const;
    const right = await atTerminal(fleet.home, answers, ...drill);
    expect(right.code, right.shown).toBe(14);
    expect(right.shown).toContain('next: rotctl rollback --fleet rotctl.yaml');
    expect((await fleet.rotctl('rollback')).result.phase).toBe('rolled-back');
    expect(files(fleet)).toEqual(before);
  }, 240_000);
});
