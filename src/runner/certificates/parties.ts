import type { CertificateParty } from '../../deploy/certificates.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { CertificatePlace } from '../../fleet/certificates.ts';
import type { Fleet } from '../../fleet/fleet.ts';

/** Who has certificates in a rotation: those that a step may name, and `rotctl` itself. */
export type PartyKind = 'replica' | 'template' | 'client' | 'own';

/** A party of a rotation of certificates. */
export interface Party {
  readonly kind: PartyKind;
  /** As steps name it; `rotctl` for ourselves. */
  readonly name: string;
  /** What its certificate is for. */
  readonly purpose: 'server' | 'client';
  readonly place: CertificatePlace;
  /** DNS names and addresses that a server's new certificate is for; of a client, none. */
  readonly names: readonly string[];
  /** The names by which it is dialled, all of which its certificate must cover. */
  readonly dialled: readonly string[];
  /** The common name of its new certificate; `undefined`: the one that its present certificate has. */
  readonly commonName: string | undefined;
  /** What makes its process take its certificates up; of a template and of ourselves, nothing. */
  readonly loading: CertificateParty | undefined;
}

/** The key of the listener of ours that clients are asked by. */
export const LISTENER = 'listener rotctl';

/** The name by which material, ledger and evidence call a party: `replica signer-a`, `own rotctl`. */
export function partyKey({ kind, name }: Pick<Party, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

/**
 * Every party of a rotation of a fleet's certificates, ourselves last.
 *
 * @throws RotctlError `PRECONDITION_FAILED` naming what the fleet file lacks for it
 */
export function partiesOf(fleet: Fleet): readonly Party[] {
  const { replicas, templates, clients, balancer } = fleet;
  const shared = balancer === undefined ? [] : [balancer.serverName];
  const servers = replicas.map(({ name, serverName, certificates }): Party => {
    const { place, names, ...loading } = certificates ?? lacking(`replica ${name}`);
    const dialled = [...new Set([serverName, ...shared])];
    return {
      ...{ kind: 'replica', name, purpose: 'server', place, dialled, commonName: undefined },
      names: [...new Set([...dialled, ...names])],
      loading: { place, ...loading },
    };
  });
  const made = templates.map(({ name, certificates }): Party => {
    const { place, names } = certificates ?? lacking(`template ${name}`);
    return {
      ...{ kind: 'template', name, purpose: 'server', place, dialled: shared, commonName: undefined },
      names: [...new Set([...shared, ...names])],
      loading: undefined,
    };
  });
  const callers = clients.map(({ id, certificates }): Party => {
    const { place, commonName, reload, restart, deadlineMs } = certificates ?? lacking(`client ${id}`);
    return {
      ...{ kind: 'client', name: id, purpose: 'client', place, names: [], dialled: [], commonName },
      loading: { place, reload, restart, deadlineMs },
    };
  });
  return [...servers, ...made, ...callers, ownParty(fleet)];
}

/**
 * What the fleet file has to say before its certificates can be rotated.
 *
 * @throws RotctlError `PRECONDITION_FAILED` naming what it lacks
 */
export function requireParties(fleet: Fleet): void {
  if (fleet.authority === undefined) lacking('authority');
  partiesOf(fleet);
}

/** Ourselves: the TLS files that the fleet file names. */
export function ownParty({ tls: { ca, cert, key } }: Pick<Fleet, 'tls'>): Party {
  if (ca === undefined || cert === undefined || key === undefined) return lacking('tls');
  return {
    ...{ kind: 'own', name: 'rotctl', purpose: 'client', names: [], dialled: [], commonName: undefined },
    ...{ place: { driver: 'files', trust: ca, cert, key }, loading: undefined },
  };
}

function lacking(whose: string): never {
  const what =
    whose === 'authority'
      ? 'who issues certificates'
      : `where ${whose === 'tls' ? 'tls.ca, tls.cert and tls.key' : `the certificates of ${whose}`} stand`;
  throw new RotctlError('PRECONDITION_FAILED', `the fleet file does not say ${what}`, {
    hint: 'a rotation of certificates needs `authority`, and `certificates` of every replica, template and client (spec/fleet-file.md)',
  });
}
