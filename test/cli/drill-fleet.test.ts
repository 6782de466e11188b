import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requireConsent } from '../../src/cli/confirm-fleet.ts';
import { compareStandings, type Standing } from '../../src/drill/rehearsal/as-before.ts';
import { makeWorld } from './world.ts';

describe('the flags of a drill', () => {
  test.each([
    {
      argv: ['--fleet', 'f.yaml', '--fault', 'slow'],
      says: '--fault breaks a replica on purpose',
      hint: 'leave --fault out',
    },
    { argv: ['--fleet', 'f.yaml', '--store', 'embedded'], says: '--store is for the practice fleet', hint: '' },
    {
      argv: ['--allow-production'],
      says: 'none is named',
      hint: 'name it with --fleet FILE; ROTCTL_FLEET and a rotctl.yaml here do not count',
    },
    { argv: ['--confirm', 'blue'], says: 'none is named', hint: 'name it with --fleet FILE' },
  ])('$argv are refused: they belong to the other kind of drill', async ({ argv, says, hint }) => {
    for (const dry of [[], ['--dry-run']]) {
      const world = makeWorld({ env: { ROTCTL_FLEET: 'f.yaml' } });
      writeFileSync(join(world.cwd, 'rotctl.yaml'), '');
      expect(await world.run('drill', ...argv, ...dry)).toBe(2);
      expect(world.stderr.text).toContain(says);
      expect(world.stderr.text).toContain(`hint: ${hint}`);
    }
  });
});

describe('consent to a drill', () => {
  const typing = (text: string | undefined) => ({ ask: async () => text });
  const rows = [
    { environment: 'staging', given: {}, typed: undefined, says: undefined },
    { environment: 'staging', given: { confirm: 'blue' }, typed: undefined, says: undefined },
    { environment: 'staging', given: { confirm: 'green' }, typed: undefined, says: 'not the name of this fleet, blue' },
    { environment: 'production', given: {}, typed: 'blue', says: 'without --allow-production' },
    { environment: 'production', given: { confirm: 'blue' }, typed: 'blue', says: 'without --allow-production' },
    { environment: 'production', given: { allowProduction: true }, typed: undefined, says: 'no terminal to ask at' },
    { environment: 'production', given: { allowProduction: true }, typed: '', says: 'what was typed is not' },
    { environment: 'production', given: { allowProduction: true }, typed: 'yes', says: 'what was typed is not' },
    { environment: 'production', given: { allowProduction: true }, typed: 'blue', says: undefined },
    { environment: 'production', given: { allowProduction: true, confirm: 'blue' }, typed: undefined, says: undefined },
    {
      environment: 'production',
      given: { allowProduction: true, confirm: 'Blue' },
      typed: 'blue',
      says: '--confirm is not',
    },
  ] as const;

  test.each(rows)(
    'in $environment, given $given, typed $typed: refused for $says',
    async ({ environment, given, typed, says }) => {
      const consent = { allowProduction: false, confirm: undefined, ...given };
      const asked = requireConsent(typing(typed), { name: 'blue', environment }, consent);
      if (says === undefined) await expect(asked).resolves.toBeUndefined();
      else
        await expect(asked).rejects.toMatchObject({
          code: 'PRECONDITION_FAILED',
          message: expect.stringContaining(says),
        });
    },
  );
});

describe('whether a fleet stands as before', () => {
  const standing = (
    settings: Record<string, Record<string, string[]>>,
    texts: Record<string, string> = {},
  ): Standing => ({
    settings: new Map(Object.entries(settings)),
    texts: new Map(Object.entries(texts)),
  });
  const before = standing({ a: { x: ['1', '2'] }, b: { x: ['1'] } }, { a: 'X=1,2 # note' });

  test.each([
    { title: 'the same', after: before, bad: [] },
    {
      title: 'another secret',
      after: standing({ a: { x: ['1', '2'] }, b: { x: ['3'] } }, { a: 'X=1,2 # note' }),
      bad: ['b'],
    },
    {
      title: 'another order',
      after: standing({ a: { x: ['2', '1'] }, b: { x: ['1'] } }, { a: 'X=1,2 # note' }),
      bad: ['a'],
    },
    {
      title: 'one more setting',
      after: standing({ a: { x: ['1', '2'] }, b: { x: ['1'], y: ['1'] } }, { a: 'X=1,2 # note' }),
      bad: ['b'],
    },
    { title: 'a lost party', after: standing({ a: { x: ['1', '2'] } }, { a: 'X=1,2 # note' }), bad: ['b'] },
    { title: 'a lost comment', after: standing({ a: { x: ['1', '2'] }, b: { x: ['1'] } }, { a: 'X=1,2' }), bad: ['a'] },
  ])('$title', ({ after, bad }) => {
    const findings = compareStandings(before, after);
    expect(findings.filter(({ verdict }) => verdict === 'fail').map(({ target }) => target)).toEqual(bad);
    expect(findings).toHaveLength(2);
  });
});
