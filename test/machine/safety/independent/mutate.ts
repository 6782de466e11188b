import { parse, stringify } from 'yaml';

/** Gives a whole number from 0 up to, and without, `below`; a seed gives the same numbers always. */
export type Dice = (below: number) => number;

/** Dice of a seed (a linear congruential generator, of which the high bits are used). */
export function diceOf(seed: number): Dice {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface RawStep {
  step: string;
  action: string;
  over: string;
  order: Record<string, unknown>;
  effect?: Record<string, unknown>[];
  proof?: Record<string, unknown>[];
}

type Mutation = (steps: RawStep[], dice: Dice) => void;

const generations = ['current', 'next'];
const lists = [['current'], ['next'], ['current', 'next'], ['next', 'current']];

/** What an effect may be changed to set, by what it is of. */
const settings: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> = {
  replica: {
    accepts: lists,
    presents: generations,
    strict: [true, false, 'as-before'],
    revokes: [[], ['current'], ['next']],
    'key-ids': ['default', 'own', 'as-before'],
    namespace: ['declared', 'other'],
  },
  client: { signs: generations, dual: [true, false], 'key-ids': ['default', 'own', 'as-before'], accepts: lists },
};

const mutations: readonly Mutation[] = [
  function leaveOut(steps, dice) {
    steps.splice(dice(steps.length), 1);
  },
  function move(steps, dice) {
    const [step] = steps.splice(dice(steps.length), 1);
    if (step !== undefined) steps.splice(dice(steps.length + 1), 0, step);
  },
  function forgetProofs(steps, dice) {
    const step = pick(steps, dice);
    if (step?.action !== 'prove') delete step?.proof;
  },
  function turnProof(steps, dice) {
    const proof = pick(pick(steps, dice)?.proof ?? [], dice);
    if (proof?.generation !== undefined) proof.generation = pick(generations, dice);
  },
  function reorder(steps, dice) {
    const over = pick(['replicas', 'clients', 'templates'], dice);
    const change = pick(
      [{ first: 2, batch: 2 }, { first: 1, batch: 2 }, { only: 1 }, { backward: true }, { backward: false }],
      dice,
    );
    for (const step of steps) if (step.over === over) step.order = { ...step.order, ...change };
  },
  function skipThoseThatAreDown(steps, dice) {
    const over = pick(['replicas', 'fleet'], dice);
    for (const step of steps) if (step.over === over) step.order = { ...step.order, unreachable: 'skip' };
  },
  function setOtherwise(steps, dice) {
    const effects = steps.flatMap((step) => step.effect ?? []).filter((effect) => effect.where === 'disk');
    const effect = pick(effects, dice);
    const [name, values] =
      pick(Object.entries(settings[effect?.of === 'client' ? 'client' : 'replica'] ?? {}), dice) ?? [];
    if (effect !== undefined && name !== undefined) effect[name] = pick(values ?? [], dice);
  },
  function drainOtherwise(steps, dice) {
    const effect = pick(
      steps.flatMap((step) => step.effect ?? []).filter((one) => one.drained !== undefined),
      dice,
    );
    if (effect !== undefined) effect.drained = pick(generations, dice);
  },
];

/** A runbook's text with one to three changes, each of which an author might make by mistake. */
export function mutated(text: string, dice: Dice): string {
  const runbook = parse(text, { prettyErrors: false }) as Record<string, Record<string, RawStep[]>>;
  const phases = [...Object.values(runbook.rotation ?? {}), ...Object.values(runbook.rollback ?? {})];
  for (let left = 1 + dice(3); left > 0; left -= 1) {
    const steps = pick(phases, dice);
    if (steps !== undefined && steps.length > 0) pick(mutations, dice)?.(steps, dice);
  }
  return stringify(runbook, { aliasDuplicateObjects: false });
}

function pick<T>(list: readonly T[], dice: Dice): T | undefined {
  return list[dice(list.length)];
}
