import { dirname, extname, join, resolve, sep } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Runbook } from '../runbook/runbook.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';

const LEDGER_NAME = 'rotation-ledger.yaml';

type Reading = Pick<Platform, 'cwd' | 'readText' | 'exists' | 'shipped'>;

/** The absolute path of the fleet file that the flags name. */
export function fleetPath({ cwd }: Pick<Platform, 'cwd'>, { fleet }: Pick<GlobalFlags, 'fleet'>): string {
  return resolve(cwd, fleet);
}

/**
 * Reads the fleet file that the flags name.
 *
 * @throws RotctlError `INPUT_UNREADABLE`, `INPUT_SYNTAX` or `INPUT_INVALID` with file, line and column
 */
export async function loadFleet(platform: Reading, flags: Pick<GlobalFlags, 'fleet' | 'fleetGiven'>): Promise<Fleet> {
  const file = fleetPath(platform, flags);
  if (!(await platform.exists(file))) {
    throw new RotctlError('INPUT_UNREADABLE', 'the fleet file does not exist', {
      at: { file },
      hint: 'name it with --fleet FILE or ROTCTL_FLEET; `rotctl practice up` makes one to play with',
    });
  }
  const text = await platform.readText(file);
  const { readFleet } = await import('../fleet/read-fleet.ts');
  return readFleet(text, file);
}

/** The runbook for the shared secrets of each protocol, where none is named. */
const RUNBOOKS: Readonly<Record<Protocol, string>> = { 'keyring-v1': 'signer-hmac', 'gate-v1': 'gate-hmac' };

/**
 * Reads a runbook, by default that of the protocol: a bare name is one that is shipped with the program, anything with a folder or an extension is a file.
 *
 * @throws RotctlError `INPUT_UNREADABLE`, `INPUT_SYNTAX` or `INPUT_INVALID`
 */
export async function loadRunbook(
  platform: Reading,
  given: string | undefined,
  protocol: Protocol = 'keyring-v1',
): Promise<Runbook> {
  const name = given ?? RUNBOOKS[protocol];
  const bare = extname(name) === '' && !name.includes('/') && !name.includes(sep);
  const file = bare ? join(platform.shipped.runbooks, `${name}.yaml`) : resolve(platform.cwd, name);
  if (!(await platform.exists(file))) {
    const what = bare ? `no runbook of the name ${name} is shipped` : 'the runbook does not exist';
    throw new RotctlError('INPUT_UNREADABLE', what, {
      at: { file },
      hint: 'give the path of a YAML file with --runbook FILE',
    });
  }
  const text = await platform.readText(file);
  const { readRunbook } = await import('../runbook/read.ts');
  return readRunbook(text, file);
}

/**
 * The clients whose secrets rotate: those that were named, or all.
 *
 * @throws RotctlError `USAGE` for one that the fleet does not have
 */
export function clientsFor(fleet: Fleet, { clients }: Pick<GlobalFlags, 'clients'>): readonly string[] {
  const all = fleet.clients.map(({ id }) => id);
  const stranger = clients.find((id) => !all.includes(id));
  if (stranger !== undefined)
    throw new RotctlError('USAGE', `the fleet has no client ${stranger}; it has ${all.join(', ')}`);
  return clients.length === 0 ? all : clients;
}

/** Where the ledger is: as `--ledger` says, or `rotation-ledger.yaml` beside the fleet file. */
export function ledgerPath(flags: Pick<GlobalFlags, 'ledger'>, fleetFile: string): string {
  return flags.ledger === undefined ? join(dirname(fleetFile), LEDGER_NAME) : resolve(flags.ledger);
}
