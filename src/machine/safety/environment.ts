/**
 * What may happen around a rotation without anybody asking. Which of these are on is part of the question that the
 * checker answers, and is shown with the answer.
 *
 * Three things are always on, because nobody can rule them out: the operator may turn back or go on wherever the machine
 * allows it; requests once sent may be delivered late and, by an adversary, twice; and `rotctl` may be killed between any
 * two moves. The last costs no move of its own: in the model `rotctl` remembers nothing but its ledger, so that every
 * state is also the state after a kill, and what was proven is proven again or not at all.
 */
export const ENVIRONMENT = ['crash', 'client-restart', 'scale-out', 'reconcile', 'unheeded', 'left-out'] as const;

export type EnvironmentAction = (typeof ENVIRONMENT)[number];

/** What each action of the environment means, in one line. */
export const ENVIRONMENT_MEANS: Readonly<Record<EnvironmentAction, string>> = {
  crash: 'any replica ends at any time, and later starts again from its disk',
  'client-restart': 'any client, ours or not, takes up its configuration by itself at any time',
  'scale-out': 'any replica is replaced at any time by an instance made from a template',
  reconcile: "a reconciler puts a template back on any replica's disk at any time",
  unheeded: 'any reload or restart may report success and change nothing',
  'left-out':
    'any replica or client may lack a reload or restart command: the step is left out, and somebody does it by hand at any time',
};

/** What is on whatever was asked. */
export const ALWAYS_ON = [
  'the operator turns back or goes on wherever the machine allows it',
  'a request once sent is delivered at any later time until it is drained, and again by an adversary',
  'rotctl is killed between any two moves, and remembers its ledger alone',
] as const;
