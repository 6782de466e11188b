import { isIPv4 } from 'node:net';

/** What is wrong with the text of a URL that names a replica or the balancer; `undefined` when it may be used. */
export function urlProblem(text: string): string | undefined {
  const match = /^(https?):\/\/([^/?#\\\s]*)(.*)$/s.exec(text);
  if (match === null || !URL.canParse(text)) return 'must be https://HOST:PORT (a port is at most 65535)';
  const [, , authority = '', rest = ''] = match;
  if (authority.includes('@')) return 'must not hold a user name or password';
  if (rest !== '' && rest !== '/') return 'must not have a path, query or fragment';
  const url = new URL(text);
  if (url.port === '0') return 'must not have port 0';
  if (/[^\x20-\x7e]/.test(authority)) return 'must have an ASCII host name';
  if (url.protocol === 'http:' && !isLoopback(url)) return 'must be https; http is allowed for loopback only';
  return undefined;
}

/** Host of a URL without the brackets of IPv6 and without a trailing dot. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/**
 * Host and port in one spelling, for finding the same address written twice: lower case, the default port written
 * out, no trailing dot, `localhost` as `127.0.0.1`. Names are not looked up.
 */
export function addressOf(url: URL): string {
  const host = hostOf(url);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return `${host === 'localhost' ? '127.0.0.1' : host}:${port}`;
}

function isLoopback(url: URL): boolean {
  const host = hostOf(url);
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
