/** What `explain` says of a check. */
export interface CheckText {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  readonly critical: boolean;
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
    remedy: 'move the caller named to the other secret, and then run the command again',
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
