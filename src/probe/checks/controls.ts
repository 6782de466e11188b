import { Secret } from '../../credential/secret.ts';
import type { Replica } from '../../fleet/fleet.ts';
import type { OutcomeCode } from '../../protocol/outcome.ts';
import type { Call } from '../call.ts';
import type { ProbeResult } from '../prober.ts';
import { ask } from '../retry.ts';
import { wrongSecret } from '../round.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';

/** Secrets that stand in published examples and defaults; a signer that accepts one is open to everyone. */
const PUBLISHED = ['local-dev-shared-secret', 'dev-secret', 'development', 'changeme', 'change-me', 'secret', 'test'];

type Trial = Omit<Call, 'client'> & { readonly label: string };

interface Control {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  /** What is sent, for one client. */
  readonly trials: (context: CheckContext, accepted: Secret) => readonly Trial[];
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
    title: 'requests without a signature are refused',
    why: 'a signer that lets unsigned requests through has no authentication',
    remedy: 'require the signature headers',
    trials: () => [
      { label: 'no headers', secret: undefined, bare: true },
      { label: 'empty signature', secret: undefined },
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
    title: 'a body that was changed after signing is refused',
    why: 'a signature that does not cover the exact bytes lets a request be rewritten on its way',
    remedy: 'compute the digest over the raw bytes of the body, before anything parses them',
    trials: ({ fleet: { probe } }, secret) => [
      { label: 'a space appended', secret, sentBody: `${probe.body} ` },
      { label: 'another body', secret, sentBody: '{"probe":"tampered"}' },
    ],
    refusals: ['AUTH_INVALID_HMAC'],
  },
];

/** What must never be accepted, on any replica, for any client. */
export const CONTROL_CHECKS: readonly Check[] = CONTROLS.map((control) => ({
  id: control.id,
  group: 'control',
  critical: true,
  title: control.title,
  why: control.why,
  remedy: control.remedy,
  needs: [],
  look: (context) =>
    onReplicas(context, async (replica) => {
      const parts = [];
      for (const client of context.clients) {
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
  const send = (call: Omit<Call, 'client' | 'nonce'>): Promise<ProbeResult> =>
    ask(context.prober, context.clock, { ...call, client: client.id, endpoint: replica, fresh: true }, { faults: 2 });
  let samples = 0;
  let seen: string = 'nothing';
  for (const { label, ...trial } of control.trials(context, accepted)) {
    const { outcome } = await send(trial);
    samples += 1;
    seen = outcome.code;
    if (outcome.code === 'ACCEPTED')
      return { about, verdict: 'fail', expected, seen, reason: `${label} was accepted`, samples };
    if (!control.refusals.includes(outcome.code)) {
      return { about, verdict: 'unknown', expected, seen, reason: `${label}: ${outcome.reason}`, samples };
    }
  }
  const positive = await send({ secret: accepted });
  samples += 1;
  if (positive.outcome.code === 'ACCEPTED') return { about, verdict: 'pass', expected, seen, samples };
  const reason = `refused, but a valid request was not accepted here either: ${positive.outcome.reason}`;
  return { about, verdict: 'unknown', expected, seen, reason, samples };
}
