import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeWorld } from './world.ts';

describe('a wrong command line', () => {
  test.each([
    { argv: ['stauts'], says: "unknown command 'stauts'", hint: 'did you mean status?' },
    { argv: ['status', '--jsn'], says: "unknown option '--jsn'", hint: 'did you mean --json?' },
    { argv: ['ledger', 'verfy'], says: "unknown command 'verfy'", hint: 'did you mean verify?' },
    { argv: ['drill', '--dryrun'], says: "unknown option '--dryrun'", hint: 'did you mean --dry-run?' },
    { argv: ['status', 'extra'], says: "too many arguments for 'status'. Expected 0 arguments but got 1.", hint: '' },
    { argv: ['status', '--fleet'], says: "option '--fleet <file>' argument missing", hint: '' },
    { argv: ['explain'], says: "missing required argument 'code'", hint: '' },
    { argv: ['ledger', 'show', '--last', 'few'], says: 'must be a whole number above 0', hint: '' },
    {
      argv: ['drill', '--store', 'disk'],
      says: 'Allowed choices are auto, embedded, standalone, persistent, sentinel, cluster.',
      hint: '',
    },
    { argv: [], says: 'no command was given', hint: 'read `rotctl --help`' },
    { argv: ['explain', 'HELDD'], says: 'there is no code "HELDD"', hint: 'did you mean HELD?' },
    { argv: ['completion', 'tcsh'], says: 'there is no completion for "tcsh"', hint: 'bash, zsh or fish' },
  ])('$argv ends with 2 and says what is wrong', async ({ argv, says, hint }) => {
    const world = makeWorld();
    expect(await world.run(...argv)).toBe(2);
    expect(world.stderr.text).toContain(says);
    expect(world.stderr.text).toContain(`hint: ${hint}`);
    expect(world.stderr.lines.at(-1)).toMatch(/^FAIL .*USAGE$/);
    expect(world.stdout.text).toBe('');
  });

  test('is told as one JSON document where --json is in it, under the command that was meant', async () => {
    const world = makeWorld();
    expect(await world.run('ledger', 'verify', '--jsn', '--json')).toBe(2);
    const document = JSON.parse(world.stdout.text);
    expect(document).toMatchObject({
      schema: 'rotctl.ledger-verify.v1',
      verdict: 'fail',
      exitCode: 2,
      error: { code: 'USAGE' },
    });
  });

  test('shows control characters as what they are', async () => {
    const world = makeWorld();
    await world.run('\u001b[31mred');
    expect(world.stderr.text).not.toContain('\u001b');
  });
});

describe('a secret on the command line', () => {
  const random = fc.oneof(
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  );
  // 32 equal bytes are no secret that a generator makes
  const secret = random.filter((text) => new Set(text).size > 10 && !text.includes('-'));
  const places = fc.constantFrom(
    (value: string) => ['overlap', value],
    (value: string) => ['overlap', '--secret-file', `client-a=${value}`],
    (value: string) => ['overlap', `--secret-file=client-a=${value}`],
    (value: string) => ['rollback', '--reinstate', '--reason', `the old one was ${value}`],
    (value: string) => ['status', '--json', '--fleet', value],
  );

  test('is refused wherever it stands, and never printed', async () => {
    await fc.assert(
      fc.asyncProperty(secret, places, async (value, place) => {
        const world = makeWorld();
        expect(await world.run(...place(value))).toBe(2);
        expect(world.stdout.text + world.stderr.text).not.toContain(value);
        expect(world.stdout.text + world.stderr.text).toContain('is never given on the command line');
      }),
      { numRuns: 60 },
    );
  });

  test.each(['--secret', '--secret=short', '--password', '--token=x', '--hmac'])(
    'flag %s does not exist, whatever its value',
    async (flag) => {
      const world = makeWorld();
      expect(await world.run('overlap', flag)).toBe(2);
      expect(world.stderr.text).toContain('is never given on the command line');
      expect(world.stderr.text).not.toContain('short');
    },
  );

  test('is not what a file is that has such a name', async () => {
    const world = makeWorld();
    const name = '7f3a9c1e5b8d2f604a7c9e1b3d5f8a2c.yaml';
    writeFileSync(join(world.cwd, name), 'schema: nothing\n');
    await world.run('check', '--fleet', join(world.cwd, name));
    expect(world.stderr.text).not.toContain('looks like a secret');
    expect(world.stderr.lines.at(-1)).toContain('INPUT_INVALID');
  });
});

test('--version says the version alone, wherever it stands', async () => {
  for (const argv of [['--version'], ['-V'], ['status', '--version']]) {
    const world = makeWorld();
    expect(await world.run(...argv)).toBe(0);
    expect(world.stdout.text).toBe('rotctl 1.2.3\n');
    expect(world.stderr.text).toBe('');
  }
});

test('a missing fleet file is named, and nothing is written', async () => {
  for (const command of ['check', 'verify-replay', 'status', 'overlap']) {
    const world = makeWorld();
    expect(await world.run(command, '--json'), command).toBe(2);
    expect(JSON.parse(world.stdout.text).error).toMatchObject({
      code: 'INPUT_UNREADABLE',
      file: join(world.cwd, 'rotctl.yaml'),
    });
    expect(readdirSync(world.cwd)).toEqual([]);
  }
});

test('ROTCTL_FLEET names the fleet file, and --fleet wins over it', async () => {
  const world = makeWorld({ env: { ROTCTL_FLEET: 'from-env.yaml' } });
  await world.run('check');
  expect(world.stderr.text).toContain('from-env.yaml');
  const other = makeWorld({ env: { ROTCTL_FLEET: 'from-env.yaml' } });
  await other.run('check', '--fleet', 'typed.yaml');
  expect(other.stderr.text).toContain('typed.yaml');
});
