import { describe, expect, it } from 'vitest';
import { ENVIRONMENT, type EnvironmentAction } from '../../../src/machine/safety/environment.ts';
import { breachIn, INVARIANTS, type InvariantId, invariantsOf } from '../../../src/machine/safety/invariants.ts';
import type { Scheme } from '../../../src/machine/scheme.ts';
import { modelOf, type Sketch, worldOf } from './worlds.ts';

const BOTH = { accepts: ['current', 'next'] } as const;
const NEXT = { accepts: ['next'] } as const;
const OLD_SENT = { message: { signs: ['current'], keyIds: 'default' }, draining: false } as const;
const NEW_SENT = { message: { signs: ['next'], keyIds: 'default' }, draining: true } as const;
const moved = { memory: { signs: 'next' } } as const;
const dual = { memory: { signs: 'next', dual: true } } as const;
const certified = { memory: { signs: 'next', ...BOTH } } as const;

const broken = (scheme: Scheme, sketch: Sketch, environment: readonly EnvironmentAction[] = ENVIRONMENT) =>
  breachIn(modelOf({}, { templates: 1, environment }, { scheme }), worldOf({ templates: [BOTH], ...sketch }));

type Row = readonly [says: string, scheme: Scheme, sketch: Sketch, invariant: InvariantId | undefined];

describe('breachIn', () => {
  it.each<Row>([
    ['all go by current', 'keyring', {}, undefined],
    [
      'both are accepted, and some sign with next',
      'keyring',
      { replicas: [{ memory: BOTH }, { memory: BOTH }], clients: [moved, {}] },
      undefined,
    ],
    ['a replica refuses what a client signs with', 'keyring', { replicas: [{ memory: NEXT, disk: BOTH }, {}] }, 'I1'],
    ['… and so does the other client’s', 'keyring', { clients: [{}, moved] }, 'I1'],
    [
      'a replica that is down refuses nothing yet',
      'keyring',
      { replicas: [{ down: true, disk: BOTH }, { memory: BOTH }], clients: [moved, moved] },
      undefined,
    ],
    [
      '… but will when it comes back',
      'keyring',
      { replicas: [{ down: true }, { memory: BOTH }], clients: [moved, moved] },
      'I1c',
    ],
    [
      'a replica refuses what is on its way',
      'keyring',
      { replicas: [{ memory: NEXT }, { memory: BOTH }], clients: [{ ...moved, lingering: [OLD_SENT] }, moved] },
      'I1b',
    ],
    ['… also while a wait for it lasts', 'keyring', { clients: [{ lingering: [NEW_SENT] }, {}] }, 'I1b'],
    ['a replica would refuse after a restart', 'keyring', { replicas: [{ memory: BOTH, disk: NEXT }, {}] }, 'I1c'],
    ['a client would be refused after its restart', 'keyring', { clients: [{ disk: { signs: 'next' } }, {}] }, 'I1c'],
    ['a new instance would refuse', 'keyring', { templates: [NEXT] }, 'I1d'],
    [
      'a new instance would refuse what a client takes up',
      'keyring',
      { replicas: [{ memory: BOTH }, { memory: BOTH }], clients: [{ disk: { signs: 'next' } }, {}], templates: [{}] },
      'I1d',
    ],
    [
      'what is felt comes before what is latent',
      'keyring',
      { replicas: [{ memory: NEXT, disk: NEXT }, {}], templates: [NEXT] },
      'I1',
    ],
    [
      'what was withdrawn is accepted',
      'keyring',
      {
        replicas: [{ memory: BOTH }, { memory: NEXT }],
        clients: [moved, moved],
        templates: [NEXT],
        withdrawn: ['current'],
      },
      'I2',
    ],
    [
      '… or would be after a restart',
      'keyring',
      {
        replicas: [{ memory: NEXT, disk: BOTH }, { memory: NEXT }],
        clients: [moved, moved],
        templates: [NEXT],
        withdrawn: ['current'],
      },
      'I2b',
    ],
    [
      '… and what is felt at once is named first, whichever replica it is on',
      'keyring',
      {
        replicas: [{ memory: NEXT, disk: BOTH }, { memory: BOTH }],
        clients: [moved, moved],
        templates: [NEXT],
        withdrawn: ['current'],
      },
      'I2',
    ],
    [
      '… or by a new instance',
      'keyring',
      {
        replicas: [{ memory: NEXT }, { memory: NEXT }],
        clients: [moved, moved],
        templates: [BOTH],
        withdrawn: ['current'],
      },
      'I2b',
    ],
    [
      'what was withdrawn is gone',
      'keyring',
      {
        replicas: [{ memory: NEXT }, { memory: NEXT }],
        clients: [moved, moved],
        templates: [NEXT],
        withdrawn: ['current'],
      },
      undefined,
    ],
    [
      'a lock-out comes before a resurrection',
      'keyring',
      { replicas: [{ memory: NEXT }, { memory: BOTH }], withdrawn: ['current'], templates: [NEXT] },
      'I1',
    ],
    ['a request was accepted under two namespaces', 'keyring', { served: ['current@declared', 'current@other'] }, 'I3'],
    ['two requests were, each under one', 'keyring', { served: ['current@declared', 'next@other'] }, undefined],
    ['one good signature of two is enough', 'gate', { clients: [dual, {}] }, undefined],
    [
      'a default label is refused by a strict gate',
      'gate',
      { replicas: [{ memory: { strict: true, keyIds: 'own' } }, {}] },
      'I1',
    ],
    [
      'revocation alone withdraws nothing',
      'gate',
      {
        replicas: [{ memory: { accepts: ['next', 'current'], revokes: ['current'] } }, { memory: NEXT }],
        clients: [moved, moved],
        templates: [NEXT],
        withdrawn: ['current'],
      },
      'I2',
    ],
    [
      'a signer does not trust a client’s certificate',
      'mtls',
      { clients: [{ memory: { signs: 'next', ...BOTH } }, {}] },
      'T1',
    ],
    ['… or would not after a restart', 'mtls', { replicas: [{ memory: BOTH, disk: NEXT }, {}] }, 'T1'],
    [
      'a client does not trust a signer’s certificate',
      'mtls',
      { replicas: [{ memory: { presents: 'next' } }, {}] },
      'T2',
    ],
    [
      '… or would not after the signer’s restart',
      'mtls',
      { replicas: [{ memory: {}, disk: { presents: 'next' } }, {}] },
      'T2',
    ],
    ['… or after its own', 'mtls', { clients: [{ memory: BOTH, disk: NEXT }, {}] }, 'T2'],
    ['… or that of a new instance', 'mtls', { templates: [{ presents: 'next' }] }, 'T2'],
    ['a session of before is no lock-out', 'mtls', { clients: [{ lingering: [NEW_SENT] }, {}] }, undefined],
    [
      'a session outlives its authority',
      'mtls',
      {
        replicas: [{ memory: { ...NEXT, presents: 'next' } }],
        clients: [{ memory: { signs: 'next', ...NEXT }, lingering: [OLD_SENT] }],
        templates: [{ ...NEXT, presents: 'next' }],
        withdrawn: ['current'],
      },
      'T3',
    ],
    [
      'a signer trusts what was withdrawn',
      'mtls',
      {
        replicas: [{ memory: { ...BOTH, presents: 'next' } }],
        clients: [{ memory: { signs: 'next', ...NEXT } }],
        templates: [{ ...NEXT, presents: 'next' }],
        withdrawn: ['current'],
      },
      'T4',
    ],
    [
      'a client does',
      'mtls',
      {
        replicas: [{ memory: { ...NEXT, presents: 'next' } }],
        clients: [certified],
        templates: [{ ...NEXT, presents: 'next' }],
        withdrawn: ['current'],
      },
      'T4',
    ],
  ])('%s (%s)', (_, scheme, sketch, invariant) => {
    expect(broken(scheme, sketch)?.invariant).toBe(invariant);
  });

  it.each<[says: string, scheme: Scheme, sketch: Sketch, needs: EnvironmentAction]>([
    ['a disk that would refuse', 'keyring', { replicas: [{ memory: BOTH, disk: NEXT }, {}] }, 'crash'],
    ['a client that would be refused', 'keyring', { clients: [{ disk: { signs: 'next' } }, {}] }, 'client-restart'],
    ['a template that would refuse', 'keyring', { templates: [NEXT] }, 'scale-out'],
    ['a template that a reconciler would put back', 'keyring', { templates: [NEXT] }, 'reconcile'],
    ['a client that would not trust', 'mtls', { clients: [{ memory: BOTH, disk: NEXT }, {}] }, 'client-restart'],
  ])('%s is a breach only where that may happen', (_, scheme, sketch, needs) => {
    expect([broken(scheme, sketch, []), broken(scheme, sketch, [needs])?.invariant]).toEqual([
      undefined,
      expect.any(String),
    ]);
  });

  it('says who, and what has to happen first', () => {
    const sketch: Sketch = {
      replicas: [{ memory: BOTH }, { memory: BOTH, disk: {} }],
      clients: [{}, { disk: { signs: 'next' } }],
    };
    expect(broken('keyring', sketch)).toMatchObject({
      invariant: 'I1c',
      client: 'c1',
      server: 'r1',
      message: { signs: ['next'] },
      after: ['client-restart', 'replica-restart'],
    });
  });
});

describe('invariantsOf', () => {
  it('gives every invariant to some scheme, and none that is not stated', () => {
    const all = [...invariantsOf('keyring'), ...invariantsOf('mtls')];
    expect(all.sort()).toEqual(Object.keys(INVARIANTS).sort());
    expect(invariantsOf('gate')).toEqual(invariantsOf('keyring'));
  });
});
