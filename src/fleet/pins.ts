import { isIP } from 'node:net';
import { parseDocument } from '../document/parse.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { hostOf } from './address.ts';
import type { Endpoint, Fleet, Pin } from './fleet.ts';

/** The addresses of a host name, in any order. Rejects with an error that has a `code` (`ENOTFOUND`, …). */
export type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * Looks up the addresses of the replicas, so that every connection of a command goes to the same ones. A name that does
 * not resolve is left as it is: its pin says why. `localhost` is this machine, and is not looked up.
 *
 * @param text the fleet file's text, for positions in messages
 * @throws RotctlError `INPUT_INVALID` for a name with several addresses, a replica at the balancer's address, and two
 *   replicas at one; with what to write instead
 */
export async function pinFleet(fleet: Fleet, text: string, resolve: Resolve): Promise<Fleet> {
  const replicas = await Promise.all(
    fleet.replicas.map(async (replica) => ({ replica, found: await addressesOf(replica, resolve) })),
  );
  const behind = fleet.balancer === undefined ? undefined : await addressesOf(fleet.balancer, resolve);
  const refuse = refusalsIn(text, fleet.file);
  const seen = new Map<string, string>();
  for (const [index, { replica, found }] of replicas.entries()) {
    const [address, ...more] = found.addresses;
    if (more.length > 0) throw refuse(index, severalAddresses(replica, found.addresses));
    if (address === undefined) continue;
    const place = `${address} port ${portOf(replica.url)}`;
    const other = seen.get(place);
    if (other !== undefined) throw refuse(index, `is the address of ${other} too, ${place}: list each instance once`);
    seen.set(place, replica.name);
    if (isBalancer(fleet, behind, address, replica)) {
      throw refuse(index, `is the address of the balancer, ${place}; a replica is addressed directly`);
    }
  }
  return {
    ...fleet,
    replicas: replicas.map(({ replica, found }) => {
      const [address] = found.addresses;
      return address === undefined || !isName(hostOf(replica.url)) ? replica : { ...replica, address };
    }),
    pins: replicas.map(({ replica, found }) => pinOf(replica.name, replica.url, found)),
  };
}

function isBalancer(fleet: Fleet, behind: Found | undefined, address: string, { url }: Endpoint): boolean {
  if (fleet.balancer === undefined || behind === undefined) return false;
  return behind.addresses.includes(address) && portOf(fleet.balancer.url) === portOf(url);
}

function isName(host: string): boolean {
  return isIP(host) === 0 && host !== 'localhost';
}

interface Found {
  readonly addresses: readonly string[];
  readonly reason?: string;
}

async function addressesOf({ url }: Endpoint, resolve: Resolve): Promise<Found> {
  const host = hostOf(url);
  if (!isName(host)) return { addresses: [host === 'localhost' ? '127.0.0.1' : host] };
  try {
    const addresses = [...new Set(await resolve(host))].toSorted();
    return addresses.length === 0 ? { addresses, reason: `${host} has no address` } : { addresses };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    return { addresses: [], reason: `${host} did not resolve: ${code}` };
  }
}

function pinOf(name: string, url: URL, { addresses, reason }: Found): Pin {
  return { name, url: url.origin, address: addresses[0], ...(reason === undefined ? {} : { reason }) };
}

function portOf({ port, protocol }: URL): string {
  return port === '' ? (protocol === 'https:' ? '443' : '80') : port;
}

function severalAddresses({ name, url, serverName }: Fleet['replicas'][number], addresses: readonly string[]): string {
  const host = hostOf(url);
  const [first = ''] = addresses;
  const shown = first.includes(':') ? `[${first}]` : first;
  const direct = `{ name: ${name}-1, url: '${url.protocol}//${shown}:${portOf(url)}', serverName: ${serverName} }`;
  return `${host} has ${addresses.length} addresses, ${addresses.join(', ')}, and each is a replica: write one entry for each, such as ${direct}, or let them be found with replicas: { discover: { dns: '${host}:${portOf(url)}' }, deploy: … }`;
}

function refusalsIn(text: string, file: string) {
  return (index: number, rule: string): RotctlError => {
    const document = parseDocument(text, file);
    const at = document.positionOf(document.offsetOf(['replicas', index, 'url']));
    return new RotctlError('INPUT_INVALID', `replicas[${index}].url: ${rule}`, { at });
  };
}
