import type { Hazard } from '../probe/hazards.ts';

/** What `explain` says of a check. */
export interface CheckText {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  readonly critical: boolean;
  readonly hazards?: readonly Hazard[];
}

const ACCEPTS = {
  why: 'a client that signs with it would be refused there, and a replica that only says it has reloaded proves nothing',
  remedy:
    'compare the configuration of the replica with what it has loaded, and restart it; then run the command again',
};
const REFUSES = {
  why: 'a secret that was withdrawn and still opens one replica was not withdrawn',
  remedy: 'find out where the replica has it from still, and restart it; then run the command again',
};

/** The checks that a rotation or a drill takes beside those of `rotctl check`; `spec/checks.md` says how. */
export const ROTATION_CHECKS: readonly CheckText[] = [
  ...(['current', 'next'] as const).flatMap((generation) => [
    {
      id: `accepts.${generation}`,
      title: `a request signed with ${generation} is accepted`,
      critical: true,
      ...ACCEPTS,
    },
    {
      id: `refuses.${generation}`,
      title: `a request signed with ${generation} is refused`,
      critical: true,
      ...REFUSES,
    },
  ]),
  {
    id: 'ready',
    title: 'a replica serves again after its reload or restart',
    why: 'what does not serve can prove nothing, and the next replica would be taken from a fleet that is one short',
    remedy: 'read the log of the replica; once it serves, run rotctl resume',
    critical: true,
  },
  {
    id: 'default-id',
    title: 'requests that name no client id are taken for the id that is declared, or refused',
    why: 'a default that names an entry which is gone refuses every caller that relies on it',
    remedy:
      'declare where the default client id stands (deploy.defaultClient), and see that the replica reads it there',
    critical: true,
  },
  {
    id: 'usage.signs',
    title: 'the accepted requests of a client are signed with one secret and with no other',
    why: 'a client that still signs with the old secret is locked out when that is withdrawn',
    remedy: 'redeploy the client with the secret named, or find out who else signs in its name',
    critical: true,
  },
  {
    id: 'usage.unused',
    title: 'no accepted request is signed with a secret that is to be withdrawn',
    why: 'whoever signs with it is locked out by the next step',
    remedy:
      'move the caller named to the other secret; where the source is what is doubted, let the service name the secret that verified a request; then run the command again',
    critical: true,
  },
  {
    id: 'usage.readable',
    title: 'the sources of usage evidence can be read, and show accepted requests of every replica',
    why: 'without them nobody can tell when the clients have moved, and a rotation would stop half-way',
    remedy: 'compare what the source shows with usage in the fleet file: its path, labels or pattern',
    critical: true,
  },
  {
    id: 'usage.unknown-client',
    title: 'every caller whose requests are accepted is listed in the fleet file',
    why: 'nobody knows which secrets such a caller holds, and a rotation would pass it by',
    remedy: 'list the caller under clients, or, where that is taken as it is, usage.unknown-client under accepts',
    critical: true,
  },
  {
    id: 'usage.key-ids',
    title: "all accepted requests bear a key id of the rotation's",
    why: 'a gate that enforces key ids refuses whoever sends another or none',
    remedy: 'redeploy the caller named with its key id, and then run the command again',
    critical: true,
  },
  {
    id: 'log.no-spike',
    title: 'the log of a replica shows no refused signatures of others than rotctl',
    why: 'a caller that nobody knows of is being refused now',
    remedy: 'find the caller in the log of the replica and move it, or go back with rotctl rollback',
    critical: true,
  },
  {
    id: 'deploy.rehearsed',
    title: 'both steps of a deploy, the writing and the loading, can be done',
    why: 'a deploy that fails halfway leaves replicas that differ',
    remedy: 'remove what is named as being in the way, and then run the command again',
    critical: true,
  },
  {
    id: 'certificate.rehearsed',
    title: 'the certificates of a party can be read and changed',
    why: 'a change that fails halfway leaves parties that no longer trust each other',
    remedy: 'remove what is named as being in the way, and then run the command again',
    critical: true,
  },
  {
    id: 'certificate.presented',
    title: 'a replica shows the certificate that was made for it',
    why: 'a file that was written and not loaded proves nothing, and the old authority cannot go while its certificate is shown',
    remedy: 'find out what the replica has loaded, and restart it; then run the command again',
    critical: true,
  },
  {
    id: 'certificate.trusted',
    title: 'a client trusts the servers that it is to trust, and no others',
    why: 'a client that does not trust the certificate of a server cannot reach it, and one that still trusts what was withdrawn can be lied to',
    remedy: 'see what the client has loaded as its bundle of authorities, and restart it; then run the command again',
    critical: true,
  },
  {
    id: 'session.ended',
    title: 'no session and no connection outlives the authority under which it was made',
    why: 'a resumed session, or a connection that is kept, goes on for a caller whose certificate is accepted no more',
    remedy:
      'change the ticket keys of the replica (and of all that share them), cap the age of its connections, or restart it; certificates.endSessions says how rotctl does it',
    critical: true,
  },
  {
    id: 'replay.holds',
    title: 'nonces that were burned before an event are refused after it, within their life',
    why: 'a nonce that a restart, a roll or a fail-over loses makes each captured request of the window good once more',
    remedy:
      'make the store keep what it has acknowledged (appendonly, min-replicas-to-write, noeviction); where it lost its data, keep signers stopped for one nonce life',
    critical: true,
  },
  {
    id: 'store.fail-closed',
    title: 'a replica that cannot ask the replay store refuses',
    why: 'a replica that serves without the store accepts every captured request again',
    remedy: 'have the replica refuse when the store is away, as the protocol wants',
    critical: true,
  },
  {
    id: 'store.service-returns',
    title: 'a replica serves again once the replay store is back',
    why: 'a replica that does not reconnect makes of a short outage a long one',
    remedy: 'restart the replica, and look at how it reconnects to the store',
    critical: true,
  },
  {
    id: 'drill.as-before',
    title: 'after a drill a configuration is what it was before',
    why: 'a rehearsal that leaves something behind has changed the fleet that it was to leave alone',
    remedy: 'compare the named configuration with its backup or its repository, and put back what differs',
    critical: true,
  },
  {
    id: 'runbook.safe',
    title: 'no order of events that the runbook allows locks a caller out or lets one in',
    why: 'what is unsafe on paper is unsafe under traffic',
    remedy: 'change the step that the counterexample names, and then run rotctl runbook check again',
    critical: true,
  },
];

/** The id by which a check is listed: what the evidence matrix calls `matrix.accepts-next` is `accepts.next`. */
export function listedId(id: string): string {
  return id.replace(/^matrix\.(accepts|refuses)-/, '$1.');
}
