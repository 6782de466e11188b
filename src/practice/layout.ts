import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf, type Protocol } from './kinds.ts';

/** Where everything of one practice fleet is. It stays the same as long as the folder exists. */
export interface Layout {
  readonly home: string;
  readonly protocol: Protocol;
  readonly replicas: readonly { readonly name: string; readonly port: number }[];
  readonly balancerPort: number;
  readonly storePort: number;
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
  tls: (home: string, file: string) => join(home, 'tls', file),
  log: (home: string, part: string) => join(home, 'logs', `${part}.log`),
  /** What planted faults remember. */
  memory: (home: string, part?: string) => (part === undefined ? join(home, 'faults') : join(home, 'faults', part)),
  store: (home: string) => join(home, 'store'),
};

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
  // Written by `writeRecord` in this same program, into a folder that only we can write; once without a protocol.
  return { protocol: 'keyring-v1', ...value } as PracticeRecord;
}
