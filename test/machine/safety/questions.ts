import { readFileSync } from 'node:fs';
import { type Answer, check } from '../../../src/machine/safety/check.ts';
import { ENVIRONMENT, type EnvironmentAction } from '../../../src/machine/safety/environment.ts';
import type { Beginning, Inventory, Program } from '../../../src/machine/step.ts';
import { readRunbook } from '../../../src/runbook/read.ts';
import type { Runbook } from '../../../src/runbook/runbook.ts';

/** The runbooks that ship, by name. */
export const SHIPPED = ['signer-hmac', 'signer-hmac-second-id', 'signer-mtls', 'gate-hmac'] as const;

/** How a question differs from the ordinary: two replicas, two clients, no template, everything may happen. */
export interface Asked {
  readonly replicas?: number;
  readonly clients?: number;
  readonly templates?: number;
  readonly environment?: readonly EnvironmentAction[];
  readonly whole?: boolean;
  /** How the fleet begins; absent: as one that was never rotated. */
  readonly beginning?: Beginning;
}

/** How a fleet of gates may begin. */
export const BEGINNINGS = [
  ['never rotated', { strict: false, keyIds: 'default' }],
  ['with key ids of its own', { strict: false, keyIds: 'own' }],
  ['with key ids of its own, enforced', { strict: true, keyIds: 'own' }],
] as const satisfies readonly (readonly [string, Beginning])[];

/** The text of a file of the project. */
export function textOf(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}

/** A runbook that ships. */
export function shipped(name: (typeof SHIPPED)[number]): Runbook {
  return readRunbook(textOf(`runbooks/${name}.yaml`), `${name}.yaml`);
}

/** Targets named as in the catalogue of mistakes: r0, r1 …, c0, c1 …, t0 …. */
export function inventoryOf({ replicas = 2, clients = 2, templates = 0, beginning }: Asked = {}): Inventory {
  const names = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index}`);
  return {
    replicas: names('r', replicas),
    clients: names('c', clients),
    templates: names('t', templates),
    ...(beginning === undefined ? {} : { beginning }),
  };
}

/** What the checker says of a runbook. */
export function ask(of: Pick<Runbook, 'scheme' | 'program'>, asked: Asked = {}): Answer {
  const { environment = ENVIRONMENT, whole = false } = asked;
  const { scheme, program } = of;
  return check({ scheme, program, inventory: inventoryOf(asked), environment: new Set(environment), whole });
}

/** What the checker says, in a word: `safe`, `unknown`, or the invariant that is broken. */
export function wordOf(answer: Answer): string {
  return answer.counterexample?.invariant ?? answer.verdict;
}

/** A program with one phase changed. */
export function withPhase<P extends keyof Program>(program: Program, phase: P, steps: Program[P]): Program {
  return { ...program, [phase]: steps };
}
