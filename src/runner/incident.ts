import type { RotctlError } from '../errors/rotctl-error.ts';
import { isFinal } from '../machine/phase.ts';
import type { OpenLedger, Tools } from './tools.ts';

/**
 * Writes down and tells that something happened that somebody must look into: under the rotation that is open, or under the
 * run where none is.
 */
export async function recordIncident(
  { fleet, runbook, runId, progress }: Pick<Tools, 'fleet' | 'runbook' | 'runId' | 'progress'>,
  ledger: OpenLedger,
  { code, message }: RotctlError,
): Promise<void> {
  progress.incident(message);
  const last = (await ledger.entries()).findLast(
    (entry) => entry.runbook === runbook.name && !entry.rotation.startsWith('run-'),
  );
  const open = last === undefined || isFinal(last.phase) ? undefined : last;
  await ledger.append({
    rotation: open?.rotation ?? `run-${runId}`,
    fleet: fleet.name,
    runbook: runbook.name,
    phase: open?.phase ?? 'stable',
    step: null,
    kind: 'incident',
    data: { code, reason: message },
  });
}
