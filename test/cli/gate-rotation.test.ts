import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { answerOf, envOf, ledgerOf, sharedSecret, variablesIn, writeVariables } from '../practice/gate-caller.ts';
import { startFleet, type TestFleet } from '../practice/harness.ts';
import { builtProgram, type Ended, slowness, startRotctl, within } from '../support/practice-fleet.ts';
import { eventually } from '../support/until.ts';

/** Prints itself in the title; set it to see the same kill again. */
const seed = Number(process.env.ROTCTL_SEED ?? Date.now() % 1_000_000);
const GATES = ['gate-a', 'gate-b'];
const SERVICES = ['langgraph', 'scheduler'];
const PARTIES = [...GATES, 'template', ...SERVICES];
const [SECRET, PREV] = ['INTERSERVICE_HMAC_SECRET', 'INTERSERVICE_HMAC_SECRET_PREV'];
const [KEY_ID, KEY_ID_PREV] = ['INTERSERVICE_HMAC_KEY_ID', 'INTERSERVICE_HMAC_KEY_ID_PREV'];

let fleet: TestFleet;
let program: string;

beforeAll(async () => {
  program = await builtProgram();
  fleet = await startFleet('--protocol', 'gate-v1', '--store', 'embedded', '--replicas', String(GATES.length));
  await giveTime();
});

/** On a machine that is busy everything may take longer, as far as the fleet's own times go. */
async function giveTime(): Promise<void> {
  if (slowness === 1) return;
  const text = readFileSync(fleet.ready.fleetFile, 'utf8')
    .replace('maxAge: 2s, nonceTtl: 6s', `maxAge: ${2 * slowness}s, nonceTtl: ${6 * slowness}s`)
    .replace('  deadline: 1500ms', `  deadline: ${1500 * slowness}ms`)
    .replace('readiness: { deadline: 8s', `readiness: { deadline: ${8 * slowness}s`)
    .replaceAll('cadence: 500ms', `cadence: ${500 * slowness}ms`);
  writeFileSync(fleet.ready.fleetFile, text, { mode: 0o600 });
  for (const gate of [...GATES, 'template']) {
    writeVariables(envOf(fleet, gate), {
      NONCE_TTL_SECONDS: String(6 * slowness),
      SIGNATURE_SKEW_SECONDS: String(2 * slowness),
    });
    if (gate !== 'template') expect((await fleet.ctl('restart', gate)).code).toBe(0);
  }
}

/** Runs a command as an operator types it, in the fleet's folder. */
function rotctl(...words: string[]): Promise<Ended> {
  return startRotctl(program, fleet.home, words).ended;
}

/** Runs a command that ends well, and gives its one document. */
async function done(...words: string[]) {
  const { code, stdout, stderr } = await rotctl(...words, '--json');
  expect([words.join(' '), code], `${stdout}${stderr}`).toEqual([words.join(' '), 0]);
  return JSON.parse(stdout);
}

/** Every variable of every party. */
const configuration = () => Object.fromEntries(PARTIES.map((who) => [who, variablesIn(envOf(fleet, who))]));
const of = (names: readonly string[], name: string) => names.map((who) => variablesIn(envOf(fleet, who))[name]);
const exists = (name: string) => readdirSync(fleet.home).includes(name);

/** Files below the fleet's folder that hold a text. */
function filesWith(text: string): string[] {
  return readdirSync(fleet.home, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const path = join(fleet.home, name);
    return statSync(path).isFile() && readFileSync(path).includes(text);
  });
}

/** A number from 0 to below 1, the same for the same seed. */
function random(): number {
  return ((seed * 2_654_435_761) % 2 ** 32) / 2 ** 32;
}

/** Entries of the ledger, by the line that each begins with. */
function entries(): number {
  if (!exists('rotation-ledger.yaml')) return 0;
  return readFileSync(join(fleet.home, 'rotation-ledger.yaml'), 'utf8').match(/^---$/gm)?.length ?? 0;
}

/** Kills the command as soon as it has written so many entries; says whether it was still at work. */
async function killedAfter(written: number, ...words: string[]): Promise<boolean> {
  const before = entries();
  const running = startRotctl(program, fleet.home, words);
  let over = false;
  const ended = running.ended.finally(() => (over = true));
  await eventually(`${written} entries`, () => over || entries() >= before + written, {
    deadlineMs: 120_000 * slowness,
  });
  running.process.kill('SIGKILL');
  return (await ended).signal === 'SIGKILL';
}

async function expectNoRefusal(): Promise<void> {
  const { clients } = await fleet.status();
  expect(clients.map(({ id, refused, byCode }) => ({ id, refused, byCode }))).toMatchObject(
    SERVICES.map((id) => ({ id, refused: 0 })),
  );
  for (const { accepted } of clients) expect(accepted).toBeGreaterThan(50);
}

it(`a fleet of gates is rotated, rotated again over a kill, and taken back (seed ${seed})`, within(150), async () => {
  const first = sharedSecret(fleet);
  const before = configuration();
  const checked = await done('check');
  expect(checked.verdict).toBe('pass');
  const odd = checked.checks.filter(({ verdict }: { verdict: string }) => verdict !== 'pass');
  expect(odd.map(({ id, verdict }: { id: string; verdict: string }) => [id, verdict])).toEqual(
    expect.arrayContaining([
      ['gate.key-id-bound', 'not-applicable'],
      ['gate.revoked-refused', 'not-applicable'],
    ]),
  );

  const rehearsed = await rotctl('overlap', '--dry-run');
  expect(rehearsed.code, rehearsed.stderr).toBe(0);
  expect(rehearsed.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^REHEARSED overlap from stable: .*nothing was changed/,
  );
  expect(`${rehearsed.stdout}${rehearsed.stderr}`).not.toMatch(/\bPASS\b/);
  expect(await done('plan', '-o', 'whole.json')).toMatchObject({ verdict: 'rehearsed' });
  expect([configuration(), exists('rotation-ledger.yaml')]).toEqual([before, false]);

  expect(await done('overlap', '--plan', 'whole.json')).toMatchObject({ verdict: 'pass', phase: 'switched' });
  const written = entries();
  const [second = ''] = of(GATES, SECRET);
  const [nextId = ''] = of(GATES, KEY_ID);
  const [oldId = ''] = of(GATES, KEY_ID_PREV);
  expect(second).not.toBe(first);
  expect([nextId, oldId].every((id) => /^k-[0-9a-f]{8}$/.test(id))).toBe(true);
  for (const [name, value] of [
    [SECRET, second],
    [PREV, first],
    [KEY_ID, nextId],
    [KEY_ID_PREV, oldId],
  ] as const)
    expect(of(PARTIES, name)).toEqual(PARTIES.map(() => value));
  expect(of([...GATES, 'template'], 'INTERSERVICE_HMAC_STRICT_KEY_ID')).toEqual(['true', 'true', 'true']);
  expect(of(SERVICES, 'TOOL_GATE_DUAL_SIGN')).toEqual(['true', 'true']);
  expect(await done('status')).toMatchObject({ phase: 'switched' });

  expect(await done('retire', '--wait')).toMatchObject({ verdict: 'pass', phase: 'destroyed' });
  expect(filesWith(first)).toEqual([]);
  for (const gate of GATES) {
    for (const keyId of ['v0', 'v1', oldId, nextId])
      expect(await answerOf(fleet, gate, { secret: first, keyId })).toBe('401 invalid request signature');
    expect(await answerOf(fleet, gate, { secret: second, keyId: oldId })).toBe('401 invalid request signature');
    expect(await answerOf(fleet, gate, { secret: second, keyId: nextId })).toBe('200 DENIED');
    for (const id of SERVICES)
      expect((await ledgerOf(fleet, gate, `did:practice:${id}`)).at(-1)).toMatchObject({ key_id: nextId });
  }

  const between = configuration();
  // The last entries come so fast that it may have ended.
  const at = 1 + Math.floor(random() * 0.8 * written);
  expect(await killedAfter(at, 'overlap'), `it was killed at work, after ${at} of ${written} entries`).toBe(true);
  expect(await done('resume', '--wait')).toMatchObject({ verdict: 'pass', phase: 'switched' });
  const [third = ''] = of(GATES, SECRET);
  expect([first, second]).not.toContain(third);
  expect([of(PARTIES, SECRET), of(PARTIES, PREV)]).toEqual([PARTIES.map(() => third), PARTIES.map(() => second)]);
  expect(of(PARTIES, KEY_ID_PREV)).toEqual(PARTIES.map(() => nextId));

  expect(await done('rollback')).toMatchObject({ verdict: 'pass', phase: 'rolled-back' });
  expect(configuration()).toEqual(between);
  expect(filesWith(third)).toEqual([]);
  for (const gate of GATES) {
    expect(await answerOf(fleet, gate, { secret: third, keyId: nextId })).toBe('401 invalid request signature');
    expect(await answerOf(fleet, gate, { secret: second, keyId: nextId })).toBe('200 DENIED');
  }
  expect(await done('ledger', 'verify')).toMatchObject({ verdict: 'pass' });
  await expectNoRefusal();
  await fleet.stop();
});
