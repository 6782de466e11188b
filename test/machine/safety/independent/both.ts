import { settingOf } from '../../../../src/machine/rotation.ts';
import { check, modelOf } from '../../../../src/machine/safety/check.ts';
import { explore as exploreOfChecker } from '../../../../src/machine/safety/explore.ts';
import type { Model } from '../../../../src/machine/safety/world.ts';
import { readRunbook } from '../../../../src/runbook/read.ts';
import { explore } from './explore.ts';
import { type Beginning, readProgram } from './program.ts';
import { type Action, inFull, inventoryOf } from './state.ts';

/** How many replicas, clients and templates. */
export type Size = readonly [replicas: number, clients: number, templates: number];

/** What the two implementations can be compared by. */
export interface Compared {
  /** `safe`, `unknown`, `dead end`, or the id of the invariant that is broken. */
  readonly answer: string;
  /** The length of the shortest counterexample in moves; null when there is none. */
  readonly length: number | null;
  /** Counts of states and moves, where all of them were seen. */
  readonly counts: { readonly states: number; readonly moves: number } | null;
}

/** What is asked of both. `text` is a runbook's. */
export interface Asked {
  readonly text: string;
  readonly size: Size;
  readonly environment: readonly Action[];
  readonly compromised?: boolean;
  /** Absent: as never rotated. */
  readonly beginning?: Beginning | undefined;
}

/** The question in terms of the checker. */
function questionOf({ text, size, environment, compromised = false, beginning }: Asked) {
  const { scheme, program } = readRunbook(text, 'runbook.yaml');
  const { replicas, clients, templates } = inventoryOf(...size);
  return {
    scheme,
    program,
    inventory: { replicas, clients, templates, ...(beginning === undefined ? {} : { beginning }) },
    environment: inFull(environment),
    compromised,
  };
}

/** The answer of the model that is written from the page. */
export function byThePage({ text, size, environment, compromised = false, beginning }: Asked): Compared {
  const program = readProgram(text, beginning);
  const question = {
    program,
    inventory: inventoryOf(...size),
    environment: inFull(environment),
    compromised,
    ...(beginning === undefined ? {} : { beginning }),
  };
  const found = explore(question);
  const { answer, states, moves, counterexample } = found;
  return { answer, length: counterexample?.length ?? null, counts: answer === 'safe' ? { states, moves } : null };
}

/** The page's answer in full: where nothing happens around it, too, the rotation can end, and be done. */
export function byThePageInFull(asked: Asked): string {
  const { answer } = byThePage(asked);
  if (answer !== 'safe') return answer;
  const { compromised = false, beginning } = asked;
  const program = readProgram(asked.text, beginning);
  const calm = explore({
    program,
    inventory: inventoryOf(...asked.size),
    environment: new Set(),
    compromised,
    ...(beginning === undefined ? {} : { beginning }),
  });
  return calm.answer === 'safe' && !calm.canBeDone ? 'dead end' : calm.answer;
}

/** The checker's answer as an operator gets it, which merges states of targets that are alike. */
export function byTheChecker(asked: Asked): string {
  const { verdict, counterexample } = check({ ...questionOf(asked), whole: true });
  if (verdict !== 'unsafe') return verdict;
  return counterexample?.invariant === 'no dead end' ? 'dead end' : (counterexample?.invariant ?? 'none');
}

/** What the checker explores, with every state kept apart, so that lengths and counts can be compared in all cases. */
export function byTheCheckersExploration(asked: Asked): Compared {
  const question = questionOf(asked);
  const named = modelOf(question, settingOf(question.program, question.inventory));
  const model: Model = { ...named, alike: { replicas: [], clients: [] } };
  const found = exploreOfChecker(model);
  const { states, moves } = found;
  switch (found.result) {
    case 'safe':
      return { answer: 'safe', length: null, counts: { states, moves } };
    case 'unsafe':
      return { answer: found.breach.invariant, length: found.way.length, counts: null };
    case 'dead-end':
      return { answer: 'dead end', length: found.way.length, counts: null };
    case 'too-large':
      return { answer: 'unknown', length: null, counts: null };
  }
}
