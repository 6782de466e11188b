import { sayNames } from './names.ts';
import type { AdvisedStep, AsymmetricIdentity, IdentityChoice, PlanFleet } from './step.ts';

type Step = Omit<AdvisedStep, 'step'>;

/** The names that the steps speak of. */
interface Names {
  readonly fleet: PlanFleet | undefined;
  readonly identities: readonly AsymmetricIdentity[];
  /** `signer-a, signer-b`, or what stands for them. */
  readonly replicas: string;
  readonly clients: string;
  /** In the order of a roll: one alone, then the others. */
  readonly roll: string;
  readonly moves: string;
  readonly soak: string;
  readonly quiet: string;
  readonly samples: string;
}

const HOUR_MS = 3_600_000;
const DUAL = 'dual-sign verify';
const IDENTITY = 'asymmetric identity';

/** The phased migration: both kinds of signature are verified first, then each service has an identity of its own. */
export function migrationPlan({ identities, why }: IdentityChoice, fleet: PlanFleet | undefined): readonly Step[] {
  const names = namesOf(identities, fleet);
  return [
    start(names),
    makeIdentities(names, why),
    verifyBoth(names),
    dualSign(names),
    requireBoth(names),
    acceptAlone(names),
    stopHmac(names),
    retireSecrets(names),
    destroySecrets(names),
  ];
}

function namesOf(identities: Names['identities'], fleet: PlanFleet | undefined): Names {
  return {
    fleet,
    identities,
    replicas: fleet === undefined ? 'the replicas' : sayNames(fleet.replicas),
    clients: fleet === undefined ? 'the clients' : sayNames(fleet.clients),
    roll: fleet === undefined ? 'one replica alone first, then the others' : inOrder(fleet.replicas),
    moves: fleet === undefined ? 'one client alone first, then the others' : inOrder(fleet.clients),
    soak: fleet === undefined ? 'the soak' : `the soak of ${saySpan(fleet.soakMs)}`,
    quiet: fleet === undefined ? 'longer than any client stays silent' : saySpan(fleet.quietMs),
    samples: fleet === undefined ? 'enough requests' : `at least ${fleet.minSamples} requests`,
  };
}

function inOrder([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} alone first, then ${sayNames(others)}`;
}

function saySpan(ms: number): string {
  return ms < HOUR_MS ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / (HOUR_MS / 10)) / 10} h`;
}

function start({ replicas, fleet }: Names): Step {
  return {
    phase: DUAL,
    action: 'begin from a proven state: finish an open rotation (rotctl status), then run rotctl check',
    install: [],
    proof: `every check passes on ${replicas}, and no rotation${fleet === undefined ? '' : ` of ${fleet.name}`} is open`,
    back: 'nothing was changed',
  };
}

function makeIdentities({ identities, fleet, clients, replicas }: Names, why: string): Step {
  const each = fleet?.clients ?? ['each client'];
  const made: Readonly<Record<AsymmetricIdentity, readonly string[]>> = {
    ed25519: each.map((client) => `${client}: an Ed25519 private key that it alone can read, key id ${keyId(client)}`),
    spiffe: [
      'one SPIRE server for the trust domain, on a host of its own',
      `a SPIRE agent beside ${replicas} and ${clients}`,
      ...each.map((client) => `${client}: a registration entry for ${spiffeId(client, fleet)}`),
    ],
  };
  return {
    phase: DUAL,
    action: `give ${clients} an identity of its own (${identities.map(nameOf).join(' and ')}: ${why})`,
    install: identities.flatMap((identity) => made[identity]),
    proof:
      'each client makes a signature or a connection with its own identity, and no two clients hold the same private key',
    back: 'delete the keys and entries; nothing relies on them yet',
  };
}

function verifyBoth({ identities, roll, replicas, clients }: Names): Step {
  const installed: Readonly<Record<AsymmetricIdentity, string>> = {
    ed25519: `${replicas}: the public keys of ${clients} by key id; verified and counted, not yet demanded`,
    spiffe: `${replicas}: the trust bundle and the SPIFFE ids of ${clients}; verified and counted, not yet demanded`,
  };
  return {
    phase: DUAL,
    action: `have replicas verify both kinds while HMAC alone decides: ${roll}`,
    install: identities.map((identity) => installed[identity]),
    proof: `on ${replicas}: rotctl check passes; a good asymmetric proof is counted as good, one by the wrong key or an unknown key id as bad`,
    back: 'remove the public keys or the bundle from the replica and reload it; HMAC was not touched',
  };
}

function dualSign({ moves, clients, replicas, soak, samples }: Names): Step {
  return {
    phase: DUAL,
    action: `have clients prove themselves both ways on every request: ${moves}`,
    install: [`${clients}: the HMAC signature, and the new identity beside it`],
    proof: `over ${soak} and ${samples} of ${clients} on ${replicas}: both kinds verify on every request; rotctl verify-replay passes, so that one nonce is accepted once whichever proof it came with`,
    back: 'take the second proof away from the client; its HMAC signature was there all along',
  };
}

function requireBoth({ roll, replicas, clients }: Names): Step {
  return {
    phase: DUAL,
    action: `demand both proofs: ${roll}`,
    install: [`${replicas}: refuse a request that lacks either`],
    proof: `asked directly, ${replicas} refuse HMAC alone, refuse the new identity alone, and accept ${clients} with both`,
    back: 'let the replica count again instead of demanding; clients send both anyway',
  };
}

function acceptAlone({ moves, replicas }: Names): Step {
  return {
    phase: IDENTITY,
    action: `accept the new identity alone, one client at a time: ${moves}`,
    install: [`${replicas}: HMAC is not demanded of that client any more`],
    proof: `${replicas} accept that client by its new identity alone, refuse the replay of that request, and refuse another service that goes by its name`,
    back: 'demand both of that client again',
  };
}

function stopHmac({ moves, replicas, quiet }: Names): Step {
  return {
    phase: IDENTITY,
    action: `stop signing with HMAC: ${moves}`,
    install: [],
    proof: `${replicas} count no request signed with HMAC for ${quiet}`,
    back: 'let the client sign both ways again; replicas still hold its secret',
  };
}

function retireSecrets({ roll, replicas, clients, soak }: Names): Step {
  return {
    phase: IDENTITY,
    action: `remove the shared secrets of ${clients}: ${roll}`,
    install: [`${replicas}: no HMAC secret; a sealed copy is kept for ${soak}`],
    proof: `after a reload and after a restart, ${replicas} refuse HMAC with AUTH_INVALID_HMAC and accept each client’s new identity in the same round`,
    back: 'put the sealed secrets back, replica by replica, while the soak lasts',
  };
}

function destroySecrets({ identities, clients, replicas }: Names): Step {
  const rehearsal: Readonly<Record<AsymmetricIdentity, string>> = {
    ed25519: 'add a second key id, move to it, remove the first',
    spiffe: 'renew the certificates, and rotate the authority in the bundle',
  };
  return {
    phase: IDENTITY,
    action: `destroy the sealed secrets, then rehearse a rotation of the new identity: ${identities.map((identity) => rehearsal[identity]).join('; ')}`,
    install: [],
    proof: `no secret of ${clients} is left anywhere, and ${replicas} refuse the identity that was replaced`,
    back: 'none: this is the point of no return',
  };
}

function keyId(client: string): string {
  return client === 'each client' ? '<client>-ed25519-1' : `${client}-ed25519-1`;
}

function spiffeId(client: string, fleet: PlanFleet | undefined): string {
  return `spiffe://<trust domain>/${fleet?.name ?? '<fleet>'}/${client === 'each client' ? '<client>' : client}`;
}

function nameOf(identity: AsymmetricIdentity): string {
  return { ed25519: 'Ed25519 key pairs with key ids', spiffe: 'mTLS with SPIFFE ids from SPIRE' }[identity];
}
