import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../src/probe/checks/list.ts';

const page = readFileSync('spec/checks.md', 'utf8');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return [title.replaceAll('`', '').trim(), lines.join('\n')] as const;
    }),
);

describe('spec/checks.md', () => {
  it('has the same ids as the code, in the same order, each once', () => {
    expect([...sections.keys()]).toEqual(CHECKS.map(({ id }) => id));
    expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
  });

  it.each(CHECKS.map((check) => [check.id, check] as const))('says of %s what the code says', (id, check) => {
    const section = sections.get(id) ?? '';
    expect(section).toContain(`**Group**: ${check.group}; ${check.critical ? 'critical' : 'not critical'}.`);
    for (const part of ['Proves', 'How', 'Unknown', 'Then'])
      expect(section).toMatch(new RegExp(`\\*\\*${part}\\*\\*: \\S`));
    const [, protocols] = section.match(/critical\. For (`.+`)\.$/m) ?? [];
    const expected = check.protocol === undefined ? undefined : [check.protocol].flat().map((one) => `\`${one}\``);
    expect(protocols).toBe(expected?.join(' and '));
  });
});

describe('the texts of the checks', () => {
  it.each(CHECKS.map((check) => [check.id, check] as const))(
    '%s: lower case, no full stop',
    (_id, { title, why, remedy }) => {
      for (const text of [title, why, remedy]) {
        expect(text).toMatch(/^[a-z]/);
        expect(text).not.toMatch(/\.$/);
      }
    },
  );
});
