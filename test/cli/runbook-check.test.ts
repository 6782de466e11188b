import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeWorld, type World } from './world.ts';

function json(world: World) {
  return JSON.parse(world.stdout.text);
}

describe('runbook check', () => {
  test('of the shipped runbooks, by name, passes with what was explored', async () => {
    const world = makeWorld();
    expect(await world.run('runbook', 'check', 'signer-hmac', 'gate-hmac', 'signer-mtls')).toBe(0);
    expect(world.stdout.text.match(/^SAFE {2}/gm)).toHaveLength(3);
    expect(world.stdout.text).toMatch(
      /explored \d+ states at 2 replicas × 2 clients × 1 template, which stand for\s+3 × 3 × 1/,
    );
    expect(world.stdout.text).toContain('on      crash, client-restart, scale-out, reconcile, unheeded, left-out');
    expect(world.stdout.text).toContain('off     nothing');
    expect(world.stderr.lines.at(-1)).toBe('PASS 3 runbooks: 3 safe (3/3 checks, 0 unknown)');
    expect(world.stdout.text).not.toContain('\u001b');
  });

  test('looks at every file, also after one that cannot be read, and ends with 2', async () => {
    const world = makeWorld();
    writeFileSync(join(world.cwd, 'bad.yaml'), 'schema: rotctl.runbook.v1\nname: 5\n');
    copyFileSync('test/mistakes/m01-retire-before-all-moved.yaml', join(world.cwd, 'hasty.yaml'));
    const files = ['bad.yaml', 'absent.yaml', 'hasty.yaml', 'signer-hmac'];
    expect(await world.run('runbook', 'check', ...files, '--json')).toBe(2);
    const document = json(world);
    expect(document).toMatchObject({
      schema: 'rotctl.runbook-check.v1',
      verdict: 'fail',
      exitCode: 2,
      error: { code: 'INPUT_INVALID', line: 2 },
      summary: '4 runbooks: 1 safe, 1 unsafe, 2 unreadable',
    });
    expect(document.result.runbooks.map((one: { verdict: string }) => one.verdict)).toEqual([
      'unreadable',
      'unreadable',
      'unsafe',
      'safe',
    ]);
    expect(document.checks.map((one: { verdict: string }) => one.verdict)).toEqual(['fail', 'fail', 'fail', 'pass']);
    expect(world.stderr.lines.at(-1)).toMatch(/^FAIL 4 runbooks/);
  });

  test('of an unsafe one prints the sequence, the step and the advice', async () => {
    const world = makeWorld();
    copyFileSync('test/mistakes/m06-no-drain.yaml', join(world.cwd, 'mine.yaml'));
    const calm = ['crash', 'client-restart', 'left-out'].flatMap((action) => ['--without', action]);
    expect(await world.run('runbook', 'check', 'mine.yaml', '--templates', '0', ...calm)).toBe(2);
    expect(world.stdout.text).toMatch(/breaks {2}I1b, no lock-out in flight/);
    expect(world.stdout.text).toMatch(/sent before it changed,\s+arrives\s+late/);
    expect(world.stdout.text).toMatch(/change {2}\S+, .*mine\.yaml:\d+:7/);
    expect(world.stderr.text).toContain('mine.yaml:');
    expect(world.stderr.lines.at(-1)).toBe('FAIL 1 runbook: 1 unsafe (0/1 checks, 0 unknown)');
  });

  test('with --verbose says what every party holds, and what each surrounding means', async () => {
    const [brief, verbose] = [makeWorld(), makeWorld()];
    for (const { cwd } of [brief, verbose]) copyFileSync('test/mistakes/m06-no-drain.yaml', join(cwd, 'mine.yaml'));
    await brief.run('runbook', 'check', 'mine.yaml');
    await verbose.run('runbook', 'check', 'mine.yaml', '--verbose');
    expect(verbose.stdout.lines.length).toBeGreaterThan(brief.stdout.lines.length + 10);
    expect(verbose.stdout.text).toContain('any replica ends at any time');
  });

  test('of gates asks of every way in which they may begin, and finds what hurts one of them alone', async () => {
    const world = makeWorld();
    copyFileSync('test/mistakes/gm5-strict-before-clients-are-back.yaml', join(world.cwd, 'hasty.yaml'));
    expect(await world.run('runbook', 'check', 'gate-hmac', 'hasty.yaml', '--json')).toBe(2);
    const [good, hasty] = json(world).result.runbooks;
    const begins = (one: { explored: { beginning: object }[] }) => one.explored.map(({ beginning }) => beginning);
    const own = { strict: false, keyIds: 'own' };
    const everyWay = [{ strict: false, keyIds: 'default' }, own, { strict: true, keyIds: 'own' }];
    expect([good.verdict, begins(good)]).toEqual(['safe', everyWay]);
    const states = good.explored.map((one: { states: number }) => one.states);
    expect(states.reduce((sum: number, each: number) => sum + each)).toBe(good.states);
    expect([hasty.verdict, hasty.counterexample.step]).toEqual(['unsafe', 'publish-strict-again']);
    expect(begins(hasty).at(-1)).toEqual({ strict: true, keyIds: 'own' });
    expect(JSON.stringify(hasty.counterexample.before)).toContain('strict');
  });

  test('says in its text how the gates begin', async () => {
    const world = makeWorld();
    await world.run('runbook', 'check', 'gate-hmac', 'signer-hmac');
    expect(world.stdout.text).toMatch(
      /begin with\s+default key ids, or with own key ids, or with own key ids that are\s+enforced/,
    );
    expect(world.stdout.text.match(/begin/g)).toHaveLength(1);
  });

  test('takes what may not happen, and says so', async () => {
    const world = makeWorld();
    const without = ['--without', 'scale-out', '--without', 'left-out'];
    expect(await world.run('runbook', 'check', 'signer-hmac', ...without, '--json')).toBe(0);
    const [one] = json(world).result.runbooks;
    const off = one.environment.filter(({ on }: { on: boolean }) => !on);
    expect(off.map(({ action }: { action: string }) => action)).toEqual(['scale-out', 'left-out']);
    expect(one.always).toHaveLength(3);
  });

  test('with --whole explores the fleet as it is', async () => {
    const world = makeWorld();
    const size = ['--replicas', '3', '--clients', '1', '--templates', '0'];
    expect(await world.run('runbook', 'check', 'signer-hmac', '--whole', ...size, '--json')).toBe(0);
    expect(json(world).result.runbooks[0]).toMatchObject({ reduced: false, explored: [{ replicas: 3, clients: 1 }] });
  });

  test('says where it is when a search takes long', async () => {
    const world = makeWorld();
    let now = 0;
    const clock = {
      ...world.platform.clock,
      monotonic: () => {
        now += 100;
        return now;
      },
    };
    const slow = { ...world.platform, clock };
    const { runCli } = await import('../../src/cli/run.ts');
    expect(await runCli(['runbook', 'check', 'gate-hmac'], slow)).toBe(0);
    expect(world.stderr.text).toMatch(/^exploring gate-hmac: \d+ states so far$/m);
  });

  test.each([
    { argv: ['--replicas', '0'], says: 'must be a whole number from 1 to 100' },
    { argv: ['--replicas', '-1'], says: 'argument' },
    { argv: ['--clients', '2.5'], says: 'must be a whole number from 1 to 100' },
    { argv: ['--clients', '1e2'], says: 'must be a whole number from 1 to 100' },
    { argv: ['--templates', 'many'], says: 'must be a whole number from 0 to 100' },
    { argv: ['--replicas', '101'], says: 'must be a whole number from 1 to 100' },
    {
      argv: ['--without', 'crashes'],
      says: 'one of crash, client-restart, scale-out, reconcile, unheeded, left-out',
    },
  ])('refuses $argv', async ({ argv, says }) => {
    const world = makeWorld();
    expect(await world.run('runbook', 'check', 'signer-hmac', ...argv)).toBe(2);
    expect(world.stderr.text).toContain(says);
    expect(world.stderr.lines.at(-1)).toMatch(/^FAIL runbook-check ended with USAGE$/);
    expect(world.stdout.text).toBe('');
  });

  test('needs a file', async () => {
    const world = makeWorld();
    expect(await world.run('runbook', 'check')).toBe(2);
    expect(world.stderr.text).toContain("missing required argument 'file'");
  });

  test('colours on a terminal alone', async () => {
    const terminal = makeWorld({ live: true });
    await terminal.run('runbook', 'check', 'signer-hmac');
    expect(terminal.stdout.text).toContain('\u001b[32m');
    const plain = makeWorld({ live: true, env: { NO_COLOR: '1' } });
    await plain.run('runbook', 'check', 'signer-hmac');
    expect(plain.stdout.text).not.toContain('\u001b');
  });
});
