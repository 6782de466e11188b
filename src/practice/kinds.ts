import type { ReplicaKind } from './faults.ts';

/** What a practice fleet speaks. */
export type Protocol = 'keyring-v1' | 'gate-v1';

/** How the parts of a fleet are called, by its protocol. */
export interface Kind {
  /** The role of its replicas, which is also how their names begin. */
  readonly replica: ReplicaKind;
  /** Folder of the replicas' env files. */
  readonly replicas: string;
  /** The role of what signs requests, and the folder of its env files. */
  readonly client: 'client' | 'service';
  readonly clients: string;
  readonly clientIds: readonly string[];
  /** The name on every replica's certificate; what the balancer is called by. */
  readonly sharedName: string;
  /** Whether a replica reads its file anew at SIGHUP. */
  readonly reloads: boolean;
}

const KINDS: Readonly<Record<Protocol, Kind>> = {
  'keyring-v1': {
    replica: 'signer',
    replicas: 'signers',
    client: 'client',
    clients: 'clients',
    clientIds: ['client-a', 'client-b'],
    sharedName: 'signer.practice.internal',
    reloads: true,
  },
  'gate-v1': {
    replica: 'gate',
    replicas: 'gates',
    client: 'service',
    clients: 'services',
    clientIds: ['langgraph', 'scheduler'],
    sharedName: 'gate.practice.internal',
    reloads: false,
  },
};

/** The parts of a fleet that speaks this protocol. */
export function kindOf({ protocol }: { readonly protocol: Protocol }): Kind {
  return KINDS[protocol];
}

/** Whether `text` names a protocol. */
export function isProtocol(text: string): text is Protocol {
  return Object.hasOwn(KINDS, text);
}
