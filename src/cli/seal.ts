import { resolve } from 'node:path';
import { readSecret, type SecretReference } from '../credential/reference.ts';
import { judgeCurrent, requireUsable } from '../credential/strength.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { isOpen, newestHistory } from '../runner/history.ts';
import { clientsFor, ledgerPath, loadFleet, runbookFor } from './load.ts';
import type { Platform } from './platform.ts';
import { Redactor } from './redactor.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSecrets } from './secret-access.ts';

/** What was typed for `seal`. */
export interface SealRequest {
  readonly client: string;
  readonly secretFile: string | undefined;
  readonly secretFd: string | undefined;
}

/** Puts the present secret of a client into the sealed store, from which its rotations read it; the fleet is not touched. */
export async function seal(platform: Platform, flags: GlobalFlags, request: SealRequest): Promise<CommandEnd> {
  const fleet = await loadFleet(platform, flags);
  const runbook = await runbookFor(platform, flags, fleet);
  const [client = ''] = clientsFor(fleet, { clients: [request.client] });
  const { sources, vault } = await openSecrets(platform, fleet, new Redactor().redact);
  const secret = await readSecret(placeOf(platform, request), sources, client);
  const problems = judgeCurrent(secret, [], fleet.probe.scheme?.secret, await vault.retiredFingerprints());
  requireUsable(problems, `the secret of ${client}`);
  const ledger = ledgerPath(flags, fleet.file);
  const lock = await platform.lock(`${ledger}.lock`, { runId: platform.random.hex(6), command: 'seal' });
  try {
    const [{ readWhole }, disk] = await Promise.all([import('../ledger/verify.ts'), platform.ledgerDisk()]);
    const history = newestHistory(await readWhole(ledger, disk), runbook, fleet.name);
    if (isOpen(history)) {
      throw new RotctlError('MOVE_REFUSED', `rotation ${history.id} is open: its secrets are sealed already`, {
        next: 'rotctl status',
      });
    }
    await vault.keep(client, secret);
  } finally {
    await lock.release();
  }
  return {
    command: 'seal',
    fleet: fleet.name,
    verdict: 'pass',
    summary: `the secret of ${client} is sealed in ${fleet.vault}`,
    text: problems.map(({ message }) => `warning: ${message}`).join('\n'),
    result: { client, warnings: problems.map(({ message }) => message) },
  };
}

/** Says what `seal` would do. Reads no secret. */
export async function rehearseSeal(platform: Platform, flags: GlobalFlags, request: SealRequest): Promise<CommandEnd> {
  const { wouldDo } = await import('./rehearsed.ts');
  const fleet = await loadFleet(platform, flags);
  clientsFor(fleet, { clients: [request.client] });
  placeOf(platform, request);
  return wouldDo('seal', [`read the secret of ${request.client}`, `seal it in ${fleet.vault}`]);
}

function placeOf({ cwd }: Platform, { secretFile, secretFd }: SealRequest): SecretReference {
  if ((secretFile === undefined) === (secretFd === undefined)) {
    throw new RotctlError('USAGE', 'seal takes the secret from --secret-file FILE or --secret-fd NUMBER');
  }
  if (secretFile !== undefined) return { from: 'file', path: resolve(cwd, secretFile) };
  return { from: 'fd', fd: descriptorOf(secretFd) };
}

/** The number of an inherited file descriptor as typed. @throws RotctlError `USAGE` */
export function descriptorOf(text: string | undefined): number {
  if (/^(?:[3-9]|[1-9][0-9]{1,2})$/.test(text ?? '')) return Number(text);
  throw new RotctlError('USAGE', '--secret-fd takes the number of a file descriptor from 3 on');
}
