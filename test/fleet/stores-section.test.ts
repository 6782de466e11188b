import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, FULL_FLEET, SHORT_FLEET } from './fleet-text.ts';

const FILE = '/f/rotctl.yaml';
const [A, B] = ['signer-a', 'signer-b'];

function grouped(stores: string): string {
  return `${SHORT_FLEET}stores:\n${stores}`;
}

describe('stores groups replicas by the replay store that they share', () => {
  it('has every replica in one group, with its store and its lag', () => {
    const { domains, store } = readFleet(
      grouped(
        `  - { name: one, replicas: [${A}], lag: 2s, store: { nodes: ["redis://10.0.0.1:6379"] } }\n  - { name: two, replicas: [${B}] }\n`,
      ),
      FILE,
    );
    expect(store).toBeUndefined();
    expect(domains).toMatchObject([
      { name: 'one', replicas: [A], lagMs: 2000, store: { form: 'standalone' } },
      { name: 'two', replicas: [B], lagMs: 5000, store: undefined },
    ]);
  });

  it('takes the beginning of names with a star', () => {
    const [domain] = readFleet(grouped("  - { name: all, replicas: ['*'] }\n"), FILE).domains;
    expect(domain?.replicas).toEqual([A, B]);
  });

  it.each([
    ['a replica in no group', `  - { name: one, replicas: [${A}] }\n`, /has no group for/],
    [
      'a replica in two',
      `  - { name: one, replicas: ['*'] }\n  - { name: two, replicas: [${B}] }\n`,
      /is in one already/,
    ],
    ['one that there is not', "  - { name: one, replicas: ['*', nobody] }\n", /is no replica of this fleet: nobody/],
    [
      'two groups of one name',
      "  - { name: one, replicas: ['*'] }\n  - { name: one, replicas: ['*'] }\n",
      /is the name of stores\[0\] too/,
    ],
  ])('refuses %s, with its place', (_what, stores, says) => {
    const error = refusalFrom(() => readFleet(grouped(stores), FILE));
    expect(error.message).toMatch(says);
    expect(error.at?.line).toBeGreaterThan(1);
  });

  it('refuses them beside a single store', () => {
    const single = 'store: { nodes: ["redis://10.0.0.1:6379"] }\n';
    const text = `${grouped("  - { name: one, replicas: ['*'] }\n")}${single}`;
    expect(refusalFrom(() => readFleet(text, FILE)).message).toMatch(/belongs into the groups of stores/);
  });
});

describe('what a used nonce is remembered by', () => {
  it('is the client and the nonce, where nothing is said', () => {
    expect(readFleet(FULL_FLEET, FILE).replay.nonceKey).toBe('client');
  });

  it('is the nonce alone where the file says global', () => {
    const text = edited(FULL_FLEET, 'replay: {', 'replay: { nonceKey: global,');
    expect(readFleet(text, FILE).replay.nonceKey).toBe('global');
  });
});
