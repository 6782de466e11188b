import type { Phase } from '../machine/phase.ts';
import type { Task } from '../machine/roll.ts';
import type { Cell, Finding } from '../probe/finding.ts';

/** What the runner tells while it works. A live view, a log or nothing at all may listen; none of it is the record. */
export interface Progress {
  phase(phase: Phase): void;
  task(task: Task): void;
  taskDone(task: Task, result: 'done' | 'failed' | 'skipped', reason?: string): void;
  /** A wait, with what is waited for and how long at most; `undefined` when it is over. */
  wait(wait: { readonly what: string; readonly ms: number } | undefined): void;
  findings(findings: readonly Finding[]): void;
  cells(cells: readonly Cell[]): void;
  /** A part of a larger work begins. */
  part(title: string): void;
  note(text: string): void;
  /** Something that someone must be told of, whatever else is printed. */
  incident(text: string): void;
}
