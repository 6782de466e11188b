import { brokenIn } from './invariants.ts';
import { movesFrom } from './moves.ts';
import { firstState, type Question, type State } from './state.ts';

/** The most states that are kept, as the page says. */
const mostStates = 400_000;

/** What was found. `states` and `moves` are counts; after a breach they count what had been seen until then. */
export interface Answer {
  /** `safe`, `unknown`, `dead end`, or the id of the invariant that is broken. */
  readonly answer: string;
  readonly states: number;
  readonly moves: number;
  /** The shortest way to what is wrong, one text for each move; null when nothing is. */
  readonly counterexample: readonly string[] | null;
  /** Whether the rotation is `destroyed` in some state: it can not only be given up, but be done. */
  readonly canBeDone: boolean;
}

/** What is known of the states that were found, each by the number in which it was found. */
interface Found {
  readonly texts: string[];
  readonly numbers: Map<string, number>;
  readonly cameFrom: { readonly number: number; readonly what: string }[];
  readonly successors: number[][];
}

/** Looks at every state, breadth first, and then for states from which the rotation cannot end. */
export function explore(question: Question): Answer {
  const found: Found = { texts: [], numbers: new Map(), cameFrom: [], successors: [] };
  let moves = 0;
  const answered = (answer: string, at: number | null): Answer => {
    const canBeDone = found.texts.some((_, number) => stateAt(found, number).phase === 'destroyed');
    const counterexample = at === null ? null : wayTo(found, at);
    return { answer, states: found.texts.length, moves, counterexample, canBeDone };
  };
  const first = firstState(question);
  add(found, JSON.stringify(first), -1, '');
  const brokenAtFirst = brokenIn(question, first);
  if (brokenAtFirst !== null) return answered(brokenAtFirst, 0);
  for (let number = 0; number < found.texts.length; number += 1) {
    const successors: number[] = [];
    for (const { what, to, hoped } of movesFrom(question, stateAt(found, number))) {
      const text = JSON.stringify(to);
      if (text === found.texts[number]) continue;
      moves += 1;
      const known = found.numbers.get(text);
      const at = known ?? add(found, text, number, what);
      if (!hoped) successors.push(at);
      if (known !== undefined) continue;
      const broken = brokenIn(question, to);
      if (broken !== null) return answered(broken, found.texts.length - 1);
      if (found.texts.length > mostStates) return answered('unknown', null);
    }
    found.successors.push(successors);
  }
  const deadEnd = firstDeadEnd(found);
  return deadEnd === null ? answered('safe', null) : answered('dead end', deadEnd);
}

function add(found: Found, text: string, number: number, what: string): number {
  found.texts.push(text);
  found.numbers.set(text, found.texts.length - 1);
  found.cameFrom.push({ number, what });
  return found.texts.length - 1;
}

function stateAt(found: Found, number: number): State {
  return JSON.parse(found.texts[number] ?? '') as State;
}

function wayTo(found: Found, number: number): readonly string[] {
  const came = found.cameFrom[number];
  if (came === undefined || came.number < 0) return [];
  return [...wayTo(found, came.number), came.what];
}

/** The first state that was found from which no end of the rotation can be reached; null when there is none. */
function firstDeadEnd(found: Found): number | null {
  const predecessors: number[][] = found.texts.map(() => []);
  for (const [number, successors] of found.successors.entries()) {
    for (const successor of successors) predecessors[successor]?.push(number);
  }
  const ends = found.texts.flatMap((_, number) => (isEnd(stateAt(found, number)) ? [number] : []));
  const canEnd = new Set(ends);
  const open = [...ends];
  for (let number = open.pop(); number !== undefined; number = open.pop()) {
    const news = (predecessors[number] ?? []).filter((predecessor) => !canEnd.has(predecessor));
    for (const predecessor of news) canEnd.add(predecessor);
    open.push(...news);
  }
  const deadEnd = found.texts.findIndex((_, number) => !canEnd.has(number));
  return deadEnd < 0 ? null : deadEnd;
}

function isEnd({ phase }: State): boolean {
  return phase === 'destroyed' || phase === 'rolled-back';
}
