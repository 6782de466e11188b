import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Expected, type RoundOptions, round } from '../../src/probe/round.ts';
import { GATE_IDS, GATE_SECRETS, type GateKnobs } from '../support/mini-gate.ts';
import { type GateFleet, SECRETS, startGates } from './gate-harness.ts';

let fleet: GateFleet;
beforeAll(async () => {
  fleet = await startGates(1);
});
afterAll(() => fleet.close());

const NEXT = { id: GATE_IDS.next, secret: GATE_SECRETS.next };
const CURRENT = { id: GATE_IDS.current, secret: GATE_SECRETS.current };
/** What every gate does after a retirement. */
const RETIRED: Partial<GateKnobs> = { keys: [NEXT], strict: true };

async function cells(expectations: Readonly<Record<'current' | 'next', Expected['expect']>>, options?: RoundOptions) {
  const secrets = (['current', 'next'] as const).map(
    (generation): Expected => ({ generation, secret: SECRETS[generation], expect: expectations[generation] }),
  );
  const seen = await round(fleet.context, fleet.last, [{ id: 'langgraph', secrets }], options);
  return Object.fromEntries(seen.map((cell) => [cell.generation, cell]));
}

/** The key ids that the gate has seen since, in order. */
function labels(from: number): string[] {
  return fleet.last.bodies.slice(from).map(({ signature }) => String(signature).split(':')[0] ?? '');
}

describe('a round on a gate that is to refuse the old secret', () => {
  beforeEach(() => fleet.repair(RETIRED));
  const asRetired = { current: 'AUTH_INVALID_HMAC', next: 'ACCEPTED' } as const;

  it('tries it under its own key id on three connections, and then under every other', async () => {
    const from = fleet.last.bodies.length;
    const { current, next, wrong } = await cells(asRetired);
    expect([current?.verdict, next?.verdict, wrong?.verdict]).toEqual(['pass', 'pass', 'pass']);
    const { current: own, next: other } = GATE_IDS;
    expect(labels(from)).toEqual([other, other, own, own, own, other, 'v1', 'v0']);
  });

  it.each<[string, Partial<GateKnobs>, RegExp]>([
    ['its own key id', { leftover: [CURRENT] }, /^still accepted, on try 1$/],
    ['the new one’s', { leftover: [{ ...CURRENT, id: GATE_IDS.next }] }, /^still accepted, on try 4$/],
    ['the default one', { leftover: [{ ...CURRENT, id: 'v1' }] }, /^still accepted, on try 5$/],
    ['the default one of a previous secret', { leftover: [{ ...CURRENT, id: 'v0' }] }, /^still accepted, on try 6$/],
    [
      'any but its own, which is revoked and no more',
      { keys: [NEXT, CURRENT], strict: false, revoked: [GATE_IDS.current] },
      /^still accepted, on try 4$/,
    ],
  ])('and accepts it under %s is found', async (_, knobs, reason) => {
    Object.assign(fleet.last.knobs, knobs);
    const { current, next } = await cells(asRetired);
    expect(current).toMatchObject({ verdict: 'fail', seen: 'ACCEPTED', reason: expect.stringMatching(reason) });
    expect(next).toMatchObject({ verdict: 'pass' });
  });

  it.each<[string, Partial<GateKnobs>, readonly string[]]>([
    ['accepts anything', { required: false }, ['fail', 'fail', 'fail']],
    ['knows labels alone', { digestIgnored: true }, ['fail', 'fail', 'fail']],
    ['refuses all', { keys: [] }, ['unknown', 'fail', 'unknown']],
    ['does not trust the session', { untrusted: true }, ['unknown', 'unknown', 'unknown']],
  ])('and %s proves nothing', async (_, knobs, verdicts) => {
    Object.assign(fleet.last.knobs, knobs);
    const { current, next, wrong } = await cells(asRetired);
    expect([current?.verdict, next?.verdict, wrong?.verdict]).toEqual(verdicts);
  });
});

describe('a round under the key id of before the rotation', () => {
  const asBefore = { current: 'ACCEPTED', next: 'ACCEPTED' } as const;

  it.each<[string, Partial<GateKnobs>, string, string]>([
    ['any key id will do', {}, 'pass', 'pass'],
    ['key ids are enforced, and it is none of them', { strict: true }, 'pass', 'fail'],
    [
      'it is the one that is enforced',
      {
        strict: true,
        keys: [
          { ...CURRENT, id: 'v1' },
          { ...NEXT, id: 'v1' },
        ],
      },
      'fail',
      'pass',
    ],
  ])('where %s', async (_, knobs, own, before) => {
    fleet.repair(knobs);
    const from = fleet.last.bodies.length;
    const seen = { own: (await cells(asBefore)).current, before: (await cells(asBefore, { keyId: 'v1' })).current };
    expect([seen.own?.verdict, seen.before?.verdict]).toEqual([own, before]);
    expect(labels(from)).toEqual([GATE_IDS.current, GATE_IDS.next, GATE_IDS.current, 'v1', 'v1', 'v1']);
  });
});
