import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { PROFILES } from '../../src/fleet/profiles.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, SHORT_FLEET } from './fleet-text.ts';

const FILE = '/home/fleet/rotctl.yaml';
const extending = (name: string) =>
  edited(SHORT_FLEET, 'schema: rotctl.fleet.v1', `schema: rotctl.fleet.v1\nextends: ${name}`);

describe('a fleet file that extends a shipped profile', () => {
  it('has what the profile says where it says nothing', () => {
    const fleet = readFleet(extending('keyring-v1'), FILE);
    expect(fleet.replay).toMatchObject({ maxAgeMs: 60_000, nonceTtlMs: 130_000, storeTimeoutMs: 5000 });
  });

  it('overrides single settings of a mapping, and keeps the others of the profile', () => {
    const fleet = readFleet(`${extending('keyring-v1')}\nreplay: { maxAge: 30s }\nprobe: { path: /sign }\n`, FILE);
    expect(fleet.replay).toMatchObject({ maxAgeMs: 30_000, nonceTtlMs: 130_000 });
    expect(fleet.probe).toMatchObject({ path: '/sign', body: '{"probe":true}' });
  });

  test.for([
    {
      says: 'a profile that is not shipped',
      text: extending('keyring-v9'),
      problem: /extends: must be one of/,
      line: 2,
    },
    {
      says: 'a value that contradicts the profile',
      text: `${extending('keyring-v1')}\nreplay: { nonceTtl: 90s }\n`,
      problem: /replay.nonceTtl: must be at least twice maxAge/,
      line: undefined,
    },
    {
      says: 'what the profile says for another protocol',
      text: `${extending('gate-v1')}\n`,
      problem: /only|not for protocol gate-v1|needs/,
      line: undefined,
    },
  ])('is refused with its place for $says', ({ text, problem, line }) => {
    const { code, message, at } = refusalFrom(() => readFleet(text, FILE));
    expect([code, message]).toEqual(['INPUT_INVALID', expect.stringMatching(problem)]);
    expect(at?.line).toBeGreaterThan(0);
    if (line !== undefined) expect(at?.line).toBe(line);
  });

  it('takes away with null what the profile says, so that the default of the format holds', () => {
    const text = `${extending('keyring-v1')}\nreplay: { nonceTtl: null }\n`;
    expect(readFleet(text, FILE).replay).toMatchObject({ maxAgeMs: 60_000, nonceTtlMs: 120_000 });
  });
});

it('spec/profiles.md says what each profile says', () => {
  const page = readFileSync(new URL('../../spec/profiles.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/## `(.+?)`[\s\S]*?```yaml\n([\s\S]*?)```/g)];
  expect(Object.fromEntries(blocks.map(([, name = '', yaml = '']) => [name, parse(yaml)]))).toEqual(PROFILES);
});
