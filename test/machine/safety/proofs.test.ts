import { describe, expect, it } from 'vitest';
import type { EnvironmentAction } from '../../../src/machine/safety/environment.ts';
import { mayBeDone } from '../../../src/machine/safety/proofs.ts';
import type { Scheme } from '../../../src/machine/scheme.ts';
import type { Order, Proof, Step } from '../../../src/machine/step.ts';
import { modelOf, rotation, type Sketch, task, worldOf } from './worlds.ts';

const BOTH = { accepts: ['current', 'next'] } as const;
const NEXT = { accepts: ['next'] } as const;
const SKIP: Order = { first: 1, batch: 1, backward: false, only: undefined, unreachable: 'skip' };
const LOAD: Partial<Step> = {
  action: 'restart',
  over: 'replicas',
  effects: [{ of: 'replica', where: 'memory', from: 'disk' }],
};
const WRITE: Partial<Step> = {
  action: 'write',
  over: 'replicas',
  effects: [{ of: 'replica', where: 'disk', set: BOTH }],
};
const REDEPLOY: Partial<Step> = {
  action: 'restart',
  over: 'clients',
  effects: [{ of: 'client', where: 'memory', from: 'disk' }],
};
const HEEDED: readonly EnvironmentAction[] = ['crash'];

const may = (
  of: Partial<Step>,
  targets: readonly string[],
  sketch: Sketch,
  more: { scheme?: Scheme; environment?: readonly EnvironmentAction[] } = {},
) => {
  const { scheme = 'keyring', environment } = more;
  const model = modelOf({}, { templates: 1, ...(environment === undefined ? {} : { environment }) }, { scheme });
  return mayBeDone(
    model,
    rotation({ phase: of.phase ?? 'opening', intended: true }),
    worldOf(sketch),
    task(targets, of),
  );
};

describe('what was to change', () => {
  it.each<[says: string, of: Partial<Step>, targets: readonly string[], sketch: Sketch, done: boolean]>([
    ['a write that can be read back', WRITE, ['r0'], { replicas: [{ disk: BOTH }, {}] }, true],
    ['a write that cannot', WRITE, ['r0'], {}, false],
    ['a write on one of two targets', WRITE, ['r0', 'r1'], { replicas: [{ disk: BOTH }, {}] }, false],
    ['a write on a replica that is down', WRITE, ['r0'], { replicas: [{ down: true, disk: BOTH }, {}] }, true],
    ['a load that says it was done', LOAD, ['r0'], { replicas: [{ disk: BOTH }, {}] }, true],
    ['a load after which the replica is down', LOAD, ['r0'], { replicas: [{ down: true }, {}] }, false],
    ['… which is left out', { ...LOAD, order: SKIP }, ['r0'], { replicas: [{ down: true }, {}] }, true],
    [
      'a write that is left out because there is no answer',
      { ...WRITE, order: SKIP },
      ['r0'],
      { replicas: [{ down: true }, {}] },
      true,
    ],
    ['a write that is not, because there is one', { ...WRITE, order: SKIP }, ['r0'], {}, false],
    [
      'a template that was written',
      { ...WRITE, over: 'templates', effects: [{ of: 'template', where: 'disk', set: BOTH }] },
      ['t0'],
      { templates: [BOTH] },
      true,
    ],
    [
      'a template that was not',
      { ...WRITE, over: 'templates', effects: [{ of: 'template', where: 'disk', set: BOTH }] },
      ['t0'],
      { templates: [{}] },
      false,
    ],
    [
      'a client that was told',
      { over: 'clients', effects: [{ of: 'client', where: 'disk', set: { signs: 'next' } }] },
      ['c0'],
      { clients: [{ disk: { signs: 'next' } }, {}] },
      true,
    ],
    [
      'a client that was not',
      { over: 'clients', effects: [{ of: 'client', where: 'disk', set: { signs: 'next' } }] },
      ['c0'],
      {},
      false,
    ],
  ])('%s', (_, of, targets, sketch, done) => {
    expect(may(of, targets, { templates: [{}], ...sketch })).toBe(done);
  });

  it.each([
    ['a replica', LOAD, 'r0', { replicas: [{ disk: BOTH }, {}] }],
    ['a client', REDEPLOY, 'c0', { clients: [{ disk: { signs: 'next' } }, {}] }],
  ] as const)('counts as loaded by %s only when it is, where commands do what they say', (_, of, target, sketch) => {
    expect([may(of, [target], sketch, { environment: HEEDED }), may(of, [target], sketch)]).toEqual([false, true]);
  });

  it('on the way back is nothing where nothing was touched', () => {
    const model = modelOf({}, { templates: 1 });
    const done = (touched: readonly string[]) =>
      mayBeDone(
        model,
        rotation({ phase: 'closing', intended: true, touched }),
        worldOf({ templates: [{}] }),
        task(['r0'], { ...WRITE, phase: 'closing' }),
      );
    expect([done([]), done(['r1']), done(['r0']), done(['t0'])]).toEqual([true, true, false, false]);
  });
});

const acc = (on: 'target' | 'every-replica' | 'balancer'): Proof => ({ proves: 'accepts', generation: 'next', on });
const ref = (on: 'target' | 'every-replica' | 'balancer'): Proof => ({ proves: 'refuses', generation: 'current', on });
const before: Proof = { proves: 'accepts', generation: 'current', on: 'every-replica', keyIds: 'as-before' };
const one: Sketch = { replicas: [{ memory: BOTH }, {}] };
const over = (kind: Step['over'], ...proofs: Proof[]): Partial<Step> => ({ over: kind, proofs });
const OLD_SENT = { message: { signs: ['current'], keyIds: 'default' }, draining: false } as const;

describe('what was to be seen', () => {
  it.each<
    [says: string, of: Partial<Step>, targets: readonly string[], sketch: Sketch, done: boolean, scheme?: Scheme]
  >([
    ['accepts, on the target', over('replicas', acc('target')), ['r0'], one, true],
    ['accepts, on another than the target', over('replicas', acc('target')), ['r1'], one, false],
    ['accepts, on all but one', over('fleet', acc('every-replica')), ['fleet'], one, false],
    [
      'accepts, on all',
      over('fleet', acc('every-replica')),
      ['fleet'],
      { replicas: [{ memory: BOTH }, { memory: NEXT }] },
      true,
    ],
    [
      'accepts is not what a disk would',
      over('replicas', acc('target')),
      ['r0'],
      { replicas: [{ disk: BOTH }, {}] },
      false,
    ],
    [
      'accepts, on one that is down',
      over('fleet', acc('every-replica')),
      ['fleet'],
      { replicas: [{ memory: BOTH }, { down: true, disk: BOTH }] },
      false,
    ],
    [
      'accepts, but for one that is down and left out',
      { ...over('fleet', acc('every-replica')), order: SKIP },
      ['fleet'],
      { replicas: [{ memory: BOTH }, { down: true }] },
      true,
    ],
    ['accepts, through a balancer, vouches for nobody', over('fleet', acc('balancer')), ['fleet'], {}, true],
    ['refuses, on the target', over('replicas', ref('target')), ['r0'], { replicas: [{ memory: NEXT }, {}] }, true],
    [
      'refuses is not proven by one that is down',
      over('replicas', ref('target')),
      ['r0'],
      { replicas: [{ down: true, disk: NEXT }, {}] },
      false,
    ],
    [
      'refuses, on all but one',
      over('fleet', ref('every-replica')),
      ['fleet'],
      { replicas: [{ memory: NEXT }, {}] },
      false,
    ],
    [
      'signs, of the target',
      over('clients', { proves: 'signs', generation: 'next' }),
      ['c0'],
      { clients: [{ memory: { signs: 'next' } }, {}] },
      true,
    ],
    [
      'signs, of another',
      over('clients', { proves: 'signs', generation: 'next' }),
      ['c1'],
      { clients: [{ memory: { signs: 'next' } }, {}] },
      false,
    ],
    [
      'signs is not what a disk would',
      over('clients', { proves: 'signs', generation: 'next' }),
      ['c0'],
      { clients: [{ disk: { signs: 'next' } }, {}] },
      false,
    ],
    [
      'unused, by all',
      over('fleet', { proves: 'unused', generation: 'current' }),
      ['fleet'],
      { clients: [{ memory: { signs: 'next' } }, { memory: { signs: 'next' } }] },
      true,
    ],
    [
      'unused, by all but one',
      over('fleet', { proves: 'unused', generation: 'current' }),
      ['fleet'],
      { clients: [{ memory: { signs: 'next' } }, {}] },
      false,
    ],
    [
      'unused, where the other signature is there too',
      over('fleet', { proves: 'unused', generation: 'current' }),
      ['fleet'],
      { clients: [{ memory: { dual: true } }, { memory: { signs: 'next' } }] },
      true,
      'gate',
    ],
    [
      'unused does not see what is on its way',
      over('fleet', { proves: 'unused', generation: 'current' }),
      ['fleet'],
      { clients: [{ memory: { signs: 'next' }, lingering: [OLD_SENT] }] },
      true,
    ],
    [
      'presents, of a replica',
      over('replicas', { proves: 'presents', generation: 'next', on: 'target' }),
      ['r0'],
      { replicas: [{ memory: { presents: 'next' } }, {}] },
      true,
      'mtls',
    ],
    [
      'presents, of every replica',
      over('fleet', { proves: 'presents', generation: 'next', on: 'every-replica' }),
      ['fleet'],
      { replicas: [{ memory: { presents: 'next' } }, {}] },
      false,
      'mtls',
    ],
    [
      'presents, of a client',
      over('clients', { proves: 'presents', generation: 'next', on: 'target' }),
      ['c0'],
      { clients: [{ memory: { signs: 'next' } }, {}] },
      true,
      'mtls',
    ],
    [
      'trusts, of the target',
      over('clients', { proves: 'trusts', generation: 'next' }),
      ['c0'],
      { clients: [{ memory: BOTH }, {}] },
      true,
      'mtls',
    ],
    [
      'trusts, of all',
      over('fleet', { proves: 'trusts', generation: 'next' }),
      ['fleet'],
      { clients: [{ memory: BOTH }, {}] },
      false,
      'mtls',
    ],
    [
      'distrusts, of the target',
      over('clients', { proves: 'distrusts', generation: 'current' }),
      ['c0'],
      { clients: [{ memory: NEXT }, {}] },
      true,
      'mtls',
    ],
    [
      'distrusts, of one that trusts',
      over('clients', { proves: 'distrusts', generation: 'current' }),
      ['c1'],
      { clients: [{ memory: NEXT }, {}] },
      false,
      'mtls',
    ],
    [
      'key ids of their own, of all but one',
      over('fleet', { proves: 'key-ids' }),
      ['fleet'],
      { clients: [{ memory: { keyIds: 'own' } }, {}] },
      false,
      'gate',
    ],
    [
      'no session, where one lingers',
      over('fleet', { proves: 'no-session', generation: 'current' }),
      ['fleet'],
      { clients: [{ memory: { signs: 'next' }, lingering: [OLD_SENT] }] },
      false,
      'mtls',
    ],
    [
      'no session, where one is made all the time',
      over('fleet', { proves: 'no-session', generation: 'current' }),
      ['fleet'],
      {},
      false,
      'mtls',
    ],
    [
      'no session, where none is',
      over('fleet', { proves: 'no-session', generation: 'current' }),
      ['fleet'],
      { clients: [{ memory: { signs: 'next' } }] },
      true,
      'mtls',
    ],
    ['the checklist, where all answer', over('fleet', { proves: 'checklist' }), ['fleet'], {}, true],
    [
      'the checklist, where one does not',
      over('fleet', { proves: 'checklist' }),
      ['fleet'],
      { replicas: [{}, { down: true }] },
      false,
    ],
    [
      'the namespace of the target',
      over('replicas', { proves: 'namespace' }),
      ['r0'],
      { replicas: [{}, { memory: { namespace: 'other' } }] },
      true,
    ],
    [
      'the namespace of all',
      over('fleet', { proves: 'namespace' }),
      ['fleet'],
      { replicas: [{}, { memory: { namespace: 'other' } }] },
      false,
    ],
    [
      'replays, with two namespaces',
      over('fleet', { proves: 'replay' }),
      ['fleet'],
      { replicas: [{}, { memory: { namespace: 'other' } }] },
      false,
    ],
    ['replays, with one', over('fleet', { proves: 'replay' }), ['fleet'], {}, true],
    ['no spike of refused signatures, whatever is refused', over('fleet', { proves: 'quiet' }), ['fleet'], one, true],
    [
      'accepts under the key id of before, on a gate that is lenient',
      over('fleet', before),
      ['fleet'],
      {},
      true,
      'gate',
    ],
    [
      '… on a gate that enforces key ids of its own',
      over('fleet', before),
      ['fleet'],
      { replicas: [{}, { memory: { keyIds: 'own', strict: true } }] },
      false,
      'gate',
    ],
    ['of two proofs one is not enough', over('replicas', acc('target'), ref('target')), ['r0'], one, false],
  ])('%s', (_, of, targets, sketch, done, scheme = 'keyring') => {
    expect(may(of, targets, sketch, { scheme })).toBe(done);
  });
});
