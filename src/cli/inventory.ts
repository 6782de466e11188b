import { dirname, resolve } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import { discoveryOf, listedAt, readListed, type Source } from '../fleet/discovered.ts';
import type { ListedReplica } from '../fleet/discovery-schema.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { pinFleet } from '../fleet/pins.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { Platform } from './platform.ts';

/** Longest time for one name where nothing else is said. */
const LOOK_UP_MS = 5000;

/** What finding out which replicas there are needs of the world. */
export type Enumerating = Pick<Platform, 'readText' | 'addressesOf' | 'listing'>;

/**
 * Reads a fleet file with the replicas that there are now: those that it lists, or those that its source gives, each with
 * the address that its name has now.
 *
 * @throws RotctlError `FLEET_UNSURE` when the source fails or gives too few; `INPUT_SYNTAX`, `INPUT_INVALID` with the place
 *   in the file
 */
export async function enumerateFleet(platform: Enumerating, text: string, file: string): Promise<Fleet> {
  const found = discoveryOf(text, file);
  const listed = found === undefined ? undefined : await listFrom(platform, found, file);
  const fleet = readFleet(text, file, listed);
  return pinFleet(fleet, text, platform.addressesOf(fleet.resolver, LOOK_UP_MS));
}

async function listFrom(
  platform: Enumerating,
  { discovery, resolver }: Source,
  file: string,
): Promise<readonly ListedReplica[]> {
  const { command, dns, file: list, deadline: deadlineMs } = discovery.discover;
  const cwd = dirname(file);
  if (command !== undefined)
    return readListed(await platform.listing(command, { cwd, deadlineMs }), 'discover.command');
  if (list !== undefined) return readListed(await readList(platform, resolve(cwd, list)), `${list}`);
  const service = dns ?? '';
  const { hostname } = new URL(service.includes('://') ? service : `https://${service}`);
  try {
    return listedAt(await platform.addressesOf(resolver, deadlineMs)(hostname), service);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    throw new RotctlError('FLEET_UNSURE', `discover.dns: ${hostname} did not resolve: ${code}`);
  }
}

async function readList(platform: Enumerating, path: string): Promise<string> {
  try {
    return await platform.readText(path);
  } catch (error) {
    if (error instanceof RotctlError)
      throw new RotctlError('FLEET_UNSURE', `discover.file: ${error.message}`, { at: { file: path } });
    throw error;
  }
}
