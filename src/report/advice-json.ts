import type { JudgedTrigger } from '../drill/advice/advice.ts';
import type { LedgerCount } from '../drill/advice/counts.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import type { AdviceReport } from './advice-text.ts';
import { saySource } from './advice-words.ts';

/** The advice as a JSON value, for a command's `result`. */
type AdviceDocument = { readonly [key: string]: LedgerValue };

/**
 * The advice as plain data. `advice` is `stay`, `prepare-now`, `migrate`, or `inconclusive` with the two ends in
 * `between`; `plan` is for the lower of them. Of an unknown trigger `value`, `met` and `source` are null, never false.
 */
export function adviceDocument({ checkpoint, plan, ledger, fleet }: AdviceReport): AdviceDocument {
  const { triggers, met, unknown, least, most, nearest, otherwise } = checkpoint;
  const sure = least === most;
  return {
    advice: sure ? least : 'inconclusive',
    ...(sure ? {} : { between: [least, most] }),
    met,
    unknown,
    triggers: triggers.map(triggerOf),
    nearest: nearest.map(({ rule }) => rule.name),
    ...(otherwise === undefined ? {} : { adviceAsGiven: otherwise }),
    ...(ledger === undefined ? {} : { ledger: ledgerOf(ledger) }),
    ...(fleet === undefined
      ? {}
      : { fleet: { name: fleet.name, clients: [...fleet.clients], replicas: [...fleet.replicas] } }),
    plan: plan.map(({ step, phase, action, install, proof, back }) => ({
      step,
      phase,
      action,
      install: [...install],
      proof,
      back,
    })),
  };
}

function triggerOf({ rule, used, setAside, met }: JudgedTrigger): AdviceDocument {
  return {
    name: rule.name,
    flag: rule.flag,
    value: used?.value ?? null,
    threshold: rule.threshold,
    met: met ?? null,
    source: used?.source ?? null,
    from: used === undefined ? null : saySource(rule, used.source),
    unknown: met === undefined,
    setAside: setAside.map(({ value, source }) => ({ value, source, from: saySource(rule, source) })),
  };
}

function ledgerOf({ path, counts }: NonNullable<AdviceReport['ledger']>): AdviceDocument {
  if (counts === undefined) return { path };
  const { rotations, incidents, begins, isAhead } = counts;
  return {
    path,
    begins: new Date(begins).toISOString(),
    isAhead,
    rotations: countOf(rotations),
    incidents: countOf(incidents),
  };
}

function countOf({ value, days, since, entries, rehearsed }: LedgerCount): AdviceDocument {
  return { value, days, since: new Date(since).toISOString(), entries: [...entries], rehearsed };
}
