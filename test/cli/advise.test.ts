import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Platform } from '../../src/cli/platform.ts';
import { runCli } from '../../src/cli/run.ts';
import { ADVICE_TRIGGERS } from '../../src/drill/advice/triggers.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { begun, DAY_MS, type EntrySketch, entriesOf, incident, NOW } from '../drill/advice-entries.ts';
import { type Built, buildProgramFiles, filesLoadedBy } from './program-build.ts';
import { makeWorld, type World } from './world.ts';

const FLEET = /```yaml\n(.*?)```/s.exec(readFileSync(new URL('../../README.md', import.meta.url), 'utf8'))?.[1] ?? '';
const NONE = ['--external-verifiers', '0', '--zero-trust', 'false', '--auditability', '0'];
/** Every trigger that no ledger counts, two of them met. */
const TWO = ['--services', '8', '--teams', '3', ...NONE];
const COUNTED = ['--rotations', '0', '--incidents', '0'];

interface Advised {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly last: string | undefined;
}

/** Runs `advise` at a moment that the test chose. */
async function advise(world: World, ...argv: readonly string[]): Promise<Advised> {
  const platform: Platform = { ...world.platform, clock: { ...world.platform.clock, now: () => NOW } };
  const code = await runCli(['advise', ...argv], platform);
  return { code, stdout: world.stdout.text, stderr: world.stderr.text, last: world.stderr.lines.at(-1) };
}

/** A real ledger whose entries are stamped when the sketches say. */
async function writeLedger(world: World, path: string, ...sketches: readonly EntrySketch[]): Promise<void> {
  let at = NOW;
  const clock = { ...world.platform.clock, now: () => at };
  const open = await openLedger(path, { disk: await world.platform.ledgerDisk(), clock });
  for (const { seq: _, at: stamp, prev: __, hash: ___, ...draft } of entriesOf(...sketches)) {
    at = Date.parse(stamp);
    await open.append(draft);
  }
  await open.close();
}

async function withLedger(settings: Parameters<typeof makeWorld>[0], ...sketches: readonly EntrySketch[]) {
  const world = makeWorld(settings);
  const ledger = join(world.cwd, 'rotation-ledger.yaml');
  writeFileSync(join(world.cwd, 'rotctl.yaml'), FLEET);
  await writeLedger(world, ledger, ...sketches);
  return { ...world, ledger };
}

const FOUR = [begun('a', 91), begun('b', 60), begun('c', 40), begun('d', 1)];

describe('without a ledger', () => {
  test('nothing given is inconclusive, names what to give, and exits 12', async () => {
    const { code, last, stdout } = await advise(makeWorld(), '--json');
    expect(code).toBe(12);
    expect(last).toMatch(/^INCONCLUSIVE between stay and migrate: 0 of 7 triggers are met, 7 unknown/);
    const { schema, verdict, result } = JSON.parse(stdout);
    expect({ schema, verdict }).toEqual({ schema: 'rotctl.advise.v1', verdict: 'unknown' });
    expect(result).toMatchObject({
      advice: 'inconclusive',
      between: ['stay', 'migrate'],
      met: 0,
      unknown: 7,
      plan: [],
    });
    expect(result.triggers).toHaveLength(7);
    for (const trigger of result.triggers)
      expect(trigger).toMatchObject({ value: null, met: null, source: null, unknown: true });
  });

  test.each([
    { argv: ['--services', '8', ...NONE, ...COUNTED, '--teams', '0'], says: 'ADVISED stay on HMAC: 1 of 7' },
    { argv: [...TWO, ...COUNTED], says: 'ADVISED prepare now, on HMAC: 2 of 7' },
    { argv: [...TWO, '--rotations', '4', '--incidents', '0'], says: 'ADVISED migrate in the next phase: 3 of 7' },
  ])('$says', async ({ argv, says }) => {
    const { code, last } = await advise(makeWorld(), ...argv);
    expect(code).toBe(0);
    expect(last).toContain(says);
  });

  test('unknown values that cannot change the advice leave it standing, and are counted', async () => {
    const { code, last } = await advise(makeWorld(), '--services', '8', '--teams', '3', '--incidents', '1');
    expect(code).toBe(0);
    expect(last).toBe(
      'ADVISED migrate in the next phase: 3 of 7 triggers are met, 4 unknown, which cannot change the advice',
    );
  });

  test('one unknown value that could change the advice makes it inconclusive, with the steps of the lesser one', async () => {
    const { code, last, stdout } = await advise(makeWorld(), ...TWO, '--rotations', '0', '--json');
    expect(code).toBe(12);
    expect(last).toContain('INCONCLUSIVE between prepare now and migrate');
    expect(last).toContain('give HMAC_INCIDENTS_90D');
    expect(JSON.parse(stdout).result.plan[0].install[0]).toContain('TOOL_GATE_DUAL_SIGN=true');
  });

  test('stay names what is nearest to its threshold', async () => {
    const { stdout } = await advise(makeWorld(), '--services', '7', '--teams', '1', ...NONE, ...COUNTED);
    expect(stdout).toContain('nearest to its threshold: AUTH_SERVICES has 7 of 8\n  2 more met: prepare now');
  });

  test('a flag beats the environment, each value names its source, and a difference is shown', async () => {
    const world = makeWorld({ env: { AUTH_SERVICES: '9', AUTH_TEAMS: '3' } });
    const { stdout } = await advise(world, '--services', '7');
    expect(stdout).toMatch(/not met +AUTH_SERVICES +7 +>= 8 +from --services\n/);
    expect(stdout).toMatch(/met +AUTH_TEAMS +3 +>= 3 +from AUTH_TEAMS in the environment\n/);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'AUTH_SERVICES: --services says 7, AUTH_SERVICES in the environment says 9, which is set aside',
    );
  });

  test.each(ADVICE_TRIGGERS)(
    '$flag is a flag of the command, and $name a variable',
    async ({ name, flag, threshold }) => {
      for (const [env, argv] of [
        [{ [name]: String(threshold) }, []],
        [{}, [flag, String(threshold)]],
      ] as const) {
        const { stdout } = await advise(makeWorld({ env }), ...argv, '--json');
        expect(JSON.parse(stdout).result.met).toBe(1);
      }
    },
  );

  test('a bad value exits 2 with its name, as JSON too', async () => {
    const { code, stdout, last } = await advise(
      makeWorld({ env: { AUTH_TEAMS: '' } }),
      '--zero-trust',
      'yes',
      '--json',
    );
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'USAGE',
      message:
        'AUTH_TEAMS must be a whole number of 0 or more, got an empty text; --zero-trust must be true or false, got "yes"',
    });
    expect(last).toBe('FAIL advise ended with USAGE');
  });
});

describe('with a ledger beside the fleet file', () => {
  test('rotations and incidents are counted, with the entries, and nothing is asked of them', async () => {
    const world = await withLedger({}, ...FOUR, incident('d', 0));
    const { code, stdout } = await advise(world, '--services', '8', '--json');
    expect(code).toBe(0);
    const { fleet, result } = JSON.parse(stdout);
    expect(fleet).toBe('signer-staging');
    expect(result).toMatchObject({ advice: 'migrate', met: 3, unknown: 4 });
    expect(result.ledger).toMatchObject({
      path: world.ledger,
      rotations: { value: 4, entries: [1, 2, 3, 4], since: new Date(NOW - 92 * DAY_MS).toISOString() },
      incidents: { value: 1, entries: [5], since: new Date(NOW - 90 * DAY_MS).toISOString() },
    });
    expect(result.triggers[2]).toMatchObject({ value: 4, source: 'ledger', from: 'the ledger', met: true });
  });

  test('entries just outside of the windows count nothing', async () => {
    const world = await withLedger({}, begun('a', 92, 1), incident('a', 90, {}, 1));
    const { stdout } = await advise(world, '--json');
    const { rotations, incidents } = JSON.parse(stdout).result.ledger;
    expect([rotations.value, incidents.value]).toEqual([0, 0]);
  });

  test('the count beats the environment and flags, both are shown, and so is the advice that it changes', async () => {
    const world = await withLedger({ env: { HMAC_ROTATIONS_PER_QUARTER: '1', HMAC_INCIDENTS_90D: '0' } }, ...FOUR);
    const { stdout, last } = await advise(world, '--incidents', '2', ...TWO);
    const text = stdout.replace(/\s+/g, ' ');
    expect(last).toContain('ADVISED migrate in the next phase: 3 of 7');
    expect(text).toContain(
      'the ledger says 4, HMAC_ROTATIONS_PER_QUARTER in the environment says 1, which is set aside',
    );
    expect(text).toContain('the ledger says 0, --incidents says 2, which is set aside');
    expect(text).not.toContain('HMAC_INCIDENTS_90D in the environment says 0');
  });

  test('one that was given and would lead elsewhere is said to', async () => {
    const world = await withLedger({}, ...FOUR);
    const { stdout } = await advise(world, '--rotations', '1', '--incidents', '0', ...TWO);
    expect(stdout.replace(/\s+/g, ' ')).toContain('in place of what was counted, the advice would be: prepare now');
  });

  test('a ledger that begins within the window says so', async () => {
    const { stdout } = await advise(await withLedger({}, begun('a', 10)));
    expect(stdout.replace(/\s+/g, ' ')).toContain('it knows nothing of what came before');
  });

  test('the plan and the information are of this fleet, whose size is not taken for AUTH_SERVICES', async () => {
    const world = await withLedger({}, ...FOUR, incident('d', 0));
    const { stdout } = await advise(world, '--teams', '3');
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toContain('fleet signer-staging: 1 client and one service of 2 replicas; for information');
    expect(text).toContain('signer-1 alone first, then signer-2');
    expect(text).toMatch(/unknown AUTH_SERVICES - >= 8 not given/);
  });

  test('changes neither the ledger nor anything beside it', async () => {
    const world = await withLedger({}, ...FOUR);
    const before = readFileSync(world.ledger);
    await advise(world);
    expect(readFileSync(world.ledger)).toEqual(before);
  });

  test.each([['beside the fleet'], ['named']])('one that does not verify (%s) is an error, not a zero', async (how) => {
    const world = await withLedger({}, ...FOUR);
    writeFileSync(world.ledger, readFileSync(world.ledger, 'utf8').replace('2222', '2223'));
    const { code, last } = await advise(world, ...TWO, ...(how === 'named' ? ['--ledger', world.ledger] : []));
    expect(code).toBe(2);
    expect(last).toBe('FAIL advise ended with LEDGER_BROKEN');
  });
});

describe('what is at hand', () => {
  test('a ledger that is named is counted without any fleet', async () => {
    const { ledger } = await withLedger({}, ...FOUR);
    const { stdout } = await advise(makeWorld(), '--ledger', ledger, '--json');
    expect(JSON.parse(stdout).result).toMatchObject({ met: 1, unknown: 5, ledger: { path: ledger } });
  });

  test('a ledger without entries leaves its triggers unknown', async () => {
    const { stdout } = await advise(await withLedger({}), '--json');
    const { result } = JSON.parse(stdout);
    expect(result.unknown).toBe(7);
    expect(Object.keys(result.ledger)).toEqual(['path']);
  });

  test('a fleet without a ledger is no error, and leaves both unknown', async () => {
    const world = makeWorld();
    writeFileSync(join(world.cwd, 'rotctl.yaml'), FLEET);
    const { code, stdout } = await advise(world, '--json');
    expect(code).toBe(12);
    expect(JSON.parse(stdout).result).toMatchObject({ unknown: 7, fleet: { clients: ['wallet'] } });
  });

  test.each([
    { what: 'a named ledger', env: {}, argv: ['--ledger', 'nowhere.yaml'] },
    { what: 'a named fleet', env: {}, argv: ['--fleet', 'nowhere.yaml'] },
    { what: 'a fleet of ROTCTL_FLEET', env: { ROTCTL_FLEET: 'nowhere.yaml' }, argv: [] },
  ])('$what that is not there is an error', async ({ env, argv }) => {
    const { code, last } = await advise(makeWorld({ env }), ...argv);
    expect(code).toBe(2);
    expect(last).toBe('FAIL advise ended with INPUT_UNREADABLE');
  });
});

test('--out writes the same document, the verdict, and a JUnit case that neither passed nor failed', async () => {
  const world = makeWorld();
  const { stdout } = await advise(world, ...TWO, '--incidents', '1', '--json', '--out', 'day');
  expect(readFileSync(join(world.cwd, 'day/advise.json'), 'utf8')).toBe(stdout);
  expect(JSON.parse(readFileSync(join(world.cwd, 'day/verdict.json'), 'utf8'))).toMatchObject({
    verdict: 'advised',
    exitCode: 0,
  });
  expect(readFileSync(join(world.cwd, 'day/junit.xml'), 'utf8')).toContain('skipped="1"');
});

test('colour is for a terminal, and not with NO_COLOR', async () => {
  const colours = async (env: Platform['env']) => (await advise(makeWorld({ env, live: true }), ...TWO)).stdout;
  expect(await colours({})).toContain('\u001b[');
  expect(await colours({ NO_COLOR: '1' })).not.toContain('\u001b[');
});

describe('a cold start', () => {
  let built: Built;

  beforeAll(async () => {
    built = await buildProgramFiles();
  });

  test('of help does not load what gives the advice, and the command does', () => {
    const ours = (source: string) =>
      filesLoadedBy(built, source).filter((file) => /(?:drill|report)\/advice|cli\/advise/.test(file));
    expect(ours('src/cli/program.ts')).toEqual([]);
    expect(ours('src/cli/advise.ts').length).toBeGreaterThan(5);
    expect(
      filesLoadedBy(built, 'src/cli/advise.ts').filter((file) => /node_modules\/(?:zod|yaml)\//.test(file)),
    ).toEqual([]);
  });
});
