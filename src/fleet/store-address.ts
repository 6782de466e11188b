/** Host, port and whether TLS is spoken, of one node of a replay store. */
export interface StoreAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

const DEFAULT_PORT = 6379;

/** What is wrong with the text of a store's address; `undefined` when it may be used. */
export function storeUrlProblem(text: string): string | undefined {
  const match = /^(rediss?):\/\/([^/?#\\\s]*)(.*)$/s.exec(text);
  if (match === null || !URL.canParse(text)) return 'must be redis://HOST:PORT or rediss://HOST:PORT';
  const [, , authority = '', rest = ''] = match;
  if (authority === '') return 'must be redis://HOST:PORT or rediss://HOST:PORT';
  if (authority.includes('@')) return 'must not hold a user name or password; they are store.user and store.password';
  if (rest !== '' && rest !== '/') return 'must not have a path, query or fragment; the database is store.db';
  return new URL(text).port === '0' ? 'must not have port 0' : undefined;
}

/** Reads an address that `storeUrlProblem` has nothing against. */
export function storeAddress(text: string): StoreAddress {
  const url = new URL(text);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    tls: url.protocol === 'rediss:',
  };
}
