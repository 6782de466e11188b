import { describe, expect, it } from 'vitest';
import { accepts, acceptsSomehow, probeWith } from '../../../src/machine/safety/verify.ts';
import type { Message } from '../../../src/machine/safety/world.ts';
import type { Scheme } from '../../../src/machine/scheme.ts';
import type { ReplicaSettings } from '../../../src/machine/step.ts';
import { replica } from './worlds.ts';

const CURRENT: Message = { signs: ['current'], keyIds: 'default' };
const NEXT: Message = { signs: ['next'], keyIds: 'default' };
const OWN_CURRENT: Message = { signs: ['current'], keyIds: 'own' };
const OWN_NEXT: Message = { signs: ['next'], keyIds: 'own' };
const DUAL: Message = { signs: ['next', 'current'], keyIds: 'default' };
const OWN_DUAL: Message = { signs: ['next', 'current'], keyIds: 'own' };
const OVERLAP: Partial<ReplicaSettings> = { accepts: ['next', 'current'] };

type Row = readonly [says: string, scheme: Scheme, settings: Partial<ReplicaSettings>, message: Message, good: boolean];

describe('accepts', () => {
  it.each<Row>([
    ['a keyring takes what it lists', 'keyring', {}, CURRENT, true],
    ['a keyring refuses what it does not list', 'keyring', {}, NEXT, false],
    ['a keyring takes either of two', 'keyring', { accepts: ['current', 'next'] }, NEXT, true],
    ['a keyring knows of no key ids', 'keyring', { revokes: ['current'], strict: true }, OWN_CURRENT, true],
    ['a signer takes a certificate of an authority in its bundle', 'mtls', { accepts: ['next'] }, NEXT, true],
    ['a signer refuses any other certificate', 'mtls', { accepts: ['next'] }, CURRENT, false],
    ['a gate that is not strict takes any label', 'gate', { ...OVERLAP, keyIds: 'own' }, CURRENT, true],
    ['a gate takes one good signature of two', 'gate', {}, DUAL, true],
    ['a gate that is strict takes v1 for its primary secret', 'gate', { strict: true }, CURRENT, true],
    [
      '… which is the first that it lists: v1 by the old secret is refused',
      'gate',
      { ...OVERLAP, strict: true },
      CURRENT,
      false,
    ],
    ['… and v1 by the new one is good', 'gate', { ...OVERLAP, strict: true }, NEXT, true],
    ['of two default labels the second is v0, of the second secret', 'gate', { ...OVERLAP, strict: true }, DUAL, true],
    ['… v0 by the only secret that a gate has is refused', 'gate', { accepts: ['current'], strict: true }, DUAL, false],
    [
      'a gate that is strict, with ids of its own, refuses default labels',
      'gate',
      { strict: true, keyIds: 'own' },
      CURRENT,
      false,
    ],
    [
      '… and takes each signature under its own',
      'gate',
      { ...OVERLAP, strict: true, keyIds: 'own' },
      OWN_CURRENT,
      true,
    ],
    [
      'a gate that is strict, with default ids, refuses own labels',
      'gate',
      { ...OVERLAP, strict: true },
      OWN_NEXT,
      false,
    ],
    [
      'a revoked id is refused though its secret is accepted',
      'gate',
      { ...OVERLAP, revokes: ['current'] },
      OWN_CURRENT,
      false,
    ],
    ['… strict or not', 'gate', { ...OVERLAP, revokes: ['current'], strict: true, keyIds: 'own' }, OWN_CURRENT, false],
    ['… but the same secret under another label passes', 'gate', { ...OVERLAP, revokes: ['current'] }, CURRENT, true],
    [
      '… and so does a request whose other signature is good',
      'gate',
      { ...OVERLAP, revokes: ['current'] },
      OWN_DUAL,
      true,
    ],
    ['an id that is not revoked is let through', 'gate', { ...OVERLAP, revokes: ['current'] }, OWN_NEXT, true],
  ])('%s', (_, scheme, settings, message, good) => {
    expect(accepts(scheme, replica(settings), message)).toBe(good);
  });
});

describe('acceptsSomehow', () => {
  it.each<[says: string, settings: Partial<ReplicaSettings>, good: boolean]>([
    ['a secret that is listed is accepted under some label', {}, true],
    ['one that is not listed is not', { accepts: ['next'] }, false],
    ['revocation alone is cosmetic', { revokes: ['current'] }, true],
    ['enforcement alone names the same secret', { strict: true }, true],
    ['revocation counts where own key ids are enforced', { strict: true, keyIds: 'own', revokes: ['current'] }, false],
    ['… of that very id', { strict: true, keyIds: 'own', revokes: ['next'] }, true],
    ['a default id cannot be revoked', { strict: true, revokes: ['current'] }, true],
  ])('%s', (_, settings, good) => {
    expect(acceptsSomehow(replica(settings), 'current')).toBe(good);
  });
});

describe('a probe', () => {
  it('is signed by one generation, under its own key id', () => {
    expect(probeWith('next')).toEqual({ signs: ['next'], keyIds: 'own' });
  });
});
