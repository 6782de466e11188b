import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/**
 * Our own address towards a place, as the system would choose it; `undefined` where there is no way. A datagram socket that
 * is only connected sends nothing.
 */
export function localAddress({ hostname, port, protocol }: URL): Promise<string | undefined> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const end = (address: string | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => end(undefined));
    socket.connect(Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port), host, (error?: Error) => {
      end(error === undefined || error === null ? socket.address().address : undefined);
    });
  });
}
