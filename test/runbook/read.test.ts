import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MOVING_PHASES } from '../../src/machine/phase.ts';
import { begin, type Rotation, settingOf } from '../../src/machine/rotation.ts';
import { type Goal, pathTo } from '../../src/machine/way.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { refusalFrom } from '../support/refusal.ts';

const FILE = 'runbooks/signer-hmac.yaml';
const shipped = readFileSync(FILE, 'utf8');

/** The error that reading a text ends with. */
const refusalOf = (text: string) => refusalFrom(() => readRunbook(text, 'my.yaml'));

const line = (text: string, needle: string) => text.slice(0, text.indexOf(needle)).split('\n').length;

describe('the shipped runbook', () => {
  const runbook = readRunbook(shipped, FILE);

  /** The tasks on the way to a goal, of a fleet with two replicas. */
  const tasks = (templates: string[], from: Rotation, goal: Goal) => {
    const setting = settingOf(runbook.program, { templates, replicas: ['a', 'b'], clients: ['x'] });
    const path = pathTo(setting, from, goal, goal === 'rolled-back');
    return path.flatMap(({ move }) => ('task' in move ? [`${move.task.step.id} ${move.task.targets}`] : []));
  };

  it('has steps for every moving phase, each with an id of its own', () => {
    const ids = MOVING_PHASES.flatMap((phase) => {
      expect(runbook.program[phase].length, phase).toBeGreaterThan(0);
      return runbook.program[phase].map(({ id }) => id);
    });
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('changes, loads and proves one replica before it touches the next', () => {
    expect(tasks(['t'], begin(), 'overlap')).toEqual([
      'publish-next t',
      'add-next a',
      'roll a',
      'roll-by-restart a',
      'add-next b',
      'roll b',
      'roll-by-restart b',
      'verify-overlap fleet',
    ]);
  });

  it('goes back from the replica that was changed last', () => {
    const from = { ...begin(), phase: 'overlap' as const };
    expect(tasks([], from, 'rolled-back')[0]).toBe('remove-next b');
  });

  it.each([
    ['stable', 'overlap'],
    ['switched', 'retired'],
    ['widening', 'switched'],
    ['overlap', 'rolled-back'],
  ] as const)('from %s to %s writes templates before replicas, and neither without the other', (phase, goal) => {
    const changed = tasks(['t'], { ...begin(), phase }, goal)
      .filter((task) => / [tab]$/.test(task))
      .map((task) => task.slice(-1));
    expect(changed[0]).toBe('t');
    expect(changed.lastIndexOf('t')).toBe(0);
    expect(new Set(changed)).toEqual(new Set(['t', 'a', 'b']));
  });

  it('gives templates and replicas the same sets, in every phase', () => {
    for (const phase of MOVING_PHASES) {
      const sets = (of: 'template' | 'replica') =>
        runbook.program[phase].flatMap(({ effects }) =>
          effects.flatMap((effect) => (effect.of === of && 'set' in effect ? [effect.set] : [])),
        );
      expect(sets('template'), phase).toEqual(sets('replica'));
    }
  });

  it('names no more than one key id for a replica after the end of each way', () => {
    const last = (phase: 'retiring' | 'closing') =>
      runbook.program[phase].flatMap(({ effects }) =>
        effects.flatMap((effect) => (effect.of === 'replica' && 'set' in effect ? [effect.set] : [])),
      );
    expect(last('retiring')).toEqual([{ accepts: ['next'] }]);
    expect(last('closing')).toEqual([{ accepts: ['current'] }]);
  });
});

describe('what is to be as before', () => {
  const gate = readFileSync('runbooks/gate-hmac.yaml', 'utf8');
  const stepNamed = (id: string) =>
    Object.values(readRunbook(gate, 'gate-hmac.yaml').program)
      .flat()
      .find((step) => step.id === id);

  it('stands beside what is set, and in a proof', () => {
    expect(stepNamed('sign-with-current')?.effects).toEqual([
      { of: 'client', where: 'disk', set: { signs: 'current', dual: false }, restores: ['keyIds'] },
    ]);
    expect(stepNamed('strict-as-before')?.effects).toEqual([
      { of: 'replica', where: 'disk', set: {}, restores: ['strict'] },
    ]);
    expect(stepNamed('verify-as-before')?.proofs).toContainEqual({
      proves: 'accepts',
      generation: 'current',
      on: 'every-replica',
      keyIds: 'as-before',
    });
  });

  it.each([
    [
      'a setting that every rotation begins with the same',
      gate,
      'accepts: [current], key-ids',
      'accepts: as-before, key-ids',
    ],
    ['strictness of a client', gate, 'dual: false, key-ids: as-before', 'dual: false, strict: as-before'],
    ['a key id of a signer', shipped, 'where: disk, accepts: [current] }', 'where: disk, key-ids: as-before }'],
    [
      'a key id in a proof of a signer',
      shipped,
      'generation: next, on: target }',
      'generation: next, on: target, key-ids: as-before }',
    ],
  ])('is refused of %s', (_, text, from, to) => {
    expect(text).toContain(from);
    expect(refusalOf(text.replace(from, to))).toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('a runbook that an operator has written wrongly is refused where it is wrong', () => {
  const rows: [what: string, from: string, to: string, rule: RegExp][] = [
    ['an unknown action', 'action: reload', 'action: relaod', /action/],
    ['an unknown key, with the nearest known one', 'on-failure: roll-back', 'on-failur: roll-back', /on-failure/],
    ['an effect that its action does not have', 'accepts: [current, next] }', 'accepts: [current, current] }', /twice/],
    ['a proof of an unknown kind', 'proves: namespace', 'proves: namespaces', /proves/],
    ['an order that takes nobody', 'first: 1, batch: 1', 'first: 0, batch: 1', /first/],
    ['a step id that stands twice', 'step: roll-by-restart', 'step: add-next # again', /stands twice/],
    ['a step that changes nothing and proves nothing', 'action: write', 'action: prove', /changes nothing|goes over/],
    ['another version of the form', 'rotctl.runbook.v1', 'rotctl.runbook.v9', /schema/],
  ];
  for (const [what, from, to, rule] of rows) {
    it(what, () => {
      const text = shipped.replace(from, to);
      const error = refusalOf(text);
      expect(error).toMatchObject({ code: 'INPUT_INVALID', exitCode: 2 });
      expect(error.message).toMatch(rule);
      expect(error.at?.file).toBe('my.yaml');
      expect(Math.abs((error.at?.line ?? 0) - line(text, to))).toBeLessThanOrEqual(4);
      expect(error.at?.column).toBeGreaterThan(0);
    });
  }

  it('what does not parse', () => {
    expect(refusalOf(shipped.replace('rotation:\n', 'rotation: [\n'))).toMatchObject({ code: 'INPUT_SYNTAX' });
  });
});
