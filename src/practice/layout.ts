import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf, type Protocol } from './kinds.ts';

/** One process; a primary and its replica under a Sentinel; three nodes of a cluster. */
export type StoreForm = 'single' | 'sentinel' | 'cluster';

/** Where everything of one practice fleet is. It stays the same as long as the folder exists. */
export interface Layout {
  readonly home: string;
  readonly protocol: Protocol;
  readonly replicas: readonly { readonly name: string; readonly port: number }[];
  readonly balancerPort: number;
  readonly storePort: number;
  /** What the store is, and all of its ports: nodes that hold nonces first (of them `storePort`), then the others. */
  readonly storeForm: StoreForm;
  readonly storePorts: readonly number[];
  readonly controlPort: number;
  /** What a control request must show. Secret. */
  readonly token: string;
}

type Place = Pick<Layout, 'home' | 'protocol'>;

/** Paths inside a fleet's folder. */
export const paths = {
  record: (home: string) => join(home, 'practice.json'),
  token: (home: string) => join(home, 'control.token'),
  fleetFile: (home: string) => join(home, 'rotctl.yaml'),
  replicaEnv: (fleet: Place, name: string) => join(fleet.home, kindOf(fleet).replicas, `${name}.env`),
  /** What a replica that is made anew starts with. */
  templateEnv: (fleet: Place) => join(fleet.home, kindOf(fleet).replicas, 'template.env'),
  clientEnv: (fleet: Place, id: string) => join(fleet.home, kindOf(fleet).clients, `${id}.env`),
  /** Where a replica finds secrets that it is given as files. */
  secrets: (home: string, name: string) => join(home, 'run', 'secrets', name),
  /** What a gate has accepted. */
  accepted: (home: string, name: string) => join(home, 'ledgers', `${name}.jsonl`),
  /** The bundle that a party trusts, the chain that it shows, its key. No two parties share a file. */
  trust: (home: string, party: string) => join(home, 'tls', `${party}-trust.pem`),
  cert: (home: string, party: string) => join(home, 'tls', `${party}.pem`),
  key: (home: string, party: string) => join(home, 'tls', `${party}.key`),
  /** A chain and its key that the fault of this name shows. */
  wrongPurpose: (home: string, party: string) => join(home, 'tls', `${party}.wrong-purpose.pem`),
  /** What rotctl trusts, and whoever calls gates. */
  authority: (home: string) => join(home, 'tls', 'ca.pem'),
  log: (home: string, part: string) => join(home, 'logs', `${part}.log`),
  /** What planted faults remember. */
  memory: (home: string, part?: string) => (part === undefined ? join(home, 'faults') : join(home, 'faults', part)),
  store: (home: string) => join(home, 'store'),
  /** Who may do what in the store; not of every fleet. */
  storeUsers: (home: string) => join(home, 'store', 'users.acl'),
  /** The password of rotctl's login there. */
  storePassword: (home: string) => join(home, 'store-login.password'),
};

/** What signers that are made anew are made from. */
export const SIGNER_IMAGE = 'signer-image';

/** The DNS name of one replica. */
export function hostOf(replica: string): string {
  return `${replica}.practice.internal`;
}

/** What `practice.json` holds. */
export interface PracticeRecord extends Layout {
  readonly store: string;
  readonly pids: Readonly<Record<string, number>>;
}

/** Reads `practice.json`; `undefined` when there is none. Throws when it is not ours. */
export function readRecord(home: string): PracticeRecord | undefined {
  let text: string;
  try {
    text = readFileSync(paths.record(home), 'utf8');
  } catch {
    return undefined;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('token' in value) || !('controlPort' in value)) {
    throw new Error(`${paths.record(home)} is not a practice fleet's record`);
  }
  // Written by `writeRecord` in this same program, into a folder that only we can write; once without a protocol, and with
  // one port of the store.
  const port = 'storePort' in value && typeof value.storePort === 'number' ? [value.storePort] : [];
  const older: Partial<PracticeRecord> = { protocol: 'keyring-v1', storeForm: 'single', storePorts: port };
  return { ...older, ...value } as PracticeRecord;
}
