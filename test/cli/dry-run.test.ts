import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FULL_FLEET } from '../fleet/fleet-text.ts';
import { makeWorld } from './world.ts';

describe('--dry-run', () => {
  test.each([
    { argv: ['status'] },
    { argv: ['scorecard'] },
    { argv: ['explain', 'HELD'] },
    { argv: ['completion', 'bash'] },
    { argv: ['ledger', 'show'] },
    { argv: ['ledger', 'verify'] },
    { argv: ['ledger', 'export'] },
    { argv: ['plan'] },
    { argv: ['runbook', 'check', 'signer-hmac'] },
    { argv: ['practice', 'status'] },
  ])('is refused by $argv, which changes nothing anyway', async ({ argv }) => {
    for (const words of [
      [...argv, '--dry-run'],
      ['--dry-run', ...argv],
    ]) {
      const world = makeWorld();
      expect(await world.run(...words)).toBe(2);
      expect(world.stderr.text).toContain('takes no --dry-run: it changes nothing anyway');
      expect(world.stdout.text).toBe('');
    }
  });

  test.each([
    { argv: ['drill'], says: 'start a practice fleet in' },
    { argv: ['drill', '--fault', 'keeps-old@signer-b'], says: 'plant fault keeps-old on signer-b' },
    { argv: ['game-day'], says: 'demand a score of at least 100 % (default), within 120 s (default)' },
    { argv: ['game-day', '--fault', 'slow', '--max-duration', '300'], says: 'play signer-hmac with slow, about' },
    { argv: ['practice', 'up'], says: 'start a practice fleet in practice' },
    { argv: ['practice', 'down'], says: 'end the practice fleet in practice' },
    { argv: ['check'], says: 'checks on signer-a, signed as client-a, client-b' },
    { argv: ['check', '--client', 'client-b'], says: 'signed as client-b' },
    { argv: ['verify-replay'], says: 'burn nonces of its own; each accepted probe causes: refused by policy (422)' },
  ])('of $argv says what would be done, and does nothing', async ({ argv, says }) => {
    const world = makeWorld();
    const fleet = join(world.cwd, 'rotctl.yaml');
    writeFileSync(fleet, FULL_FLEET);
    expect(await world.run(...argv, '--dry-run')).toBe(0);
    expect(world.stdout.text).toMatch(/^would:\n/);
    expect(world.stdout.text).toContain(says);
    expect(world.stderr.lines.at(-1)).toMatch(/^REHEARSED .*: nothing was done$/);
    expect(readdirSync(world.cwd)).toEqual(['rotctl.yaml']);
    const json = makeWorld();
    writeFileSync(join(json.cwd, 'rotctl.yaml'), FULL_FLEET);
    expect(await json.run(...argv, '--dry-run', '--json')).toBe(0);
    expect(JSON.parse(json.stdout.text)).toMatchObject({ verdict: 'rehearsed', exitCode: 0 });
  });

  test.each([
    { argv: ['drill', '--fault', 'nonsense'], says: 'no fault of keyring-v1 is called "nonsense"' },
    { argv: ['game-day', '--fault', 'nonsense'], says: 'no fault is called "nonsense"' },
    { argv: ['game-day', '--fault', 'slow', '--all-faults'], says: 'exclude each other' },
    { argv: ['game-day', '--max-duration', '0'], says: '--max-duration must be a number of seconds above 0' },
    { argv: ['game-day', '--fleet', 'rotctl.yaml'], says: 'takes no --fleet' },
    {
      argv: ['drill', '--material', 'mtls', '--fault', 'misses-next'],
      says: 'no fault of mtls is called "misses-next"',
    },
    { argv: ['drill', '--material', 'mtls', '--runbook', 'signer-hmac'], says: 'leave one of the two flags out' },
    { argv: ['check', '--client', 'stranger'], says: 'the fleet has no client stranger' },
  ])('finds the mistakes that the command itself would: $argv', async ({ argv, says }) => {
    const world = makeWorld();
    writeFileSync(join(world.cwd, 'rotctl.yaml'), FULL_FLEET);
    expect(await world.run(...argv, '--dry-run')).toBe(2);
    expect(world.stderr.text).toContain(says);
  });
});
