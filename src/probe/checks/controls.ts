import { Secret } from '../../credential/secret.ts';
import type { Replica } from '../../fleet/fleet.ts';
import type { OutcomeCode } from '../../protocol/outcome.ts';
import type { Protocol } from '../../protocol/protocol.ts';
import type { Call } from '../call.ts';
import type { ProbeResult, Prober } from '../prober.ts';
import { ask } from '../retry.ts';
import { wrongSecret } from '../round.ts';
import { slowness } from '../slowness.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { Check, CheckContext, Need } from './check.ts';
import { tamperedBody, tamperedParts, tamperedRequest } from './described-trials.ts';
import { leftOut } from './left-out.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';
import { isRefusedUnknown } from './refused-unknown.ts';
import { otherMethod, otherPath, type Trial } from './trial.ts';

/** Secrets that stand in published examples and defaults; a signer that accepts one is open to everyone. */
const PUBLISHED = ['local-dev-shared-secret', 'dev-secret', 'development', 'changeme', 'change-me', 'secret', 'test'];

/** How many other clients' secrets are tried for each client: with up to four clients, every pair. */
const STRANGERS = 3;

interface Control {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  readonly needs?: readonly Need[];
  /** Tried for the first client only: what it shows does not differ from client to client. */
  readonly firstClientOnly?: true;
  /** The protocols that it is for; by default every one. */
  readonly protocol?: readonly Protocol[];
  /** What is sent, for one client; or why nothing is, of a scheme that lacks what would be looked at. */
  readonly trials: (context: CheckContext, accepted: Secret, client: KnownClient) => readonly Trial[] | string;
  /** Refusals that are right; the first is what the contract says. */
  readonly refusals: readonly OutcomeCode[];
}

const CONTROLS: readonly Control[] = [
  {
    id: 'control.wrong-secret',
    title: 'a secret that nobody has is refused',
    why: 'it is what makes every acceptance mean something',
    remedy: 'turn signature checking on',
    trials: ({ random }) => [{ label: 'wrong secret', secret: wrongSecret(random) }],
    refusals: ['AUTH_INVALID_HMAC'],
  },
  {
    id: 'control.empty-key',
    title: 'a signature made with the empty key is refused',
    why: 'a secret that is set but empty is a key that everyone has',
    remedy: 'find where an empty value is taken for a secret: an empty variable, a truncated file, an empty list entry',
    trials: () => [{ label: 'empty key', secret: Secret.fromText('') }],
    refusals: ['AUTH_INVALID_HMAC'],
  },
  {
    id: 'control.development-secret',
    title: 'secrets from published examples are refused',
    why: 'a default that was never replaced is a key that everyone has',
    remedy: 'remove the default from the signer’s configuration',
    trials: () => PUBLISHED.map((text) => ({ label: `"${text}"`, secret: Secret.fromText(text) })),
    refusals: ['AUTH_INVALID_HMAC'],
  },
  {
    id: 'control.unsigned',
    title: 'requests without a signature, or without a part that it needs, are refused',
    why: 'a signer that lets unsigned requests through has no authentication; nor has one that verifies only what is complete',
    remedy: 'require the signature headers, each of them; of a gate, REQUIRE_SIGNATURE=true, in force and not only set',
    trials: ({ fleet: { probe }, clients }, _secret, { id }) => [
      ...(probe.gate === undefined
        ? [
            { label: 'no headers', secret: undefined, bare: true },
            { label: 'empty signature', secret: undefined },
          ]
        : // What a gate says to a signature that is empty is its schema's affair.
          [{ label: 'no signature', secret: undefined, bare: true }]),
      // Which parts are required does not differ from client to client.
      ...(id === clients[0]?.id ? leftOut(probe) : []),
    ],
    refusals: [
      'AUTH_INVALID_SIGNATURE_FORMAT',
      'AUTH_INVALID_CLIENT',
      'AUTH_INVALID_HMAC',
      'AUTH_TIMESTAMP_SKEW',
      'AUTH_INVALID_NONCE',
    ],
  },
  {
    id: 'control.tampered-body',
    protocol: ['keyring-v1', 'described'],
    title: 'a body that was changed after signing is refused',
    why: 'a signature that does not cover the exact bytes lets a request be rewritten on its way',
    remedy: 'compute the digest over the raw bytes of the body, before anything parses them',
    trials: (context, secret) => {
      const { body, scheme } = context.fleet.probe;
      if (scheme !== undefined) return tamperedBody(context, scheme, secret);
      return [
        { label: 'a space appended', secret, sentBody: `${body} ` },
        { label: 'another body', secret, sentBody: '{"probe":"tampered"}' },
      ];
    },
    refusals: ['AUTH_INVALID_HMAC'],
  },
  {
    id: 'control.tampered-request',
    protocol: ['keyring-v1', 'described'],
    title: 'a method or path that was changed after signing is refused',
    why: 'a signature that does not cover where the request goes lets it be sent elsewhere',
    remedy: 'compute the signature over the method and the path of the request as it came in, not over fixed ones',
    firstClientOnly: true,
    trials: (context, secret) => {
      const { path, method, scheme } = context.fleet.probe;
      if (scheme !== undefined) return tamperedRequest(context, scheme, secret);
      return [
        { label: 'a signature for another path', secret, path: otherPath(path), sentPath: path },
        { label: 'a signature for another method', secret, method: otherMethod(method), sentMethod: method },
        { label: 'another path than was signed', secret, sentPath: otherPath(path), elsewhere: true },
        { label: 'another method than was signed', secret, sentMethod: otherMethod(method), elsewhere: true },
      ];
    },
    refusals: ['AUTH_INVALID_HMAC'],
  },
  {
    id: 'control.tampered-fields',
    protocol: ['gate-v1', 'described'],
    title: 'an actor, nonce, time or other signed field that was changed after signing is refused',
    why: 'a field that the signature does not cover can be rewritten on its way: the caller, or the time that keeps a request from being sent again',
    remedy:
      'compute the signature over what the request says as it came in: of a gate the actor, session, tool, nonce and whole seconds',
    firstClientOnly: true,
    trials: (context, secret) => {
      const { random, clock, fleet } = context;
      if (fleet.probe.scheme !== undefined) return tamperedParts(context, fleet.probe.scheme, secret);
      return [
        { label: 'a signature for another actor', secret, signedInstead: { actor: 'somebody-else' } },
        { label: 'a signature for another nonce', secret, signedInstead: { nonce: random.hex(16) } },
        {
          label: 'a signature for another second',
          secret,
          signedInstead: { seconds: Math.floor(clock.now() / 1000) - 7 },
        },
      ];
    },
    refusals: ['AUTH_INVALID_HMAC'],
  },
  {
    id: 'control.signature-exact',
    title: 'a signature that is right in part is refused',
    why: 'a comparison of a part, or a lenient decoder, makes signatures cheaper to guess and gives one request several',
    remedy: 'compare all 32 bytes in constant time, after refusing whatever is not 64 hex digits',
    firstClientOnly: true,
    trials: (_context, secret) => [
      { label: 'a valid signature with "zz" appended', secret, alterSignature: (valid) => `${valid}zz` },
      { label: 'a signature that is wrong in its last digit', secret, alterSignature: withOtherEnd },
      { label: 'the first 8 digits of a signature', secret, alterSignature: (valid) => valid.slice(0, 8) },
    ],
    refusals: ['AUTH_INVALID_HMAC', 'AUTH_INVALID_SIGNATURE_FORMAT'],
  },
  {
    id: 'control.foreign-secret',
    protocol: ['keyring-v1', 'described'],
    title: 'one client’s secret is refused under another client’s id',
    why: 'the client id is not signed: if any secret opens any id, one client’s leak is everyone’s',
    remedy: 'try only the secrets of the client that is named, and give no two clients the same secret',
    needs: ['client-id', 'two-clients'],
    trials: ({ clients, prober }, own, { id }) => othersOf(clients, id).flatMap((other) => foreign(prober, other, own)),
    refusals: ['AUTH_INVALID_HMAC'],
  },
];

/** Another last digit, before what only pads: one that differs in the bits that count, in hex as in base64. */
function withOtherEnd(signature: string): string {
  const [, digits = '', padding = ''] = signature.match(/^(.*?)(=*)$/s) ?? [];
  const hex = /^[0-9a-f]*$/.test(digits);
  const other = hex ? (digits.endsWith('0') ? '1' : '0') : /[A-P]$/.test(digits) ? 'Q' : 'A';
  return `${digits.slice(0, -1)}${other}${padding}`;
}

/** The clients that come after one in the list, from its end on from its beginning. */
function othersOf(clients: readonly KnownClient[], id: string): readonly KnownClient[] {
  const at = clients.findIndex((client) => client.id === id);
  return [...clients.slice(at + 1), ...clients.slice(0, at)].slice(0, STRANGERS);
}

/** Under the key id in force, and, where key ids belong to secrets, under the one that the other client's secret has. */
function foreign(prober: Prober, { id, accepted }: KnownClient, own: Secret): Trial[] {
  const secret = accepted[0]?.secret;
  if (secret === undefined) return [];
  const shared = secret.signsLike(own) ? ', which is its own secret too,' : '';
  const label = `the secret of ${id}${shared}`;
  const keyId = prober.keyIdOf(secret);
  const itself = keyId === undefined ? [] : [{ label: `${label} under its key id`, secret, keyId }];
  return [{ label, secret }, ...itself];
}

/** What must never be accepted, on any replica, for any client. */
export const CONTROL_CHECKS: readonly Check[] = CONTROLS.map((control) => ({
  id: control.id,
  group: 'control',
  critical: true,
  title: control.title,
  why: control.why,
  remedy: control.remedy,
  needs: control.needs ?? [],
  ...(control.protocol === undefined ? {} : { protocol: control.protocol }),
  look: (context) =>
    onReplicas(context, async (replica) => {
      const parts = [];
      for (const client of control.firstClientOnly ? context.clients.slice(0, 1) : context.clients) {
        parts.push(await tryClient(context, control, replica, client));
        if (parts.at(-1)?.verdict === 'unknown') break;
      }
      return together(parts);
    }),
}));

async function tryClient(
  context: CheckContext,
  control: Control,
  replica: Replica,
  client: KnownClient,
): Promise<Sight & { about: string }> {
  const about = client.id;
  const expected = control.refusals[0] ?? 'a refusal';
  const accepted = client.accepted[0]?.secret;
  if (accepted === undefined) {
    return {
      about,
      verdict: 'unknown',
      expected,
      seen: 'nothing',
      reason: 'no accepted secret to compare with',
      samples: 0,
    };
  }
  const trials = control.trials(context, accepted, client);
  if (typeof trials === 'string')
    return { about, verdict: 'not-applicable', expected, seen: 'not sent', reason: trials, samples: 0 };
  // Under a key id in force, so that it is the digest that is refused.
  const keyId = context.prober.keyIdOf(accepted);
  const send = (call: Omit<Call, 'client' | 'nonce'>, refusal?: 'due'): Promise<ProbeResult> =>
    ask(
      context.prober,
      context.clock,
      {
        ...{ keyId, ...call, client: client.id, endpoint: replica, fresh: true },
        ...(refusal === undefined ? {} : { refusal }),
      },
      { faults: 2 },
    );
  let samples = 0;
  let seen: string = 'nothing';
  let doubt: (Sight & { about: string }) | undefined;
  for (const { label, elsewhere = false, malformed = false, ...trial } of trials) {
    const result = await send(trial, 'due');
    const { outcome } = result;
    samples += 1;
    if (elsewhere) {
      if (outcome.code !== 'ACCEPTED') continue;
      samples += 1;
      const wrong = await send({ ...trial, secret: wrongSecret(context.random) }, 'due');
      if (wrong.outcome.code !== 'AUTH_INVALID_HMAC') continue;
    }
    seen = outcome.code;
    if (outcome.code === 'ACCEPTED')
      return { about, verdict: 'fail', expected, seen, reason: `${label} was accepted`, samples };
    if (malformed && isRefusedUnknown(result)) continue;
    if (!control.refusals.includes(outcome.code)) {
      const slow = slowness(result, context.fleet.replay.maxAgeMs);
      const reason = `${label}: ${outcome.reason}${slow === undefined ? '' : `; ${slow}`}`;
      doubt ??= { about, verdict: 'unknown', expected, seen, reason, samples };
      // An answer that no rule knows is no reason not to look for one that is accepted.
      if (!isAnswered(result)) return doubt;
    }
  }
  if (doubt !== undefined) return { ...doubt, samples };
  const positive = await send({ secret: accepted });
  samples += 1;
  if (positive.outcome.code === 'ACCEPTED') return { about, verdict: 'pass', expected, seen, samples };
  const reason = `refused, but a valid request was not accepted here either: ${positive.outcome.reason}`;
  return { about, verdict: 'unknown', expected, seen, reason, samples };
}

/** Whether a service gave an answer of its own, and was neither busy nor out of order. */
function isAnswered({ status }: ProbeResult): boolean {
  return status !== undefined && status < 500 && status !== 429;
}
