import type { OutcomeRule } from '../../protocol/outcome.ts';
import { type KnownClient, planVector } from '../vector-plan.ts';
import { runVector } from '../vector-run.ts';
import type { Vector, VectorFile } from '../vectors.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';

interface Item {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  /** Run for every client rather than for the first: what it shows may differ from client to client. */
  readonly everyClient?: boolean;
}

const ITEMS: readonly Item[] = [
  {
    id: 'valid_hmac_mtls_single_use',
    title: 'a valid request is accepted',
    why: 'a replica that refuses a valid request locks its clients out',
    remedy:
      'compare the replica’s secrets and client ids with the clients’, and look for a proxy that rewrites path or body',
    everyClient: true,
  },
  {
    id: 'replay_nonce_rejected',
    title: 'a nonce is refused the second time',
    why: 'without it a captured request can be sent again',
    remedy: 'look at the replica’s replay store: is one configured, and does it answer',
  },
  {
    id: 'timestamp_skew_rejected',
    title: 'a request outside the window is refused',
    why: 'the window bounds how long a nonce must be remembered',
    remedy: 'set the signer’s timestamp limit, and compare it with replay.maxAge in rotctl.yaml',
  },
  {
    id: 'mtls_required_rejected',
    title: 'a caller without a client certificate is refused',
    why: 'traffic that is not mutually authenticated must fail closed',
    remedy: 'require client certificates on the replica, or behind what terminates TLS for it',
  },
  {
    id: 'rotated_secret_accepted',
    title: 'during an overlap the next secret is accepted',
    why: 'clients may move only to a secret that every replica accepts',
    remedy: 'look whether the replica has loaded both secrets: a file that is written is not a secret that is accepted',
    everyClient: true,
  },
  {
    id: 'invalid_hmac_rejected',
    title: 'a signature made with a wrong secret is refused',
    why: 'a replica that checks no signatures accepts everything, and every other pass means nothing',
    remedy: 'turn signature checking on',
  },
  {
    id: 'unknown_client_rejected',
    title: 'an unknown client id is refused',
    why: 'the client id decides which secrets are tried',
    remedy: 'remove wildcard or default clients from the replica',
  },
  {
    id: 'invalid_signature_format_rejected',
    title: 'a signature that is not hex is refused',
    why: 'a lenient decoder gives one request several forms',
    remedy: 'check the form of the signature before it is decoded',
  },
];

/** The staging checklist: the eight conformance vectors, run live on every replica. */
export const CHECKLIST: readonly Check[] = ITEMS.map(vectorCheck);

/** Checks for the vectors of another file that the checklist does not have; each is run for the first client. */
export function extraVectorChecks(file: VectorFile): Check[] {
  const known = new Set(ITEMS.map(({ id }) => id));
  return file.vectors
    .filter(({ id }) => !known.has(id))
    .map(({ id, description }) =>
      vectorCheck({
        id,
        title: description,
        why: 'a vector of the given file',
        remedy: 'compare the signer with the vector',
      }),
    );
}

function vectorCheck({ id, title, why, remedy, everyClient = false }: Item): Check {
  return {
    id,
    group: 'checklist',
    protocol: 'keyring-v1',
    critical: true,
    title,
    why,
    remedy,
    needs: id === 'mtls_required_rejected' ? ['required-certificate'] : [],
    look: async (context) => {
      const vector = context.vectors?.vectors.find((each) => each.id === id);
      const { vectors, clients } = context;
      if (vectors === undefined || vector === undefined) {
        return onReplicas(context, async () => missing(id));
      }
      const turns =
        everyClient && Object.keys(vector.clientsById).length === 1 ? clients.map((each) => [each]) : [clients];
      return onReplicas(context, async (replica) => {
        const parts = [];
        for (const turn of turns) {
          parts.push(await lookOnce(context, vectors, vector, turn, replica));
          if (parts.at(-1)?.verdict === 'unknown') break;
        }
        return together(parts);
      });
    },
  };
}

async function lookOnce(
  context: CheckContext,
  file: VectorFile,
  vector: Vector,
  clients: readonly KnownClient[],
  replica: CheckContext['fleet']['replicas'][number],
): Promise<Sight & { about: string }> {
  const { replay, tls, probe } = context.fleet;
  const [client] = clients;
  if (client === undefined) return { about: 'fleet', ...missing('client') };
  const marginMs = Math.min(replay.clockErrorMs + probe.deadlineMs, replay.maxAgeMs / 2);
  const plan = planVector(file, vector, {
    ...{ clients, maxAgeMs: replay.maxAgeMs, marginMs, mtlsRequired: tls.required },
    tellsNoClient: context.strictVectors !== true && tellsNoClient(context.fleet.outcomes),
  });
  if (plan.runnable)
    return { about: client.id, ...(await runVector(context, replica, plan.steps, client, replay.maxAgeMs)) };
  const expected = vector.steps.map(({ expect }) => (expect.ok ? 'ACCEPTED' : expect.errorCode)).join(', ');
  return { about: client.id, verdict: 'not-applicable', expected, seen: 'not sent', reason: plan.reason, samples: 0 };
}

/**
 * Whether a signer that answers in words has none of its own for an unknown client: rules give `AUTH_INVALID_HMAC`, and
 * none gives `AUTH_INVALID_CLIENT`. A text that two causes share cannot be split by a rule.
 */
function tellsNoClient(rules: readonly OutcomeRule[] = []): boolean {
  const told = new Set(rules.map(({ outcome }) => outcome));
  return told.has('AUTH_INVALID_HMAC') && !told.has('AUTH_INVALID_CLIENT');
}

function missing(what: string): Sight {
  const reason = `there is no ${what} to run: give a vector file that has it`;
  return { verdict: 'unknown', expected: 'a result', seen: 'nothing', reason, samples: 0 };
}
