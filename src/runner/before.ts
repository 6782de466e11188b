import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { MOVING_PHASES } from '../machine/phase.ts';
import type { Proof } from '../machine/step.ts';
import { usageFingerprint } from '../watch/usage-fingerprint.ts';
import type { Tools } from './tools.ts';

/**
 * What must be so before a rotation begins and can be seen without a probe.
 *
 * @throws RotctlError `SECRET_REFUSED`, `PRECONDITION_FAILED`, naming what is in the way; nothing was changed
 */
export async function requireReadiness(
  tools: Pick<Tools, 'fleet' | 'runbook' | 'driver'>,
  present: ReadonlyMap<string, Secret>,
  clients: readonly string[],
): Promise<void> {
  requireEvidence(tools);
  const { usage } = tools.fleet;
  // Names each secret as the fleet's own pages do, which refuses those that are too weak to be named so.
  if (usage?.from === 'metrics' && usage.fingerprint !== 'key-id')
    for (const secret of present.values()) usageFingerprint(secret, usage.fingerprint);
  for (const acceptor of [...tools.fleet.replicas, ...tools.fleet.templates]) {
    const listed = await tools.driver.readAccepted(acceptor, clients);
    for (const client of clients) {
      const secrets = listed.get(client) ?? [];
      const current = present.get(client);
      const [only] = secrets;
      if (secrets.length === 1 && current !== undefined && only?.signsLike(current)) continue;
      const what = secrets.length === 1 ? 'another secret than the client signs with' : `${secrets.length} secrets`;
      throw new RotctlError(
        'PRECONDITION_FAILED',
        `the configuration of ${acceptor.name} lists ${what} for ${client}, expected current alone`,
        {
          hint: 'a rotation would drop what else is listed; end the other rotation first, or remove what is left of it',
        },
      );
    }
  }
}

const BY_USAGE: readonly Proof['proves'][] = ['signs', 'unused', 'key-ids'];

/** A runbook that asks who signs with what needs somebody who can tell, or it would stop half-way with no way on. */
function requireEvidence({ fleet, runbook }: Pick<Tools, 'fleet' | 'runbook'>): void {
  if (fleet.usage !== undefined) return;
  const steps = MOVING_PHASES.flatMap((phase) => runbook.program[phase]);
  const step = steps.find(({ proofs }) => proofs.some(({ proves }) => BY_USAGE.includes(proves)));
  if (step === undefined) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `step ${step.id} needs usage evidence, and the fleet file declares no usage source`,
    { hint: 'declare under `usage` where the replicas tell which secret each accepted request was signed with' },
  );
}
