import { MOVING_PHASES } from '../phase.ts';
import { type Setting, settingOf } from '../rotation.ts';
import type { Scheme } from '../scheme.ts';
import type { Beginning, Inventory, ListedKind, Program } from '../step.ts';
import { type Counterexample, counterexampleOf } from './counterexample.ts';
import type { EnvironmentAction } from './environment.ts';
import { type Explored, exploring, toEnd } from './explore.ts';
import { alike, representatives, type SmallFleet } from './representatives.ts';
import type { Lack, Model } from './world.ts';

/** What is asked: whether a runbook is safe on a fleet of these targets, whatever of these may happen around it. */
export interface Question {
  readonly scheme: Scheme;
  readonly program: Program;
  readonly inventory: Inventory;
  readonly environment: ReadonlySet<EnvironmentAction>;
  /** Whether the rotation answers a compromise, which takes some of the ways back. */
  readonly compromised?: boolean;
  /** Explore the fleet as it is, and not the small ones that stand for it. */
  readonly whole?: boolean;
  /** Which commands some target of a kind lacks, as far as that is known; where it is not, any may lack any. */
  readonly lacking?: ReadonlySet<Lack>;
}

/** The answer, with what was explored for it. */
export interface Answer {
  /**
   * `safe`: every invariant holds in every state, and from each the rotation can end. `unsafe`: a counterexample says how
   * not. `unknown`: there were too many states to look at, which is never taken for safe.
   */
  readonly verdict: 'safe' | 'unsafe' | 'unknown';
  readonly states: number;
  readonly moves: number;
  /** The fleets that were explored, each with its own counts; more than one where batches can fall in more than one way. */
  readonly explored: readonly ExploredFleet[];
  /** Whether the fleets explored stand for a larger one. */
  readonly reduced: boolean;
  readonly counterexample?: Counterexample;
}

/** A fleet that was explored: its size, how it begins where its inventory says so, and what was found. */
export type ExploredFleet = Record<ListedKind, number> & {
  readonly beginning?: Pick<Beginning, 'strict' | 'keyIds'>;
  readonly states: number;
  readonly moves: number;
};

/** Proves a runbook safe, or finds the shortest sequence that breaks it. Pure: the same question gives the same answer. */
export function check(question: Question): Answer {
  return toEnd(checking(question));
}

/** The same, yielding now and then how many states were found so far. */
export function* checking(question: Question): Generator<number, Answer> {
  const setting = settingOf(question.program, question.inventory);
  const fleets: readonly SmallFleet[] =
    question.whole === true ? [{ setting, reduced: false }] : (representatives(setting) ?? []);
  const explored: { model: Model; result: Explored }[] = [];
  for (const fleet of fleets) {
    const model = modelOf(question, fleet.setting);
    const result: Explored = yield* exploring(model);
    explored.push({ model, result });
    if (result.result !== 'safe') break;
    // Nobody should have to wait for an accident: where all goes well, too, the rotation must be able to end, and be done.
    const calm: Model = { ...model, environment: new Set() };
    const untroubled: Explored = yield* exploring(calm, { mustBeDone: true });
    if (untroubled.result === 'safe') continue;
    explored[explored.length - 1] = { model: calm, result: untroubled };
    break;
  }
  const last = explored.at(-1);
  const sum = (of: 'states' | 'moves') => explored.reduce((total, { result }) => total + result[of], 0);
  const counterexample =
    last?.result.result === 'unsafe' || last?.result.result === 'dead-end'
      ? counterexampleOf(last.model, last.result)
      : undefined;
  return {
    verdict: verdictOf(last?.result.result),
    states: sum('states'),
    moves: sum('moves'),
    explored: explored.map(({ model, result: { states, moves } }) => ({ ...fleetOf(model.setting), states, moves })),
    reduced: fleets.some(({ reduced }) => reduced),
    ...(counterexample === undefined ? {} : { counterexample }),
  };
}

function verdictOf(result: Explored['result'] | undefined): Answer['verdict'] {
  if (result === 'safe') return 'safe';
  return result === undefined || result === 'too-large' ? 'unknown' : 'unsafe';
}

function fleetOf({ inventory }: Setting): Omit<ExploredFleet, 'states' | 'moves'> {
  const { replicas, clients, templates, beginning } = inventory;
  const begins = beginning === undefined ? {} : { beginning };
  return { replicas: replicas.length, clients: clients.length, templates: templates.length, ...begins };
}

/** Every command that a target may lack. */
const LACKS: ReadonlySet<Lack> = new Set([
  'replicas reload',
  'replicas restart',
  'clients reload',
  'clients restart',
] as const);

/** What is done by hand at any time is, for the model, a restart that nobody ordered. */
function closed(environment: ReadonlySet<EnvironmentAction>): ReadonlySet<EnvironmentAction> {
  return environment.has('left-out') ? new Set([...environment, 'crash', 'client-restart']) : environment;
}

/** The model that answers a question, on the fleet of a setting. */
export function modelOf(
  { scheme, environment, compromised = false, lacking = LACKS }: Omit<Question, 'program' | 'inventory' | 'whole'>,
  setting: Setting,
): Model {
  const steps = MOVING_PHASES.flatMap((phase) => setting.tasks[phase].map(({ step }) => step));
  return {
    scheme,
    setting,
    environment: closed(environment),
    compromised,
    lacking,
    downtime: steps.some(({ order }) => order.unreachable === 'skip'),
    namespaces: steps.some(({ effects }) => effects.some((effect) => 'set' in effect && 'namespace' in effect.set)),
    alike: { replicas: alike(setting, 'replicas'), clients: alike(setting, 'clients') },
  };
}
