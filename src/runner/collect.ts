import type { Cell, Finding } from '../probe/finding.ts';
import type { Progress } from './progress.ts';

/** What passed by a progress listener since the last `take`. */
export interface Collected {
  readonly findings: readonly Finding[];
  readonly cells: readonly Cell[];
}

/** A listener that keeps what it hears. */
export type Collecting = Progress & { take(): Collected };

/** Listens in on the way to another listener, and keeps what checks and rounds have seen. */
export function collecting(inner: Progress): Collecting {
  let findings: Finding[] = [];
  let cells: Cell[] = [];
  return {
    phase: (phase) => inner.phase(phase),
    task: (task) => inner.task(task),
    taskDone: (task, result, reason) => inner.taskDone(task, result, reason),
    wait: (wait) => inner.wait(wait),
    part: (title) => inner.part(title),
    note: (text) => inner.note(text),
    incident: (text) => inner.incident(text),
    findings(more) {
      findings.push(...more);
      inner.findings(more);
    },
    cells(more) {
      cells.push(...more);
      inner.cells(more);
    },
    take() {
      const taken = { findings, cells };
      findings = [];
      cells = [];
      return taken;
    },
  };
}
