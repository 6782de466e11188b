import type { Phase, Trigger } from '../../machine/phase.ts';
import { TRANSITIONS } from '../../machine/phase.ts';
import type { Task } from '../../machine/roll.ts';
import type { Rotation } from '../../machine/rotation.ts';
import { type Answers, NO_ANSWERS } from '../../probe/answers.ts';
import type { Precondition } from '../../runbook/runbook.ts';
import type { History } from '../history.ts';
import { type Cost, gateMs, type Sizes, settleCost } from './cost.ts';
import { preflightCost } from './preflight.ts';

/** Least and longest duration, in milliseconds. */
export interface Duration {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** A point in time, at the earliest and at the latest, in milliseconds from the plan's making. */
interface Instant {
  least: number;
  most: number;
}

/** The clock of a plan: what its tasks take, the gates that they wait at, and the nonces whose life they wait out. */
export class Timeline {
  readonly #sizes: Sizes;
  readonly #entered: Map<Phase, Instant>;
  readonly #now: Instant = { least: 0, most: 0 };
  #begun: Instant = { least: 0, most: 0 };
  #owed: Instant[] = [];
  #preconditions: Answers = NO_ANSWERS;

  constructor(sizes: Sizes, madeAt: number, history: Pick<History, 'enteredAt' | 'owed'> | undefined) {
    this.#sizes = sizes;
    const since = (at: number): Instant => ({ least: at - madeAt, most: at - madeAt });
    const phases = Object.entries(history?.enteredAt ?? {}) as [Phase, number][];
    this.#entered = new Map(phases.map(([phase, at]) => [phase, since(at)]));
    this.#owed = (history?.owed ?? []).map(({ dueAt }) => since(dueAt));
  }

  /** A command begins, with the preconditions that it tries live. */
  begin(preconditions: readonly Precondition[]): void {
    this.#begun = { ...this.#now };
    const preflight = preflightCost(this.#sizes, preconditions);
    this.#preconditions = preflight.answers;
    this.#pass(preflight);
  }

  /** A task is carried out. A replay proof leaves nonces behind whose life the command waits out at its end. */
  spend({ step }: Task, cost: Cost): void {
    this.#pass(cost);
    if (!step.proofs.some(({ proves }) => proves === 'replay')) return;
    const { nonceTtlMs, clockErrorMs } = this.#sizes.fleet.replay;
    const life = nonceTtlMs + clockErrorMs;
    for (let n = 0; n < this.#sizes.replicas; n += 1) {
      this.#owed.push({ least: this.#now.least + life, most: this.#now.most + life });
    }
  }

  /** A trigger is pulled, after the wait at its gate, if it has one. @returns the least wait, in milliseconds */
  pass(trigger: Trigger, { phase, compromised }: Pick<Rotation, 'phase' | 'compromised'>): number | undefined {
    const gate = compromised ? undefined : gateMs(this.#sizes.fleet, trigger);
    const since = gate === undefined ? undefined : (this.#entered.get(gate.since) ?? this.#now);
    const before = this.#now.least;
    if (gate !== undefined && since !== undefined) this.#reach(since.least + gate.ms, since.most + gate.ms);
    const to = TRANSITIONS[phase][trigger];
    if (to !== undefined) this.#entered.set(to, { ...this.#now });
    return gate === undefined ? undefined : this.#now.least - before;
  }

  /** The command's replay checks over time are finished. @returns their requests */
  settled(): Answers {
    for (const { least, most } of this.#owed) this.#reach(least, most);
    const cost = settleCost(this.#sizes, this.#owed.length);
    this.#owed = [];
    this.#pass(cost);
    return cost.answers;
  }

  /** The requests of the command's preconditions. */
  get preconditions(): Answers {
    return this.#preconditions;
  }

  /** How long the command lasts that began last. */
  end(): Duration {
    return { leastMs: this.#now.least - this.#begun.least, mostMs: this.#now.most - this.#begun.most };
  }

  #pass({ leastMs, mostMs }: Cost): void {
    this.#now.least += leastMs;
    this.#now.most += mostMs;
  }

  #reach(least: number, most: number): void {
    this.#now.least = Math.max(this.#now.least, least);
    this.#now.most = Math.max(this.#now.most, most);
  }
}
