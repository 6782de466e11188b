import { describe, expect, it, test } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { SHORT_FLEET } from './fleet-text.ts';

const FILE = '/home/fleet/rotctl.yaml';
const withStore = (text: string) => `${SHORT_FLEET}\nstore: ${text}\n`;

describe('the store of a fleet file', () => {
  it('is read with its paths against the file, and with the key of the protocol', () => {
    const { store } = readFleet(
      withStore(
        "{ nodes: ['rediss://store:6380'], user: rotctl, password: { from: file, path: secrets/store }, tls: { ca: tls/store.pem }, db: 2 }",
      ),
      FILE,
    );
    expect(store).toMatchObject({
      form: 'standalone',
      nodes: [{ host: 'store', port: 6380, tls: true }],
      password: { path: '/home/fleet/secrets/store' },
      tls: { ca: '/home/fleet/tls/store.pem' },
      db: 2,
      key: '["{client}","{nonce}"]',
      deadlineMs: 2000,
    });
  });

  it('is not there unless it is given', () => {
    expect(readFleet(SHORT_FLEET, FILE).store).toBeUndefined();
  });

  test.for([
    ['a password in an address', "{ nodes: ['redis://:hunter2@store:6379'] }", 'must not hold a user name or password'],
    ['two nodes of one Redis', "{ nodes: ['redis://a', 'redis://b'] }", 'must be one address of a standalone store'],
    ['Sentinels without a name to ask for', "{ form: sentinel, nodes: ['redis://a'] }", 'needs primary'],
    ['a primary without Sentinels', "{ nodes: ['redis://a'], primary: mymaster }", 'is only for form sentinel'],
    ['a database of a cluster', "{ form: cluster, nodes: ['redis://a'], db: 1 }", 'a cluster has one database'],
    ['TLS without an authority', "{ nodes: ['rediss://a'] }", 'needs tls.ca'],
    [
      'half of the nodes with TLS',
      "{ form: cluster, nodes: ['rediss://a', 'redis://b'], tls: { ca: c } }",
      'must all be',
    ],
    ['a user without a password', "{ nodes: ['redis://a'], user: rotctl }", 'needs a password'],
    [
      'a certificate without its key',
      "{ nodes: ['rediss://a'], tls: { ca: c, cert: d } }",
      'needs cert and key together',
    ],
    ['a key without a nonce', "{ nodes: ['redis://a'], key: 'n:{client}' }", 'must hold {nonce}'],
    ['a database in an address', "{ nodes: ['redis://a/3'] }", 'the database is store.db'],
  ] as const)('is refused with %s', ([, store, problem]) => {
    const { code, message, at } = refusalFrom(() => readFleet(withStore(store), FILE));
    expect([code, message]).toEqual(['INPUT_INVALID', expect.stringContaining(problem)]);
    expect(at?.line).toBeGreaterThan(1);
    expect(message).not.toContain('hunter2');
  });
});
