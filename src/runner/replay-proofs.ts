import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { MOVING_PHASES } from '../machine/phase.ts';
import type { Proof } from '../machine/step.ts';
import type { Runbook } from '../runbook/runbook.ts';

/** Proofs that see a nonce which is accepted twice. */
const OF_REPLAY: readonly Proof['proves'][] = ['replay', 'namespace', 'checklist'];

/**
 * Refuses, in production, a runbook that never looks for replays: it would switch the checks off without a word.
 *
 * @throws RotctlError `PRECONDITION_FAILED`
 */
export function requireReplayProofs(
  { environment, probe }: Pick<Fleet, 'environment' | 'probe'>,
  { name, program }: Pick<Runbook, 'name' | 'program'>,
): void {
  if (environment !== 'production' || probe.scheme?.singleUse === false) return;
  const proofs = MOVING_PHASES.flatMap((phase) => program[phase]).flatMap((step) => step.proofs);
  if (proofs.some(({ proves }) => OF_REPLAY.includes(proves))) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `runbook ${name} has no step that looks for replays, and the fleet is of production: replay checks are not switched off there`,
    {
      hint: 'let the steps that change replicas prove namespace, and the last step of a phase prove replay, as signer-hmac does',
    },
  );
}
