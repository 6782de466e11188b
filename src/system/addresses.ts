import { lookup, promises } from 'node:dns';
import { isIP } from 'node:net';

/**
 * Looks up host names: by the system (hosts file, name servers), or at one name server.
 *
 * @param server address of a name server, with its port where that is not 53
 * @param deadlineMs longest time for one name
 */
export function resolverAt(
  server: string | undefined,
  deadlineMs: number,
): (host: string) => Promise<readonly string[]> {
  return (host) => within(server === undefined ? bySystem(host) : byServer(host, server, deadlineMs), deadlineMs);
}

function bySystem(host: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true, order: 'verbatim' }, (error, found) => {
      if (error === null) resolve(found.map(({ address }) => address));
      else reject(error);
    });
  });
}

async function byServer(host: string, server: string, deadlineMs: number): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const resolver = new promises.Resolver({ timeout: Math.max(1, Math.ceil(deadlineMs / 3)), tries: 2 });
  resolver.setServers([server]);
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (addresses.length > 0) return addresses;
  const failures = found.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  // A name that has no address of one kind says so; what went wrong with the other is the reason.
  throw failures.find((one) => one?.code !== 'ENODATA') ?? failures[0];
}

function within<Value>(work: Promise<Value>, deadlineMs: number): Promise<Value> {
  return new Promise((resolve, reject) => {
    const late = Object.assign(new Error('no answer in time'), { code: 'ETIMEOUT' });
    const timer = setTimeout(() => reject(late), deadlineMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
