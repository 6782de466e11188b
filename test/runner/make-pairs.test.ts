import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { Entry } from '../../src/ledger/entry.ts';
import { makePairs } from '../../src/runner/make-pairs.ts';
import type { Tools } from '../../src/runner/tools.ts';
import { edited, FULL_FLEET } from '../fleet/fleet-text.ts';

const A = Secret.fromText(`${'a'.repeat(8)}bcdefghijklmnopqrstuvwxyz0123456`);
const B = Secret.fromText(`${'b'.repeat(8)}cdefghijklmnopqrstuvwxyz01234567`);
const OLD = Secret.fromText(`${'c'.repeat(8)}defghijklmnopqrstuvwxyz012345678`);
const FRESH = Secret.fromText(`${'d'.repeat(8)}efghijklmnopqrstuvwxyz0123456789`);
const fleet = readFleet(FULL_FLEET, '/srv/rotctl.yaml');

interface Given {
  readonly brought?: ReadonlyMap<string, Secret>;
  readonly referenced?: ReadonlyMap<string, Secret>;
  readonly retired?: readonly string[];
  readonly entries?: readonly Entry[];
  readonly clients?: readonly string[];
  readonly present?: ReadonlyMap<string, Secret>;
}

/** What is made of the pairs, and what is noted. */
async function made(given: Given) {
  const notes: string[] = [];
  let drawn = 0;
  const tools = {
    fleet,
    random: { hex: (bytes: number) => `${drawn++}123456789abcdef`.repeat(bytes).slice(0, 2 * bytes) },
    progress: { note: (text: string) => notes.push(text) },
    vault: { retiredFingerprints: async () => new Set(given.retired ?? []) },
    readNext: async () => given.referenced ?? new Map(),
    driver: {},
  } as unknown as Tools;
  const { pairs } = await makePairs({
    tools,
    journal: { note: () => Promise.reject(new Error('nothing is to be noted')) },
    entries: given.entries ?? [],
    clients: given.clients ?? ['client-a', 'client-b'],
    brought: given.brought ?? new Map(),
    present:
      given.present ??
      new Map([
        ['client-a', A],
        ['client-b', B],
      ]),
  });
  return { pairs, notes };
}

/** The header of an earlier rotation of client-a. */
const header = (current: string, next: string) =>
  ({ kind: 'header', data: { material: { 'client-a': { current, next } } } }) as unknown as Entry;

describe('the secrets of a rotation', () => {
  it('are made for each client, all of them different', async () => {
    const { pairs } = await made({});
    expect([...pairs.keys()]).toEqual(['client-a', 'client-b']);
    expect(
      new Set([...pairs.values()].flatMap(({ current, next }) => [current.fingerprint, next.fingerprint])).size,
    ).toBe(4);
  });

  it.each([
    ['brought', { brought: new Map([['client-a', FRESH]]) }],
    ['read from a place of its own', { referenced: new Map([['client-a', FRESH]]) }],
    [
      'brought, whatever the fleet file says',
      { brought: new Map([['client-a', FRESH]]), referenced: new Map([['client-a', OLD]]) },
    ],
  ])('are as given where one is %s', async (_, given) => {
    const { pairs } = await made(given);
    expect(pairs.get('client-a')?.next.signsLike(FRESH)).toBe(true);
  });

  const refused: readonly (readonly [what: string, given: Given, message: RegExp])[] = [
    ['its own current', { brought: new Map([['client-a', A]]) }, /^next of client-a: it signs like the current secret/],
    [
      'its own current, to HMAC',
      { brought: new Map([['client-a', Secret.fromText(`${'a'.repeat(8)}bcdefghijklmnopqrstuvwxyz0123456\0`)]]) },
      /it signs like the current secret/,
    ],
    [
      'the current of another client',
      { brought: new Map([['client-a', B]]) },
      /^next of client-a: client client-b has the same/,
    ],
    [
      'the current of another client that does not rotate',
      { brought: new Map([['client-a', B]]), clients: ['client-a'] },
      /client client-b has the same/,
    ],
    [
      'the next of another client',
      {
        brought: new Map([
          ['client-a', FRESH],
          ['client-b', FRESH],
        ]),
      },
      /^next of client-b: client client-a has the same/,
    ],
    [
      'one that was retired here, of any client',
      { brought: new Map([['client-b', OLD]]), retired: [OLD.fingerprint] },
      /^next of client-b: it was retired before/,
    ],
    [
      'one that an earlier rotation began with, should the list of the vault be lost',
      { brought: new Map([['client-b', OLD]]), entries: [header(OLD.fingerprint, A.fingerprint)] },
      /^next of client-b: it was retired before/,
    ],
    [
      'one that was rolled back',
      { referenced: new Map([['client-a', OLD]]), entries: [header(A.fingerprint, OLD.fingerprint)] },
      /^next of client-a: it was retired before/,
    ],
    [
      'too short',
      { referenced: new Map([['client-a', Secret.fromText('short')]]) },
      /^next of client-a: it has 5 bytes, fewer than 32/,
    ],
  ];
  it.each(refused)('may not lead to %s', async (_, given, message) => {
    await expect(made(given)).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      message: expect.stringMatching(message),
    });
  });

  it('of two clients may not be one', async () => {
    await expect(
      made({
        present: new Map([
          ['client-a', A],
          ['client-b', A],
        ]),
      }),
    ).rejects.toMatchObject({
      code: 'SECRET_REFUSED',
      message: 'current of client-a: client client-b has the same',
    });
  });

  it('that are weak or were retired are rotated away, with a word', async () => {
    const weak = Secret.fromText('weak-one');
    const { notes } = await made({
      present: new Map([
        ['client-a', weak],
        ['client-b', OLD],
      ]),
      retired: [OLD.fingerprint],
    });
    expect(notes).toEqual([
      'current of client-a: it has 8 bytes, fewer than 32',
      'current of client-a: it has fewer than 8 different characters',
      'current of client-b: it was retired before',
    ]);
  });

  it('of a key that is held elsewhere want a deploy that works by generation', async () => {
    const client = FULL_FLEET.replace(
      / {4}secret: \{ from: dotenv.*\n/,
      '    signer: { command: [s, "{generation}"], deadline: 1s }\n',
    );
    expect(() => readFleet(edited(client, 'name: practice\n', 'name: practice\n'), '/srv/rotctl.yaml')).toThrow(
      /use driver command/,
    );
  });
});
