import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { MOVING_PHASES } from '../machine/phase.ts';
import type { Proof } from '../machine/step.ts';
import { usageFingerprint } from '../watch/usage-fingerprint.ts';
import type { GateAccess, Tools } from './tools.ts';

/**
 * What must be so before a rotation begins and can be seen without a probe.
 *
 * @throws RotctlError `SECRET_REFUSED`, `PRECONDITION_FAILED`, naming what is in the way; nothing was changed
 */
export async function requireReadiness(
  tools: Pick<Tools, 'fleet' | 'runbook' | 'driver' | 'gate'>,
  present: ReadonlyMap<string, Secret>,
  clients: readonly string[],
): Promise<void> {
  requireEvidence(tools);
  requireProtocol(tools);
  if (tools.gate !== undefined) return requireOneSecret(tools, tools.gate, present, clients);
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

/** A gate and its signing services have one secret, which rotates for all of them at once. */
async function requireOneSecret(
  { fleet }: Pick<Tools, 'fleet'>,
  { driver }: GateAccess,
  present: ReadonlyMap<string, Secret>,
  clients: readonly string[],
): Promise<void> {
  const left = fleet.clients.filter(({ id }) => !clients.includes(id)).map(({ id }) => id);
  if (left.length > 0) {
    const hint = 'leave --client out: the services of a gate share one secret, and rotate together';
    throw new RotctlError('USAGE', `${left.join(', ')} would be left behind with the old secret`, { hint });
  }
  const [[first, current] = ['', undefined]] = present;
  if (current === undefined) throw new RotctlError('INTERNAL', 'a fleet without clients');
  const other = [...present].find(([, secret]) => !secret.signsLike(current));
  if (other !== undefined) {
    throw new RotctlError('PRECONDITION_FAILED', `${first} and ${other[0]} sign with different secrets, expected one`);
  }
  for (const acceptor of [...fleet.replicas, ...fleet.templates]) {
    const { secret } = await driver.read(acceptor);
    if (secret?.signsLike(current)) continue;
    const what = secret === undefined ? 'no secret' : 'another secret than its callers sign with';
    throw new RotctlError('PRECONDITION_FAILED', `the configuration of ${acceptor.name} has ${what}`);
  }
}

/** @throws RotctlError `PRECONDITION_FAILED` for a runbook of another protocol than the fleet's */
function requireProtocol({ fleet, runbook }: Pick<Tools, 'fleet' | 'runbook'>): void {
  if (runbook.protocol === fleet.protocol) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `runbook ${runbook.name} is for ${runbook.protocol}, and the fleet ${fleet.name} speaks ${fleet.protocol}`,
    { hint: 'name the runbook for this fleet with --runbook' },
  );
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
