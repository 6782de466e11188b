import type { Secret } from '../../credential/secret.ts';
import type { Replica } from '../../fleet/fleet.ts';
import type { OutcomeCode } from '../../protocol/outcome.ts';
import type { Call } from '../call.ts';
import { ask } from '../retry.ts';
import { wrongSecret } from '../round.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { Check, CheckContext, GateExpectation } from './check.ts';
import { onReplicas, type Sight } from './on-replicas.ts';

/** One request to a gate, and what must come of it. */
interface Trial extends Omit<Call, 'client'> {
  readonly label: string;
  readonly expect: Extract<OutcomeCode, 'ACCEPTED' | 'AUTH_INVALID_HMAC' | 'AUTH_TIMESTAMP_SKEW'>;
}

interface GateItem {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  /** What is sent to one gate, or why nothing is: the fleet's own configuration says so. */
  readonly trials: (context: CheckContext, client: KnownClient, gate: GateExpectation) => readonly Trial[] | string;
}

/** A key id that no gate has. */
const INVENTED = 'k-nobody';

const ITEMS: readonly GateItem[] = [
  {
    id: 'gate.valid-accepted',
    title: 'a valid request is accepted, with each secret in force',
    why: 'a gate that refuses a valid request locks its callers out',
    remedy:
      'compare the secret that the gate goes by with the callers’: a file in /run/secrets of the variable’s name beats the variable',
    trials: (_context, { accepted }) =>
      accepted.map(({ generation, secret }) => ({ label: generation, secret, expect: 'ACCEPTED' })),
  },
  {
    id: 'gate.any-signature',
    title: 'of several signatures one good one is enough, and none is too few',
    why: 'dual signing rests on it: a caller that sends both signatures is served by gates that know either secret',
    remedy: 'update the gate: it must look at every entry of signatures[], and at nothing else',
    trials: (context, { accepted }) => {
      const wrong = () => wrongSecret(context.random);
      const keyId = accepted[0] === undefined ? undefined : context.prober.keyIdOf(accepted[0].secret);
      return [
        ...accepted.map(({ generation, secret }): Trial => {
          return { label: `a wrong one and ${generation}`, secret: wrong(), keyId, also: [secret], expect: 'ACCEPTED' };
        }),
        { label: 'two wrong ones', secret: wrong(), keyId, also: [wrong()], expect: 'AUTH_INVALID_HMAC' },
      ];
    },
  },
  {
    id: 'gate.key-id-bound',
    title: 'in strict mode a signature counts only under the key id of its secret',
    why: 'where any key id will do, a revoked key goes on under another name',
    remedy: 'set INTERSERVICE_HMAC_STRICT_KEY_ID to true (on is no such value), and restart the gate',
    trials: ({ prober }, { id, accepted }, { strict }) => {
      if (!strict) return 'strict mode is not set in its configuration';
      const under = (secret: Secret, keyId: string): Trial => {
        return { label: `a right signature under ${keyId}`, secret, keyId, expect: 'AUTH_INVALID_HMAC' };
      };
      const others = ({ secret }: { readonly secret: Secret }) => [INVENTED, ...prober.keyIdsFor(secret, id).slice(1)];
      return accepted.flatMap((one) => others(one).map((keyId) => under(one.secret, keyId)));
    },
  },
  {
    id: 'gate.revoked-refused',
    title: 'signatures under a revoked key id are refused, whatever their digest',
    why: 'a revocation that is set and not in force revokes nothing',
    remedy: 'compare INTERSERVICE_HMAC_REVOKED_IDS with what the gate has loaded, and restart it',
    trials: (_context, { accepted }, { revoked }) => {
      const [first] = accepted;
      if (revoked.length === 0 || first === undefined) return 'no key id is revoked in its configuration';
      return revoked.map((keyId) => ({
        label: `a right signature under ${keyId}`,
        secret: first.secret,
        keyId,
        expect: 'AUTH_INVALID_HMAC',
      }));
    },
  },
  {
    id: 'gate.stale-refused',
    title: 'a request outside the window is refused',
    why: 'the window bounds how long a nonce must be remembered',
    remedy: 'set SIGNATURE_SKEW_SECONDS, and compare it with replay.maxAge in rotctl.yaml',
    trials: ({ fleet: { replay, probe } }, { accepted }) => {
      const beyondMs = replay.maxAgeMs + replay.clockErrorMs + probe.deadlineMs + 1000;
      return [-beyondMs, beyondMs].flatMap((timestampOffsetMs) =>
        accepted.slice(0, 1).map(({ secret }): Trial => {
          const label = timestampOffsetMs < 0 ? 'a time in the past' : 'a time ahead';
          return { label, secret, timestampOffsetMs, expect: 'AUTH_TIMESTAMP_SKEW' };
        }),
      );
    },
  },
];

/** The checklist of a gate: what it must accept, and what it must refuse, for the exact reason. */
export const GATE_CHECKS: readonly Check[] = ITEMS.map(({ id, title, why, remedy, trials }) => ({
  id,
  group: 'checklist',
  protocol: 'gate-v1',
  critical: true,
  title,
  why,
  remedy,
  needs: [],
  look: (context) => onReplicas(context, (replica) => lookAtGate(context, replica, trials)),
}));

async function lookAtGate(context: CheckContext, replica: Replica, trialsOf: GateItem['trials']): Promise<Sight> {
  const [client] = context.clients;
  const accepted = client?.accepted[0]?.secret;
  const nothing = { expected: 'a result', seen: 'not sent', samples: 0 };
  if (client === undefined || accepted === undefined) {
    return { ...nothing, verdict: 'unknown', reason: 'no accepted secret is known' };
  }
  const gate = context.gates?.get(replica.name);
  if (gate === undefined) return { ...nothing, verdict: 'unknown', reason: 'its configuration was not read' };
  const trials = trialsOf(context, client, gate);
  if (typeof trials === 'string') return { ...nothing, verdict: 'not-applicable', reason: trials };
  const send = (call: Omit<Call, 'client' | 'nonce'>, expect: Trial['expect'] = 'ACCEPTED') => {
    const refusal = expect === 'ACCEPTED' ? {} : { refusal: 'due' as const };
    const whole = { ...call, client: client.id, endpoint: replica, fresh: true, ...refusal };
    return ask(context.prober, context.clock, whole, { faults: 2 });
  };
  const expected = [...new Set(trials.map(({ expect }) => expect))].join(', ');
  const seen = new Set<string>();
  let samples = 0;
  for (const { label, expect, ...call } of trials) {
    const { outcome } = await send(call, expect);
    samples += 1;
    seen.add(outcome.code);
    if (outcome.code === expect) continue;
    const is = outcome.code === 'ACCEPTED' ? 'was accepted' : outcome.reason;
    const verdict = isClear(outcome.code, expect) ? 'fail' : 'unknown';
    return { verdict, expected: expect, seen: outcome.code, reason: `${label}: ${is}`, samples };
  }
  const sight = { expected, seen: [...seen].join(', '), samples: samples + 1 };
  const positive = await send({ secret: accepted });
  if (positive.outcome.code === 'ACCEPTED') return { ...sight, verdict: 'pass' };
  const reason = `a valid request was not accepted here either: ${positive.outcome.reason}`;
  return { ...sight, verdict: 'unknown', reason };
}

/** Whether an answer other than the expected one shows a defect, and not merely that nothing could be told. */
function isClear(seen: OutcomeCode, expect: Trial['expect']): boolean {
  return expect === 'ACCEPTED' ? seen === 'AUTH_INVALID_HMAC' : seen === 'ACCEPTED';
}
