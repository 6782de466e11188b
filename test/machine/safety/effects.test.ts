import { describe, expect, it } from 'vitest';
import {
  begun,
  carriedOut,
  finished,
  givenUp,
  isSet,
  withdrawing,
  withReplica,
} from '../../../src/machine/safety/effects.ts';
import { replicaOf, type World } from '../../../src/machine/safety/world.ts';
import type { Step } from '../../../src/machine/step.ts';
import { modelOf, replica, type Sketch, task, worldOf } from './worlds.ts';

const BOTH = { accepts: ['current', 'next'] } as const;
const OLD = { signs: ['current'], keyIds: 'default' } as const;
const NEW = { signs: ['next'], keyIds: 'default' } as const;
const model = modelOf({}, { templates: 1 });

const write: Partial<Step> = {
  action: 'write',
  over: 'replicas',
  effects: [{ of: 'replica', where: 'disk', set: BOTH }],
};
const load = (action: 'reload' | 'restart'): Partial<Step> => ({
  action,
  over: 'replicas',
  effects: [{ of: 'replica', where: 'memory', from: 'disk' }],
});
const push: Partial<Step> = {
  action: 'push',
  over: 'replicas',
  effects: [{ of: 'replica', where: 'memory', set: BOTH }],
};
const point: Partial<Step> = {
  action: 'write',
  over: 'clients',
  effects: [{ of: 'client', where: 'disk', set: { signs: 'next' } }],
};
const restart: Partial<Step> = {
  action: 'restart',
  over: 'clients',
  effects: [{ of: 'client', where: 'memory', from: 'disk' }],
};
const publish: Partial<Step> = {
  action: 'write',
  over: 'templates',
  effects: [{ of: 'template', where: 'disk', set: BOTH }],
};
const end: Partial<Step> = { action: 'end-sessions', effects: [{ of: 'sessions', ended: 'current' }] };
const lingering = (message: typeof OLD | typeof NEW, draining = false) => ({ message, draining });

type Row = readonly [says: string, of: Partial<Step>, target: string, before: Sketch, after: Sketch | undefined];

describe('carriedOut', () => {
  it.each<Row>([
    ['a write changes the disk and not the memory', write, 'r0', {}, { replicas: [{ disk: BOTH }, { disk: {} }] }],
    [
      'a write changes what it names and nothing else',
      write,
      'r1',
      { replicas: [{}, { disk: { strict: true } }] },
      { replicas: [{}, { disk: { ...BOTH, strict: true } }] },
    ],
    ['a write of what is there is no move', write, 'r0', { replicas: [{ disk: BOTH }, {}] }, undefined],
    [
      'a write reaches the disk of a replica that is down',
      write,
      'r0',
      { replicas: [{ down: true }, {}] },
      { replicas: [{ down: true, disk: BOTH }, {}] },
    ],
    [
      'a reload takes the whole disk over',
      load('reload'),
      'r0',
      { replicas: [{ disk: { ...BOTH, namespace: 'other' } }, {}] },
      { replicas: [{ memory: { ...BOTH, namespace: 'other' } }, {}] },
    ],
    ['a reload of what is loaded is no move', load('reload'), 'r0', {}, undefined],
    [
      'a reload does not bring up what is down',
      load('reload'),
      'r0',
      { replicas: [{ down: true, disk: BOTH }, {}] },
      undefined,
    ],
    [
      'a restart does',
      load('restart'),
      'r0',
      { replicas: [{ down: true, disk: BOTH }, {}] },
      { replicas: [{ memory: BOTH }, {}] },
    ],
    ['a push changes the memory and not the disk', push, 'r0', {}, { replicas: [{ memory: BOTH, disk: {} }, {}] }],
    ['a push does not reach what is down', push, 'r0', { replicas: [{ down: true }, {}] }, undefined],
    ['a template is written', publish, 't0', { templates: [{}] }, { templates: [BOTH] }],
    [
      'a client is given another secret on its disk',
      point,
      'c0',
      {},
      { clients: [{ memory: {}, disk: { signs: 'next' } }, {}] },
    ],
    [
      'a client that takes it up leaves requests behind',
      restart,
      'c0',
      { clients: [{ memory: {}, disk: { signs: 'next' } }, {}] },
      { clients: [{ memory: { signs: 'next' }, lingering: [lingering(OLD)] }, {}] },
    ],
    [
      '… and sends again what it had left behind',
      restart,
      'c0',
      { clients: [{ memory: { signs: 'next' }, disk: {}, lingering: [lingering(OLD)] }, {}] },
      { clients: [{ lingering: [lingering(NEW)] }, {}] },
    ],
    [
      'a client whose requests stay the same leaves none behind',
      restart,
      'c0',
      { clients: [{ memory: {}, disk: BOTH }, {}] },
      { clients: [{ memory: BOTH }, {}] },
    ],
    [
      'sessions under a generation end for all',
      end,
      'fleet',
      { clients: [{ lingering: [lingering(OLD), lingering(NEW)] }, { lingering: [lingering(OLD)] }] },
      { clients: [{ lingering: [lingering(NEW)] }, {}] },
    ],
    [
      'sessions that nobody has cannot end',
      end,
      'fleet',
      { clients: [{ lingering: [lingering(NEW)] }, {}] },
      undefined,
    ],
    ['a look changes nothing', {}, 'fleet', {}, undefined],
    [
      'a wait changes nothing until it is over',
      { action: 'drain', effects: [{ of: 'flight', drained: 'current' }] },
      'fleet',
      {},
      undefined,
    ],
  ])('%s', (_, of, target, before, after) => {
    expect(carriedOut(model, worldOf(before), task([target], of), target)).toEqual(
      after === undefined ? undefined : worldOf(after),
    );
  });

  it('changes nothing of the world that it is given', () => {
    const world = worldOf({});
    const copy = structuredClone(world);
    carriedOut(model, world, task(['r0'], write), 'r0');
    expect(world).toEqual(copy);
  });
});

describe('a wait', () => {
  const drain = task(['fleet'], { action: 'drain', effects: [{ of: 'flight', drained: 'current' }] });
  const sent = (...messages: ReturnType<typeof lingering>[]) =>
    worldOf({ clients: [{ memory: { signs: 'next' }, lingering: messages }, {}] });
  const left = (world: World) => world.clients[0]?.lingering;

  it('takes away what was sent before it began', () => {
    expect(left(finished(begun(sent(lingering(OLD)), drain), drain))).toEqual([]);
  });
  it('does not take away what was sent after it began', () => {
    expect(left(finished(sent(lingering(OLD)), drain))).toEqual([lingering(OLD)]);
  });
  it('leaves what was signed with the other generation', () => {
    expect(left(finished(begun(sent(lingering(NEW)), drain), drain))).toEqual([lingering(NEW)]);
  });
  it('that was given up counts for nothing', () => {
    expect(left(givenUp(begun(sent(lingering(OLD)), drain)))).toEqual([lingering(OLD)]);
  });
  it('that follows nothing leaves the world as it is', () => {
    const world = worldOf({});
    for (const one of [begun(world, drain), givenUp(world), finished(world, drain)]) expect(one).toBe(world);
  });
});

describe('the end of material', () => {
  const material = (becomes: 'sealed' | 'destroyed') =>
    task(['fleet'], { action: 'destroy', effects: [{ of: 'material', generation: 'next', becomes }] });

  it.each([
    ['destroyed', ['next']],
    ['sealed', []],
  ] as const)('%s: withdrawn are %j', (becomes, withdrawn) => {
    expect(finished(worldOf({}), material(becomes)).withdrawn).toEqual(withdrawn);
  });
  it('is noted once', () => {
    const once = withdrawing(worldOf({}), 'current');
    expect(withdrawing(once, 'current')).toBe(once);
  });
});

describe('namespaces of nonces', () => {
  const aware = modelOf({}, {}, { namespaces: true });
  const world = worldOf({ served: ['current@declared'] });
  const moved = replicaOf(replica({ ...BOTH, namespace: 'other' }), replica());

  it('are noted where a request may be accepted', () => {
    expect(withReplica(aware, world, 0, moved).served).toEqual(['current@declared', 'current@other']);
  });
  it('are not noted of a replica that is down, nor where no step changes one', () => {
    expect(withReplica(aware, world, 0, replicaOf(undefined, moved.disk)).served).toEqual(world.served);
    expect(withReplica(model, world, 0, moved).served).toEqual(world.served);
  });
});

describe('isSet', () => {
  it.each([
    ['lists are the same in the same order', replica(BOTH), BOTH, true],
    ['the primary one counts', replica(BOTH), { accepts: ['next', 'current'] }, false],
    ['what is not named does not count', replica({ strict: true }), { accepts: ['current'] }, true],
  ] as const)('%s', (_, settings, set, same) => {
    expect(isSet(settings, set)).toBe(same);
  });
});
