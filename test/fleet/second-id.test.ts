import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, FULL_FLEET } from './fleet-text.ts';

const OWN = 'deploy: { driver: env-file, path: clients/client-a.env, variable: KEYRING_SECRET, format: single,';
const SECOND = edited(
  edited(FULL_FLEET, '  - id: client-a\n', '  - id: client-a\n    second: client-a2\n'),
  OWN,
  `${OWN} idVariable: KEYRING_ID,`,
);
const POINTER = 'pointer: /{client}/hmacSecrets';
const WITH_DEFAULT = edited(SECOND, POINTER, `${POINTER}\n      defaultClient: KEYRING_DEFAULT`);

describe('a client with two ids', () => {
  it('names where it reads its id from, and signers where their default one stands', () => {
    const { clients, replicas } = readFleet(WITH_DEFAULT, '/f/rotctl.yaml');
    expect(clients[0]).toMatchObject({ id: 'client-a', second: 'client-a2', deploy: { idAt: { name: 'KEYRING_ID' } } });
    expect(replicas[0]?.deploy.defaultAt).toEqual({ name: 'KEYRING_DEFAULT' });
  });

  it.each([
    ['without a place of its id', edited(SECOND, ' idVariable: KEYRING_ID,', ''), /needs idVariable \(or idPointer\)/],
    [
      'a second id that is another client’s',
      edited(SECOND, 'client-a2', 'client-b'),
      /second: is an id of client client-b/,
    ],
    [
      'a second id that is its own',
      edited(SECOND, 'second: client-a2', 'second: client-a'),
      /second: is an id of client client-a/,
    ],
    [
      'a place of an id without a second',
      edited(SECOND, '    second: client-a2\n', ''),
      /idVariable: is only for a client with a/,
    ],
    [
      'a default id where nobody has two',
      edited(FULL_FLEET, POINTER, `${POINTER}\n      defaultClient: KEYRING_DEFAULT`),
      /defaultClient: is only for a fleet whose clients have a second id/,
    ],
    [
      'signers that cannot tell the ids apart',
      edited(SECOND, POINTER, 'pointer: /keys'),
      /needs \{client\} or \{CLIENT\}/,
    ],
  ])('%s is refused', (_what, text, message) => {
    expect(refusalFrom(() => readFleet(text, '/f/rotctl.yaml')).message).toMatch(message);
  });
});
