import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';
import { eventually } from '../support/until.ts';

/** One line of `--watch --json`. */
interface Line {
  readonly schema: string;
  readonly at: string;
  readonly kind: string;
  readonly replicas: readonly string[];
  readonly hazards: readonly string[];
  readonly what: string;
}

const last = ({ stderr }: Ended) => stderr.trimEnd().split('\n').at(-1) ?? '';
const incidents = (fleet: PracticeFleet) => readFileSync(fleet.ledger, 'utf8').split('kind: incident').length - 1;
/** The command line by which the fleet's own file turns a knob of its store. */
const knob = (fleet: PracticeFleet, hook: string): string[] =>
  JSON.parse(new RegExp(`^ {2}${hook}: (\\[.*\\])$`, 'm').exec(readFileSync(fleet.fleetFile, 'utf8'))?.[1] ?? '[]');

describe('a store that loses its nonces when it restarts', () => {
  let fleet: PracticeFleet;
  beforeAll(async () => {
    fleet = await startPracticeFleet({ replicas: 3, store: 'standalone' });
  }, 60_000);
  afterAll(() => fleet?.down());

  it('an event that loses nothing passes, and writes nothing', within(20), async () => {
    const ended = await fleet.rotctl(['verify-replay', '--over', 'other', '--', process.execPath, '-e', '0']);
    expect(last(ended)).toMatch(/^PASS over other .*refused by 3\/3 replicas/);
    expect(ended.code).toBe(0);
    expect(() => readFileSync(fleet.ledger)).toThrow();
  });

  it('a restart of it is a leak, named, an incident, and told with its event', within(20), async () => {
    const [node = '', ...words] = knob(fleet, 'stop');
    const restart = [node, ...words.slice(0, -1), 'restart'];
    const ended = await fleet.rotctl(['verify-replay', '--over', 'store-restart', '--', ...restart]);
    expect(ended.code, ended.stderr).toBe(1);
    expect(last(ended)).toMatch(/^FAIL over store-restart .*likely H5.*was restarted .*it keeps no append-only file/);
    expect(ended.stderr).toMatch(/^INCIDENT auth-severity: replay leak over store-restart/m);
    expect(incidents(fleet)).toBeGreaterThan(0);
  });

  it('a file carries nonces over an event, and no signed request', within(30), async () => {
    const file = join(fleet.home, 'burned.json');
    expect((await fleet.rotctl(['verify-replay', '--before', file])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).not.toMatch(/signature|hmac|v1=/i);
    expect((await fleet.rotctl(['verify-replay', '--after', file])).code).toBe(0);
    expect((await fleet.rotctl(['verify-replay', '--before', file])).code).toBe(0);
    await fleet.ctl('store', 'flush');
    const ended = await fleet.rotctl(['verify-replay', '--after', file]);
    expect(ended.code, ended.stderr).toBe(1);
    expect(last(ended)).toMatch(/likely H19: .* was flushed/);
    expect((await fleet.rotctl(['verify-replay', '--after', fleet.ledger])).code).toBe(2);
  });

  it('a watch tells a flush, drift and an outage in one line each, and ends at Ctrl-C', within(60), async () => {
    const before = incidents(fleet);
    const watch = fleet.start(['verify-replay', '--watch', '--every', '1s', '--json']);
    let text = '';
    watch.process.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    const lines = (): Line[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const seen = (kind: string, after: number) =>
      eventually(
        `a line of ${kind}`,
        () =>
          lines()
            .slice(after)
            .find((line) => line.kind === kind) !== undefined,
        { deadlineMs: 60_000 },
      );
    const told = (kind: string, after: number) =>
      lines()
        .slice(after)
        .find((line) => line.kind === kind);
    await seen('holds', 0);
    let at = lines().length;
    await fleet.ctl('store', 'flush');
    await seen('leaks', at);
    expect(told('leaks', at)).toMatchObject({ schema: 'rotctl.replay-watch.v1', hazards: ['H19'] });
    await seen('holds', at);
    at = lines().length;
    await fleet.ctl('fault', 'plant', 'other-prefix', 'signer-b');
    await seen('leaks', at);
    expect(told('leaks', at)).toMatchObject({ replicas: ['signer-b'], hazards: ['H10', 'H11'] });
    await fleet.ctl('fault', 'lift', 'other-prefix', 'signer-b');
    await seen('holds', at);
    at = lines().length;
    await fleet.ctl('store', 'freeze');
    await seen('closed', at);
    await fleet.ctl('store', 'thaw');
    await seen('holds', at);
    watch.process.kill('SIGINT');
    const ended = await watch.ended;
    expect(ended.code, ended.stderr).toBe(1);
    const end = JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(end).toMatchObject({ schema: 'rotctl.verify-replay.v1', verdict: 'fail' });
    expect(ended.stdout).not.toContain('\u001b');
    expect(incidents(fleet)).toBeGreaterThan(before + 1);
  });

  it('chaos finds its restart and a signer that fails open, and gives the store back', within(60), async () => {
    await fleet.ctl('fault', 'plant', 'fail-open', 'signer-b');
    const ended = await fleet.rotctl(['verify-replay', '--chaos', '--json']);
    await fleet.ctl('fault', 'lift', 'fail-open', 'signer-b');
    expect(ended.code, ended.stderr).toBe(1);
    const { checks, result } = JSON.parse(ended.stdout);
    const failed = checks.filter(({ verdict }: { verdict: string }) => verdict === 'fail');
    const named = failed.map(({ id, target, hazards }: { id: string; target: string; hazards?: string[] }) => [
      id,
      target,
      hazards,
    ]);
    expect(named).toContainEqual(['store.fail-closed', 'signer-b (stop)', ['fail-open', 'H11']]);
    expect(named).toContainEqual(['store.fail-closed', 'signer-b (freeze)', ['fail-open', 'H11']]);
    expect(
      failed
        .filter(({ id }: { id: string }) => id === 'store.fail-closed')
        .every(({ target }: { target: string }) => target.startsWith('signer-b')),
    ).toBe(true);
    expect(
      failed.some(
        ({ id, hazards }: { id: string; hazards?: string[] }) => id === 'replay.holds' && hazards?.includes('H5'),
      ),
    ).toBe(true);
    expect(result.outages.map(({ name }: { name: string }) => name)).toEqual(['stop', 'freeze', 'fill']);
    expect(JSON.parse(await fleet.ctl('status')).store).toMatchObject({ up: true, frozen: false });
  });
});

describe('a store that keeps its nonces', () => {
  let fleet: PracticeFleet;
  beforeAll(async () => {
    fleet = await startPracticeFleet({ replicas: 2, store: 'persistent' });
    // One outage is enough here: the others were brought about above.
    const text = readFileSync(fleet.fleetFile, 'utf8').replace(/^ {2}(?:freeze|thaw|fill|drain): .*\n/gm, '');
    writeFileSync(fleet.fleetFile, text, { mode: 0o600 });
  }, 60_000);
  afterAll(() => fleet?.down());

  it('passes chaos: refused meanwhile, nothing forgotten, each outage recorded as planned', within(60), async () => {
    const ended = await fleet.rotctl(['verify-replay', '--chaos']);
    expect(ended.code, ended.stderr).toBe(0);
    expect(last(ended)).toMatch(/^PASS chaos on practice: stop pass/);
    expect(ended.stderr).toMatch(/INCIDENT auth-severity incident is over: \d{4}-.* to \d{4}-/);
    const advice = JSON.parse((await fleet.rotctl(['advise', '--json'])).stdout);
    expect(JSON.stringify(advice)).toMatch(/"rehearsed":1/);
  });

  it('killed in an outage, it says what is owed, and the next run pays it first', within(60), async () => {
    const killed = fleet.start(['verify-replay', '--chaos']);
    await eventually('the store is down', async () => JSON.parse(await fleet.ctl('status')).store.up === false, {
      deadlineMs: 60_000,
    });
    killed.process.kill('SIGKILL');
    await killed.ended;
    const status = await fleet.rotctl(['status']);
    expect(status.stdout).toMatch(/owed: chaos\.start: stop was begun/);
    expect(status.stdout).toMatch(/next\s+rotctl verify-replay --chaos/);
    const ended = await fleet.rotctl(['verify-replay', '--chaos']);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toMatch(/running start first/);
    expect((await fleet.rotctl(['status'])).stdout).not.toMatch(/owed: chaos/);
  });

  it('Ctrl-C in an outage gives the store back first', within(60), async () => {
    const stopped = fleet.start(['verify-replay', '--chaos']);
    await eventually('the store is down', async () => JSON.parse(await fleet.ctl('status')).store.up === false, {
      deadlineMs: 60_000,
    });
    stopped.process.kill('SIGINT');
    const ended = await stopped.ended;
    expect(ended.code, ended.stderr).toBe(14);
    expect(JSON.parse(await fleet.ctl('status')).store.up).toBe(true);
    expect((await fleet.rotctl(['status'])).stdout).not.toMatch(/owed: chaos/);
  });

  it.each([
    ['production', ['--confirm', 'practice'], 2, /chaos: is not for production/],
    ['staging', [], 13, /its name was not typed/],
    ['staging', ['--confirm', 'other'], 13, /--confirm is not the name of this fleet/],
  ])('refuses %s with %j', within(10), async (environment, flags, code, why) => {
    const text = readFileSync(fleet.fleetFile, 'utf8').replace('environment: practice', `environment: ${environment}`);
    const file = join(fleet.home, 'other.yaml');
    writeFileSync(file, `${text}lockout: none\n`, { mode: 0o600 });
    const ended = await fleet.rotctl(['verify-replay', '--chaos', '--fleet', file, ...flags]);
    expect(ended.code, ended.stderr).toBe(code);
    expect(ended.stderr).toMatch(why);
  });
});
