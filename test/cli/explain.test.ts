import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { explain } from '../../src/cli/explain.ts';
import { ROTATION_CHECKS } from '../../src/cli/rotation-checks.ts';
import { DRILL_FAULTS } from '../../src/drill/faults.ts';

describe('explain', () => {
  const finding = new Set(Object.values(DRILL_FAULTS).flatMap((faults) => faults.flatMap(({ foundBy }) => foundBy)));
  test.each([...finding])('knows %s, by which a drill finds a fault', async (id) => {
    expect((await explain(id)).text).toMatch(
      new RegExp(`^${id}: .+\n {2}why {4}.+\n {2}do {5}.+\n( {2}may be .+\n)*$`),
    );
  });

  const page = readFileSync('spec/checks.md', 'utf8');
  const tabled = [...page.matchAll(/^\| `([a-z.-]+)` \|/gm)].map(([, id = '']) => id);
  test('is asked for what the page of checks has in tables', () => expect(tabled).toContain('log.no-spike'));
  test.each(tabled)('knows %s of the page of checks', async (id) => {
    expect(await explain(id)).toMatchObject({ verdict: 'pass', result: { check: id } });
  });

  test('knows the evidence matrix by both of its spellings', async () => {
    const [one, other] = await Promise.all([explain('matrix.refuses-current'), explain('refuses.current')]);
    expect(one.text?.replace('matrix.refuses-current', 'refuses.current')).toBe(other.text);
  });

  test('knows the hazards of the replay store, and which checks name them', async () => {
    const { text, result } = await explain('h12');
    expect(text).toMatch(/^H12: looking and then writing/);
    expect(result).toMatchObject({ hazard: 'H12', checks: expect.arrayContaining(['replay.concurrent']) });
    expect((await explain('replay.concurrent')).text).toMatch(/may be H12: looking and then writing/);
  });

  test('says nothing twice', () => {
    const ids = ROTATION_CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('names the nearest that there is', async () => {
    await expect(explain('usage.keyids')).rejects.toMatchObject({ code: 'USAGE', hint: 'did you mean usage.key-ids?' });
  });
});
