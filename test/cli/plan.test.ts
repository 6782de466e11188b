import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeWorld, type World } from './world.ts';

const SECRETS = { wallet: 'wallet-0123456789abcdefghijklmnopqrstuv', desk: 'desk-0123456789abcdefghijklmnopqrstuvwx' };

const FLEET = `schema: rotctl.fleet.v1
name: payments
environment: production
replicas:
  - name: signer-a
    url: https://10.0.0.1:8443
    deploy: { path: signer-a.env, variable: 'KEYS_{CLIENT}', format: list, reload: [a], restart: [b] }
  - name: signer-b
    url: https://10.0.0.2:8443
    deploy: { path: signer-b.env, variable: 'KEYS_{CLIENT}', format: list, reload: [b], restart: [b] }
clients:
  - id: wallet
    secret: { from: dotenv, path: wallet.env, variable: SECRET }
    deploy: { path: wallet.env, variable: SECRET, reload: [a], restart: [a] }
    cadence: 10s
    atRest: 30s
  - id: desk
    secret: { from: dotenv, path: desk.env, variable: SECRET }
    deploy: { path: desk.env, variable: SECRET, reload: [a], restart: [a] }
    cadence: 10s
    atRest: 30s
tls: { ca: ca.pem }
replay: { maxAge: 60s, nonceTtl: 130s, clockError: 1s, storeTimeout: 5s }
policy: { minOverlap: 1h, soak: 24h }
probe: { causes: 'refused by policy (422), signs nothing' }
usage: { metric: accepted_total, labels: { client: client, fingerprint: key, caller: caller } }
`;

/** A fleet of files alone: nothing answers at its addresses, so that whatever is sent fails. */
function fleetIn(world: World): void {
  const write = (name: string, text: string): void => writeFileSync(join(world.cwd, name), text, { mode: 0o600 });
  write('rotctl.yaml', FLEET);
  for (const name of ['signer-a.env', 'signer-b.env'])
    write(name, `KEYS_WALLET="${SECRETS.wallet}"\nKEYS_DESK="${SECRETS.desk}"\n`);
  for (const id of ['wallet', 'desk'] as const) write(`${id}.env`, `SECRET="${SECRETS[id]}"\n`);
  copyFileSync('runbooks/signer-hmac.yaml', join(world.cwd, 'mine.yaml'));
}

/** Somebody else writes one entry. */
async function append({ cwd, platform }: World): Promise<void> {
  const ledger = await platform.openLedger(join(cwd, 'rotation-ledger.yaml'));
  const head = { rotation: 'drill-1', fleet: 'payments', runbook: 'drill', phase: 'stable', step: null } as const;
  await ledger.append({ ...head, kind: 'evidence', data: { verdict: 'pass' } });
  await ledger.close();
}

const BY = ['--runbook', 'mine.yaml'];

async function planned(): Promise<World> {
  const world = makeWorld();
  fleetIn(world);
  expect(await world.run('plan', 'overlap', '-o', 'plan.json', ...BY)).toBe(0);
  return world;
}

/** A world with the same folder, and nothing printed yet. */
function next(world: World): World {
  const fresh = makeWorld();
  return {
    ...fresh,
    cwd: world.cwd,
    run: async (...argv) => {
      const { runCli } = await import('../../src/cli/run.ts');
      return runCli(argv, { ...fresh.platform, cwd: world.cwd });
    },
  };
}

describe('plan', () => {
  test('of a whole rotation says what each command does, and that nothing was tried', async () => {
    const world = makeWorld();
    fleetIn(world);
    expect(await world.run('plan', ...BY)).toBe(0);
    const { text } = world.stdout;
    expect(text).toMatch(/^rotctl overlap, until switched: about \d+ requests/m);
    expect(text).toMatch(/^rotctl retire, until destroyed: about \d+ requests/m);
    expect(text).toContain('one after the other, each through all of these: signer-a');
    expect(text).toMatch(/^ +- accepts of wallet [0-9a-f]{16}\n +\+ accepts of wallet [0-9a-f]{16}, next$/m);
    expect(text).toContain('next     next (made when the overlap opens)');
    expect(text).toMatch(/off {5}scale-out .*\n?.*/);
    expect(text).toMatch(
      /waits 58 min \d+ s at the time gate before retire(?:.|\n)*waits 1 d at the time gate before destroy/,
    );
    expect(text).toMatch(/not tried by a\s+plan; `rotctl check`\s+does/);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(world.stderr.lines.at(-1)).toMatch(/^REHEARSED plan of overlap, then retire on payments/);
    for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
  });

  test('says what the fleet has no command for, and takes that for possible anywhere', async () => {
    const world = makeWorld();
    fleetIn(world);
    writeFileSync(join(world.cwd, 'rotctl.yaml'), FLEET.replace('format: list, reload: [b], ', 'format: list, '));
    expect(await world.run('plan', ...BY)).toBe(0);
    expect(world.stdout.text).toContain('left out: signer-b declares no reload command');
    expect(world.stdout.text).toMatch(/on {6}left-out/);
    expect(world.stdout.text).toMatch(/\(signer-b\s+has\s+no\s+reload\s+command\)/);
  });

  test('as JSON has every task with its changes, requests and times', async () => {
    const world = makeWorld();
    fleetIn(world);
    expect(await world.run('plan', ...BY, '--json')).toBe(0);
    const { result, ...rest } = JSON.parse(world.stdout.text);
    expect(rest).toMatchObject({ schema: 'rotctl.plan.v1', verdict: 'rehearsed', exitCode: 0, phase: 'stable' });
    expect(result.safety).toMatchObject({ verdict: 'safe', fleet: { replicas: 2, clients: 2, templates: 0 } });
    const [overlap, retire] = result.commands;
    expect(overlap).toMatchObject({ command: 'overlap', goal: 'switched' });
    const tasks = overlap.moves.filter((move: { step?: string }) => move.step !== undefined);
    expect(tasks.map(({ step }: { step: string }) => step)).toContain('verify-overlap');
    const sent = tasks.reduce((sum: number, { requests }: { requests: number }) => sum + requests, 0);
    expect(overlap.requests).toBeGreaterThan(sent);
    // The overlap waits out nonces' life, the drain is in the retirement, and so is the soak.
    expect(overlap.leastMs).toBeGreaterThanOrEqual(131_000);
    expect(retire.leastMs).toBeGreaterThanOrEqual(24 * 3_600_000);
    expect(retire.mostMs).toBeGreaterThan(retire.leastMs);
  });

  test('withholds the name of a weak secret', async () => {
    const world = makeWorld();
    fleetIn(world);
    for (const name of ['signer-a.env', 'signer-b.env'])
      writeFileSync(join(world.cwd, name), `KEYS_WALLET="changeme-wallet"\nKEYS_DESK="${SECRETS.desk}"\n`, {
        mode: 0o600,
      });
    writeFileSync(join(world.cwd, 'wallet.env'), 'SECRET="changeme-wallet"\n', { mode: 0o600 });
    await world.run('plan', ...BY);
    expect(world.stdout.text).toMatch(/wallet {2}current {2}withheld \(weak\)/);
  });

  test('of an unsafe runbook fails, with the real names in the sequence, and saves nothing', async () => {
    const world = makeWorld();
    fleetIn(world);
    copyFileSync('test/mistakes/m06-no-drain.yaml', join(world.cwd, 'hasty.yaml'));
    expect(await world.run('plan', '--runbook', 'hasty.yaml', '-o', 'plan.json')).toBe(2);
    expect(world.stdout.text).toMatch(/^UNSAFE {2}on payments/m);
    expect(world.stdout.text).toMatch(/on signer-a|signer-a {2}/);
    expect(world.stderr.lines.at(-1)).toBe('FAIL plan ended with RUNBOOK_UNSAFE');
    expect(() => statSync(join(world.cwd, 'plan.json'))).toThrow();
  });

  test('of certificates shows it and its proof, and says what the fleet file lacks for it', async () => {
    const world = makeWorld();
    fleetIn(world);
    expect(await world.run('plan', '--material', 'mtls')).toBe(13);
    expect(world.stdout.text).toMatch(/^SAFE {2}on payments/m);
    expect(world.stdout.text).toMatch(/^rotctl overlap, until switched/m);
    expect(world.stderr.text).toContain('the fleet file does not say who issues certificates');
    expect(world.stderr.lines.at(-1)).toBe('FAIL plan ended with PRECONDITION_FAILED');
  });

  test('of a runbook for another protocol is refused, naming both', async () => {
    const world = makeWorld();
    fleetIn(world);
    expect(await world.run('plan', '--runbook', 'gate-hmac')).toBe(13);
    expect(world.stderr.text).toMatch(/gate-v1.*keyring-v1|keyring-v1.*gate-v1/);
    expect(world.stderr.lines.at(-1)).toBe('FAIL plan ended with PRECONDITION_FAILED');
  });

  test.each([
    { argv: ['retire'], code: 13, says: 'retire is refused in phase stable' },
    { argv: ['rollback'], code: 13, says: 'rollback is refused in phase stable' },
    { argv: ['resume'], code: 2, says: 'there is no plan of "resume"' },
    { argv: ['--client', 'stranger'], code: 2, says: 'the fleet has no client stranger' },
    { argv: ['--dry-run'], code: 2, says: 'plan takes no --dry-run: it changes nothing anyway' },
  ])('$argv is refused', async ({ argv, code, says }) => {
    const world = makeWorld();
    fleetIn(world);
    expect(await world.run('plan', ...BY, ...argv)).toBe(code);
    expect(world.stderr.text).toContain(says);
  });

  test('refuses a fleet whose configuration is not what a rotation begins from', async () => {
    const world = makeWorld();
    fleetIn(world);
    writeFileSync(join(world.cwd, 'signer-b.env'), `KEYS_WALLET="a,b"\nKEYS_DESK="${SECRETS.desk}"\n`, { mode: 0o600 });
    expect(await world.run('plan', ...BY)).toBe(13);
    expect(world.stderr.text).toContain('signer-b lists 2 secrets for wallet');
  });
});

describe('a saved plan', () => {
  test('is private, holds no secret, and is what it was made of', async () => {
    const world = await planned();
    const file = join(world.cwd, 'plan.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
    expect(JSON.parse(text)).toMatchObject({
      schema: 'rotctl.plan-file.v1',
      command: 'overlap',
      fleet: 'payments',
      rotation: null,
      phase: 'stable',
      ledger: null,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(world.stderr.text).toContain('REHEARSED');
  });

  const edits: [what: string, edit: (world: World) => unknown, argv: string[], says: RegExp][] = [
    [
      'the fleet file',
      ({ cwd }) => writeFileSync(join(cwd, 'rotctl.yaml'), `${FLEET}# more\n`),
      ['overlap'],
      /inventory sha256:\w{12} then, sha256:\w{12} now/,
    ],
    [
      'the runbook',
      ({ cwd }) => writeFileSync(join(cwd, 'mine.yaml'), `${readFileSync(join(cwd, 'mine.yaml'), 'utf8')}# more\n`),
      ['overlap'],
      /runbook sha256:\w{12} then, sha256:\w{12} now/,
    ],
    ['the ledger', append, ['overlap'], /ledger without entries then, ending with entry \d+ \(sha256:/],
    ['another command', () => undefined, ['retire'], /command overlap then, retire now/],
    ['other clients', () => undefined, ['overlap', '--client', 'desk'], /clients wallet, desk then, desk now/],
    ['a compromise', () => undefined, ['overlap', '--compromised'], /compromised false then, true now/],
    [
      'an edit',
      ({ cwd }) => {
        const file = join(cwd, 'plan.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace('"goal": "switched"', '"goal": "destroyed"'));
      },
      ['overlap'],
      /the plan was edited/,
    ],
    [
      'an edit of a digest in it',
      ({ cwd }) => {
        const file = join(cwd, 'plan.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace(/"inventory": "sha256:./, '"inventory": "sha256:f'));
      },
      ['overlap'],
      /the plan (was edited|does not fit)/,
    ],
  ];
  test.each(edits)('is refused after %s, before anything is done', async (_, edit, argv, says) => {
    const world = await planned();
    await edit(world);
    const after = next(world);
    expect(await after.run(...argv, '--plan', 'plan.json', ...BY, '--json')).toBe(2);
    const document = JSON.parse(after.stdout.text);
    expect(document).toMatchObject({ verdict: 'fail', exitCode: 2, error: { code: 'PLAN_STALE' } });
    expect(document.error.message).toMatch(says);
    expect(document.next).toBe(`rotctl plan ${argv[0]} -o plan.json`);
  });

  test.each([
    ['{', 'INPUT_SYNTAX'],
    ['{"schema":"rotctl.plan-file.v1"}', 'INPUT_INVALID'],
    ['[]', 'INPUT_INVALID'],
    ['', 'INPUT_SYNTAX'],
  ])('that is no plan is refused: %j', async (content, code) => {
    const world = await planned();
    writeFileSync(join(world.cwd, 'plan.json'), content);
    const after = next(world);
    expect(await after.run('overlap', '--plan', 'plan.json', ...BY, '--json')).toBe(2);
    expect(JSON.parse(after.stdout.text).error.code).toMatch(code);
  });

  test('that is absent is refused', async () => {
    const world = await planned();
    expect(await next(world).run('overlap', '--plan', 'nowhere.json', ...BY)).toBe(2);
  });
});
