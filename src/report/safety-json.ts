import type { LedgerValue } from '../ledger/entry.ts';
import { ALWAYS_ON, ENVIRONMENT_MEANS } from '../machine/safety/environment.ts';
import type { Safety } from '../runner/safety.ts';
import { sayProof } from './safety-text.ts';

/** A runbook's proof, or what breaks it, as plain data; a counterexample has what every party holds after each line. */
export function safetyDocument(safety: Safety): { readonly [key: string]: LedgerValue } {
  const { runbook, answer, inventory, surroundings } = safety;
  const { verdict, states, moves, explored, reduced, counterexample } = answer;
  const environment = surroundings.map(({ action, on, why }) => ({
    action,
    on,
    means: ENVIRONMENT_MEANS[action],
    ...(why === '' ? {} : { why }),
  }));
  return {
    runbook: runbook.name,
    digest: runbook.digest,
    verdict,
    says: sayProof(safety),
    states,
    moves,
    fleet: {
      replicas: inventory.replicas.length,
      clients: inventory.clients.length,
      templates: inventory.templates.length,
    },
    explored: explored.map((fleet) => ({ ...fleet })),
    reduced,
    environment,
    always: [...ALWAYS_ON],
    ...(counterexample === undefined ? {} : { counterexample: traceDocument(safety, counterexample) }),
  };
}

type Found = NonNullable<Safety['answer']['counterexample']>;

function traceDocument({ runbook }: Safety, found: Found): LedgerValue {
  const { invariant, statement, before, lines, request, step, advice } = found;
  const at = step === undefined ? undefined : runbook.positions.get(step);
  const { file, line, column } = at ?? {};
  return {
    invariant,
    statement,
    before: before.map((holding) => ({ ...holding })),
    lines: lines.map(({ steps, targets, holds, ...rest }) => ({
      ...rest,
      steps: [...steps],
      targets: [...targets],
      holds: holds.map((holding) => ({ ...holding })),
    })),
    request,
    ...(step === undefined ? {} : { step }),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    advice,
  };
}
