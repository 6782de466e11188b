import { dirname, extname, join, resolve, sep } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Runbook } from '../runbook/runbook.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';

const LEDGER_NAME = 'rotation-ledger.yaml';

type Reading = Pick<Platform, 'cwd' | 'readText' | 'exists' | 'shipped'>;
type Enumerating = Pick<Platform, 'addressesOf' | 'listing'>;

/** The absolute path of the fleet file that the flags name. */
export function fleetPath({ cwd }: Pick<Platform, 'cwd'>, { fleet }: Pick<GlobalFlags, 'fleet'>): string {
  return resolve(cwd, fleet);
}

/**
 * Reads the fleet file that the flags name, and looks up which replicas there are and where.
 *
 * @throws RotctlError `INPUT_UNREADABLE`, `INPUT_SYNTAX` or `INPUT_INVALID` with file, line and column; `FLEET_UNSURE`
 */
export async function loadFleet(
  platform: Reading & Enumerating,
  flags: Pick<GlobalFlags, 'fleet' | 'fleetGiven'>,
): Promise<Fleet> {
  const file = fleetPath(platform, flags);
  if (!(await platform.exists(file))) {
    throw new RotctlError('INPUT_UNREADABLE', 'the fleet file does not exist', {
      at: { file },
      hint: 'name it with --fleet FILE or ROTCTL_FLEET; `rotctl init` writes one, `rotctl practice up` makes one to play with',
    });
  }
  const text = await platform.readText(file);
  const { enumerateFleet } = await import('./inventory.ts');
  return enumerateFleet(platform, text, file);
}

/** The runbook for the shared secrets of each protocol, where none is named. */
const RUNBOOKS: Readonly<Record<Protocol, string>> = {
  'keyring-v1': 'signer-hmac',
  'gate-v1': 'gate-hmac',
  // Services that verify with a list of secrets, whatever they look like on the wire.
  described: 'signer-hmac',
};

/** Where signers have a default client id, it is moved before the id that it names goes: by a runbook of its own. */
function secretsRunbook({
  protocol = 'keyring-v1',
  replicas = [],
}: Partial<Pick<Fleet, 'protocol' | 'replicas'>>): string {
  const hasDefault = replicas.some(({ deploy }) => deploy.defaultAt !== undefined);
  return hasDefault && protocol === 'keyring-v1' ? 'signer-hmac-second-id' : RUNBOOKS[protocol];
}

/** The runbook for certificates. */
const CERTIFICATES = 'signer-mtls';

/**
 * Reads the runbook that the flags name; without one that of the rotation that is open, or else the one for the fleet's
 * secrets.
 *
 * @throws RotctlError `USAGE` for a runbook of another material; as `loadRunbook`
 */
export async function runbookFor(
  platform: Reading & Pick<Platform, 'ledgerDisk'>,
  flags: Pick<GlobalFlags, 'runbook' | 'material' | 'ledger'>,
  fleet?: Fleet,
): Promise<Runbook> {
  const { runbook: given, material } = flags;
  const isUnsaid = given === undefined && material === undefined;
  const open = fleet !== undefined && isUnsaid ? await openRunbook(platform, flags, fleet) : undefined;
  const runbook = await loadRunbook(platform, given ?? (material === 'mtls' ? CERTIFICATES : open), fleet);
  if (material === undefined || runbook.material === material) return runbook;
  throw new RotctlError('USAGE', `runbook ${runbook.name} is of ${runbook.material}, and --material says ${material}`, {
    hint: 'leave one of the two flags out',
  });
}

/** The runbook that the ledger's newest rotation goes by, while that is open. What cannot be read says nothing here. */
async function openRunbook(
  platform: Reading & Pick<Platform, 'ledgerDisk'>,
  flags: Pick<GlobalFlags, 'ledger'>,
  fleet: Pick<Fleet, 'file'>,
): Promise<string | undefined> {
  const ledger = ledgerPath(flags, fleet.file);
  if (!(await platform.exists(ledger))) return undefined;
  const [{ readSnapshot }, { isFinal }] = await Promise.all([
    import('../ledger/verify.ts'),
    import('../machine/phase.ts'),
  ]);
  const { entries } = await readSnapshot(ledger, { disk: await platform.ledgerDisk() });
  const header = entries.findLast(({ kind, data }) => kind === 'header' && data.material !== undefined);
  const last = entries.findLast(({ rotation }) => rotation === header?.rotation);
  if (header === undefined || last === undefined || isFinal(last.phase)) return undefined;
  const { runbookFile } = header.data;
  const own = typeof runbookFile === 'string' ? resolve(dirname(fleet.file), runbookFile) : undefined;
  if (own !== undefined && (await platform.exists(own))) return own;
  return (await platform.exists(join(platform.shipped.runbooks, `${header.runbook}.yaml`)))
    ? header.runbook
    : undefined;
}

/**
 * Reads a runbook, by default that of the fleet: a bare name is one that is shipped with the program, anything with a folder or an extension is a file.
 *
 * @throws RotctlError `INPUT_UNREADABLE`, `INPUT_SYNTAX` or `INPUT_INVALID`
 */
export async function loadRunbook(
  platform: Reading,
  given: string | undefined,
  fleet: Partial<Pick<Fleet, 'protocol' | 'replicas'>> = {},
): Promise<Runbook> {
  const name = given ?? secretsRunbook(fleet);
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
  const runbook = readRunbook(text, file);
  if (!bare) return runbook;
  const { file: _, ...shipped } = runbook;
  return shipped;
}

/**
 * The clients whose secrets rotate: those that were named, or all; those that we do not move come last.
 *
 * @throws RotctlError `USAGE` for one that the fleet does not have
 */
export function clientsFor(fleet: Fleet, { clients }: Pick<GlobalFlags, 'clients'>): readonly string[] {
  const all = fleet.clients.map(({ id }) => id);
  const stranger = clients.find((id) => !all.includes(id));
  if (stranger !== undefined)
    throw new RotctlError('USAGE', `the fleet has no client ${stranger}; it has ${all.join(', ')}`);
  const rotating = clients.length === 0 ? all : clients;
  const isOurs = (id: string) => fleet.clients.some((client) => client.id === id && client.movable === 'us');
  return [...rotating.filter(isOurs), ...rotating.filter((id) => !isOurs(id))];
}

/** Where the ledger is: as `--ledger` says, or `rotation-ledger.yaml` beside the fleet file. */
export function ledgerPath(flags: Pick<GlobalFlags, 'ledger'>, fleetFile: string): string {
  return flags.ledger === undefined ? join(dirname(fleetFile), LEDGER_NAME) : resolve(flags.ledger);
}
