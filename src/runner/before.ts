import type { Secret } from '../credential/secret.ts';
import { isListed } from '../deploy/secret-store.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { MOVING_PHASES } from '../machine/phase.ts';
import type { Proof } from '../machine/step.ts';
import { usageFingerprint } from '../watch/usage-fingerprint.ts';
import { requireParties } from './certificates/parties.ts';
import { type GenerationIds, idsNow, requireFreeId, secondIdHint } from './second-id.ts';
import type { GateAccess, Tools } from './tools.ts';
import { fingerprintKindOf } from './usage-naming.ts';

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
  requireProtocol(tools);
  if (tools.runbook.scheme === 'mtls') return requireReports(tools.fleet);
  requireEvidence(tools);
  if (tools.gate !== undefined) return requireOneSecret(tools, tools.gate, present, clients);
  // Names each secret as the fleet's own evidence does, which refuses those that are too weak to be named so.
  for (const { id, usage } of tools.fleet.clients) {
    const secret = present.get(id);
    const kinds = usage.flatMap((source) => (source.from === 'confirmation' ? [] : (fingerprintKindOf(source) ?? [])));
    if (secret !== undefined) for (const kind of kinds) usageFingerprint(secret, kind);
  }
  const ids = await idsOf(tools, clients);
  if (ids.size > 0) requireDefaultMoved(tools);
  const single = clients.filter((client) => !ids.has(client));
  const all = [...single, ...[...ids.values()].flatMap((own) => [own.current, own.next])];
  for (const acceptor of [...tools.fleet.replicas, ...tools.fleet.templates]) {
    await requireRoom(tools, acceptor, single);
    const listed = await tools.driver.readAccepted(acceptor, all);
    // What cannot be read is written whole: the probes of the preflight show that it accepts current.
    if (listed === undefined) continue;
    await requireDefault(tools, acceptor, [...ids.values()]);
    for (const client of clients) {
      const own = ids.get(client);
      if (own !== undefined) requireFreeId(acceptor, client, own, listed);
      const id = own?.current ?? client;
      const secrets = listed.get(id) ?? [];
      const current = present.get(client);
      const [only] = secrets;
      if (secrets.length === 1 && current !== undefined && isListed(only, current)) continue;
      const what = secrets.length === 1 ? 'another secret than the client signs with' : `${secrets.length} secrets`;
      throw new RotctlError(
        'PRECONDITION_FAILED',
        `the configuration of ${acceptor.name} lists ${what} for ${id}, expected current alone`,
        {
          hint: 'a rotation would drop what else is listed; end the other rotation first, or remove what is left of it',
        },
      );
    }
  }
}

/** Where signers have a default client id, a runbook that does not move it would have it name an entry that is gone. */
function requireDefaultMoved({ fleet, runbook }: Pick<Tools, 'fleet' | 'runbook'>): void {
  if (fleet.replicas.every(({ deploy }) => deploy.defaultAt === undefined)) return;
  const steps = MOVING_PHASES.flatMap((phase) => runbook.program[phase]);
  if (steps.some(({ effects }) => effects.some((effect) => 'set' in effect && 'defaultId' in effect.set))) return;
  const what = `runbook ${runbook.name} does not move the default client id, which the fleet file declares`;
  throw new RotctlError('PRECONDITION_FAILED', what, { hint: 'use the runbook signer-hmac-second-id' });
}

/** A default client id that has no entry yet would be given one by the rotation, and mean another client meanwhile. */
async function requireDefault(
  { driver }: Pick<Tools, 'driver'>,
  acceptor: Fleet['templates'][number],
  ids: readonly GenerationIds[],
): Promise<void> {
  const at = acceptor.deploy.defaultAt;
  if (at === undefined) return;
  const now = await driver.readText(acceptor, at);
  const wrong = ids.find(({ next }) => next === now);
  if (wrong === undefined) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `the default client id of ${acceptor.name} is ${wrong.next}, which has no entry there, expected ${wrong.current}`,
    { hint: 'put it back to the id that is in use; the rotation moves it in its time' },
  );
}

/** The ids of those of the clients that have two, by client. */
async function idsOf(
  { fleet, driver }: Pick<Tools, 'fleet' | 'driver'>,
  clients: readonly string[],
): Promise<ReadonlyMap<string, GenerationIds>> {
  const found = new Map<string, GenerationIds>();
  for (const client of fleet.clients.filter(({ id }) => clients.includes(id))) {
    const ids = await idsNow(driver, client);
    if (ids !== undefined) found.set(client.id, ids);
  }
  return found;
}

/** Where one secret fits for a client id, an overlap would be a swap, and lock its callers out replica by replica. */
async function requireRoom(
  { driver }: Pick<Tools, 'driver'>,
  acceptor: Fleet['templates'][number],
  clients: readonly string[],
): Promise<void> {
  const [single] = await driver.single(acceptor, clients);
  if (single === undefined) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `the configuration of ${acceptor.name} holds one secret for ${single}, so that next would take the place of current and callers would be locked out`,
    { hint: secondIdHint(single) },
  );
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
  // A described service verifies with a list of secrets, which is all that a runbook of signers rests on.
  const needed = fleet.protocol === 'described' ? 'keyring-v1' : fleet.protocol;
  if (runbook.protocol === needed) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `runbook ${runbook.name} is for ${runbook.protocol}, and the fleet ${fleet.name} speaks ${fleet.protocol}`,
    { hint: 'name the runbook for this fleet with --runbook' },
  );
}

/**
 * Certificates move by what clients are seen to show, and by what they say themselves of what they trust.
 *
 * @throws RotctlError `PRECONDITION_FAILED` for a client of which nobody can tell
 */
function requireReports(fleet: Fleet): void {
  requireParties(fleet);
  const { clients } = fleet;
  for (const { id, certificates, owner } of clients) {
    if (certificates === undefined) continue;
    if (certificates.usage.length === 0) {
      throw new RotctlError('PRECONDITION_FAILED', `nobody can tell which certificate ${id} shows`, {
        hint: 'declare `certificateUsage`: where the replicas tell under which client certificate each request was accepted; or `usage: { from: confirmation }` under its certificates',
      });
    }
    if (certificates.handshake === undefined && owner === undefined) {
      throw new RotctlError('PRECONDITION_FAILED', `nobody can tell which authorities ${id} trusts`, {
        hint: 'declare `certificates.handshake` of the client: a command that has the client itself make a TLS handshake with {host} and {port}; or its `owner`, who is then asked to answer for it by name',
      });
    }
  }
}

const BY_USAGE: readonly Proof['proves'][] = ['signs', 'unused', 'key-ids'];

/** A runbook that asks who signs with what needs somebody who can tell, or it would stop half-way with no way on. */
function requireEvidence({ fleet, runbook }: Pick<Tools, 'fleet' | 'runbook'>): void {
  const without = fleet.clients.find(({ usage }) => usage.length === 0);
  if (without === undefined) return;
  const steps = MOVING_PHASES.flatMap((phase) => runbook.program[phase]);
  const step = steps.find(({ proofs }) => proofs.some(({ proves }) => BY_USAGE.includes(proves)));
  if (step === undefined) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `step ${step.id} needs usage evidence, and the fleet file declares no usage source${fleet.usage.length === 0 ? '' : ` for ${without.id}`}`,
    {
      hint: 'declare under `usage` where the replicas tell which secret each accepted request was signed with; or `usage: { from: confirmation }`, where somebody answers for it by name',
    },
  );
}
