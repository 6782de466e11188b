import type { SecretReference } from '../credential/reference.ts';
import type { Protocol } from '../protocol/protocol.ts';
import type { Path, Refuse } from './refuse.ts';
import { type StoreAddress, storeAddress } from './store-address.ts';
import type { StoreInput } from './store-schema.ts';

/** The replay store of the signers, as `rotctl` may look into it: with a login that reads. Paths are absolute. */
export interface StoreSource {
  readonly form: 'standalone' | 'sentinel' | 'cluster';
  /** Of a standalone store exactly one; of the others those that are asked first. */
  readonly nodes: readonly StoreAddress[];
  /** The name by which Sentinels know the primary. */
  readonly primary: string | undefined;
  readonly user: string | undefined;
  readonly password: SecretReference | undefined;
  readonly sentinelPassword: SecretReference | undefined;
  readonly tls: StoreTls | undefined;
  readonly db: number;
  /** The key of a nonce, with `{client}` and `{nonce}`. */
  readonly key: string;
  /** Signed requests a second at a peak; `undefined` where it is not said. */
  readonly perSecond: number | undefined;
  /** Names and addresses of those who may be connected, with `*`; none where it is not said. */
  readonly clients: readonly string[];
  /** What the login may not see, as the fleet file has it. */
  readonly declared: StoreDeclared;
  readonly deadlineMs: number;
}

/** What whoever runs the store answers for. */
export type StoreDeclared = StoreInput['declared'];

/** PEM files for `rediss`. */
export interface StoreTls {
  readonly ca: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
}

/** What the protocols make of a nonce, where the deployment puts nothing before it. */
const KEYS: Readonly<Record<string, string>> = { 'gate-v1': '{client}:{nonce}' };
const KEYRING_KEY = '["{client}","{nonce}"]';

/** What of a store belongs together. */
export function checkStore(store: StoreInput | undefined, refuse: Refuse): void {
  if (store === undefined) return;
  const say = (message: string, ...at: (string | number)[]): void => refuse(['store', ...at] satisfies Path, message);
  const { form, nodes, primary, tls, user, password, sentinelPassword, db } = store;
  if (form === 'standalone' && nodes.length !== 1) say('must be one address of a standalone store', 'nodes');
  if (form === 'sentinel' && primary === undefined) say('needs primary, the name under which the Sentinels know it');
  if (form !== 'sentinel' && primary !== undefined) say('is only for form sentinel', 'primary');
  if (form !== 'sentinel' && sentinelPassword !== undefined) say('is only for form sentinel', 'sentinelPassword');
  if (form === 'cluster' && db !== 0) say('must be 0: a cluster has one database', 'db');
  if (user !== undefined && password === undefined) say('needs a password beside the user');
  const secure = nodes.filter((text) => text.startsWith('rediss:')).length;
  if (secure !== 0 && secure !== nodes.length) say('must all be redis or all be rediss', 'nodes');
  if (secure > 0 && tls === undefined) say('needs tls.ca, the authorities of the store, where an address is rediss');
  if (secure === 0 && tls !== undefined) say('is only for rediss addresses', 'tls');
  if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined))
    say('needs cert and key together', 'tls');
}

/** A store as `checkStore` let it pass. @param absolute resolves a path against the fleet file's folder */
export function storeSource(
  store: StoreInput | undefined,
  protocol: Protocol,
  absolute: (path: string) => string,
): StoreSource | undefined {
  if (store === undefined) return undefined;
  const { form, nodes, primary, user, password, sentinelPassword, tls, db, key, rate, clients, declared, deadline } =
    store;
  const file = (path: string | undefined) => (path === undefined ? undefined : absolute(path));
  const secret = (one: typeof password) => (one === undefined ? undefined : { ...one, path: absolute(one.path) });
  return {
    form,
    nodes: nodes.map(storeAddress),
    primary,
    user,
    password: secret(password),
    sentinelPassword: secret(sentinelPassword),
    tls:
      tls === undefined
        ? undefined
        : { ca: absolute(tls.ca), cert: file(tls.cert), key: file(tls.key), serverName: tls.serverName },
    db,
    key: key ?? KEYS[protocol] ?? KEYRING_KEY,
    perSecond: rate,
    clients,
    declared,
    deadlineMs: deadline,
  };
}
