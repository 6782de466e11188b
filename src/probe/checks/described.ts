import type { Replica } from '../../fleet/fleet.ts';
import type { Outcome, OutcomeCode } from '../../protocol/outcome.ts';
import type { Call } from '../call.ts';
import { askPresenting } from '../certificate-refusal.ts';
import { ask } from '../retry.ts';
import { wrongSecret } from '../round.ts';
import { slowness } from '../slowness.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { Check, CheckContext, Need } from './check.ts';
import { observe, onReplicas, type Sight, together } from './on-replicas.ts';
import { isSent } from './scheme-lacks.ts';

/** One request, and what must come of it: the first code is what is to be, the others will do. */
interface Trial extends Omit<Call, 'client'> {
  readonly label: string;
  readonly expect: readonly [OutcomeCode, ...OutcomeCode[]];
  /** In place of the client's own id. */
  readonly as?: string;
}

interface Item {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  readonly needs: readonly Need[];
  readonly everyClient?: true;
  /** What is sent for one client, or why nothing is. */
  readonly trials: (context: CheckContext, client: KnownClient) => readonly Trial[] | string;
}

const ITEMS: readonly Item[] = [
  {
    id: 'scheme.valid-accepted',
    title: 'a valid request is accepted, with each secret in force',
    why: 'a replica that refuses a valid request locks its clients out',
    remedy:
      'compare scheme in rotctl.yaml with how the client signs, part by part, and the replica’s secrets with the client’s',
    needs: [],
    everyClient: true,
    trials: (_context, { accepted }) =>
      accepted.map(({ generation, secret }) => ({ label: generation, secret, expect: ['ACCEPTED'] })),
  },
  {
    id: 'scheme.any-signature',
    title: 'of several signatures one good one is enough, and none is too few',
    why: 'a client that signs with two secrets during a rotation is served by replicas that know either',
    remedy: 'have the replica try every signature of the header, not the first or the last one alone',
    needs: [],
    trials: ({ random, fleet: { probe }, prober }, { accepted }) => {
      if (probe.scheme?.between === undefined) return 'a request bears one signature (scheme.between is not set)';
      const wrong = () => wrongSecret(random);
      const keyId = accepted[0] === undefined ? undefined : prober.keyIdOf(accepted[0].secret);
      return [
        ...accepted.flatMap(({ generation, secret }): Trial[] => [
          { label: `a wrong one and ${generation}`, secret: wrong(), keyId, also: [secret], expect: ['ACCEPTED'] },
          { label: `${generation} and a wrong one`, secret, keyId, also: [wrong()], expect: ['ACCEPTED'] },
        ]),
        { label: 'two wrong ones', secret: wrong(), keyId, also: [wrong()], expect: ['AUTH_INVALID_HMAC'] },
      ];
    },
  },
  {
    id: 'scheme.stale-refused',
    title: 'a request outside the window is refused, in the past and ahead',
    why: 'the window bounds how long a captured request is good for, and how long a nonce must be remembered',
    remedy:
      'have the replica compare the timestamp with its clock in both directions, and with the limit in replay.maxAge',
    needs: ['timestamp'],
    trials: ({ fleet: { replay, probe } }, { accepted }) => {
      const beyondMs = replay.maxAgeMs + replay.clockErrorMs + probe.deadlineMs + 1000;
      const expect = probe.scheme?.tellsTime === false ? 'AUTH_INVALID_HMAC' : 'AUTH_TIMESTAMP_SKEW';
      return [-beyondMs, beyondMs].flatMap((timestampOffsetMs) =>
        accepted.slice(0, 1).map(({ secret }): Trial => {
          const label = timestampOffsetMs < 0 ? 'a time in the past' : 'a time ahead';
          return { label, secret, timestampOffsetMs, expect: [expect] };
        }),
      );
    },
  },
  {
    id: 'scheme.unknown-client',
    title: 'an unknown client id or key id is refused',
    why: 'it decides which secrets are tried',
    remedy: 'remove wildcard or default clients and keys from the replica',
    needs: [],
    trials: ({ random, fleet: { probe } }, { accepted: [one] }) => {
      const { scheme } = probe;
      if (scheme === undefined || one === undefined) return 'no scheme is described';
      const expect: Trial['expect'] = ['AUTH_INVALID_CLIENT', 'AUTH_INVALID_HMAC'];
      const secret = one.secret;
      const nobody = `nobody-${random.hex(6)}`;
      const trials: Trial[] = [
        ...(isSent(scheme, 'client') ? [{ label: 'an id that nobody has', secret, as: nobody, expect }] : []),
        ...(isSent(scheme, 'keyId')
          ? [{ label: 'a key id that nobody has', secret, keyId: random.hex(4), expect }]
          : []),
      ];
      return trials.length > 0 ? trials : 'requests carry neither a client id nor a key id';
    },
  },
];

/** What every replica that speaks a described scheme must accept and refuse, for the exact reason. */
export const DESCRIBED_CHECKS: readonly Check[] = [
  ...ITEMS.map(
    ({ id, title, why, remedy, needs, everyClient = false, trials }): Check => ({
      id,
      group: 'checklist',
      protocol: 'described',
      critical: true,
      title,
      why,
      remedy,
      needs,
      look: (context) =>
        onReplicas(context, async (replica) => {
          const parts = [];
          for (const client of everyClient ? context.clients : context.clients.slice(0, 1)) {
            parts.push({ about: client.id, ...(await lookOnce(context, replica, client, trials(context, client))) });
            if (parts.at(-1)?.verdict === 'unknown') break;
          }
          return together(parts);
        }),
    }),
  ),
  {
    id: 'scheme.certificate-required',
    group: 'checklist',
    protocol: 'described',
    critical: true,
    title: 'a caller without a client certificate is refused',
    why: 'traffic that is not mutually authenticated must fail closed',
    remedy: 'require client certificates on the replica, or behind what terminates TLS for it',
    needs: ['required-certificate'],
    look: (context) => onReplicas(context, (replica) => lookWithoutCertificate(context, replica)),
  },
];

async function lookOnce(
  context: CheckContext,
  replica: Replica,
  client: KnownClient,
  trials: readonly Trial[] | string,
): Promise<Sight> {
  const nothing = { expected: 'a result', seen: 'not sent', samples: 0 };
  const accepted = client.accepted[0]?.secret;
  if (typeof trials === 'string') return { ...nothing, verdict: 'not-applicable', reason: trials };
  if (accepted === undefined) return { ...nothing, verdict: 'unknown', reason: 'no accepted secret is known' };
  const send = ({ as, ...call }: Omit<Call, 'client'> & { readonly as?: string }, refusal?: 'due') => {
    const due = refusal === undefined ? {} : { refusal };
    const whole = { ...call, ...due, client: as ?? client.id, endpoint: replica, fresh: true };
    return ask(context.prober, context.clock, whole, { faults: 2 });
  };
  const expected = [...new Set(trials.map(({ expect }) => expect[0]))].join(', ');
  const seen = new Set<string>();
  let samples = 0;
  for (const { label, expect, ...call } of trials) {
    const result = await send(call, expect[0] === 'ACCEPTED' ? undefined : 'due');
    const { outcome } = result;
    samples += 1;
    seen.add(outcome.code);
    if (expect.includes(outcome.code)) continue;
    const is = outcome.code === 'ACCEPTED' ? 'was accepted' : outcome.reason;
    const slow = slowness(result, context.fleet.replay.maxAgeMs);
    const verdict = slow === undefined && isClear(outcome.code, expect[0]) ? 'fail' : 'unknown';
    const reason = `${label}: ${is}${slow === undefined ? '' : `; ${slow}`}`;
    return { verdict, expected: expect[0], seen: outcome.code, reason, samples };
  }
  return closed(
    { expected, seen: [...seen].join(', '), samples: samples + 2 },
    {
      positive: (await send({ secret: accepted })).outcome,
      wrong: (await send({ secret: wrongSecret(context.random), keyId: context.prober.keyIdOf(accepted) }, 'due'))
        .outcome,
    },
  );
}

/** Every look is closed by a valid request that must be accepted, and one with a wrong secret that must not. */
function closed(
  sight: Pick<Sight, 'expected' | 'seen' | 'samples'>,
  { positive, wrong }: { readonly positive: Outcome; readonly wrong: Outcome },
): Sight {
  if (positive.code !== 'ACCEPTED') {
    const reason = `a valid request was not accepted here either: ${positive.reason}`;
    return { ...sight, verdict: 'unknown', reason };
  }
  if (wrong.code === 'ACCEPTED') return { ...sight, verdict: 'fail', reason: 'a wrong secret was accepted too' };
  if (wrong.code === 'AUTH_INVALID_HMAC') return { ...sight, verdict: 'pass' };
  const reason = `not shown that signatures are checked: the wrong-secret control got ${wrong.reason}`;
  return { ...sight, verdict: 'unknown', reason };
}

/** Whether an answer other than the expected one shows a defect, and not merely that nothing could be told. */
function isClear(seen: OutcomeCode, expect: OutcomeCode): boolean {
  return expect === 'ACCEPTED' ? seen === 'AUTH_INVALID_HMAC' || seen === 'AUTH_INVALID_CLIENT' : seen === 'ACCEPTED';
}

async function lookWithoutCertificate(context: CheckContext, replica: Replica): Promise<Sight> {
  const [client] = context.clients;
  const secret = client?.accepted[0]?.secret;
  const expected = 'AUTH_MTLS_REQUIRED';
  if (client === undefined || secret === undefined)
    return { verdict: 'unknown', expected, seen: 'not sent', reason: 'no accepted secret is known', samples: 0 };
  const control = { client: client.id, secret };
  const asked = { ...control, certificate: false, refusal: 'due' as const };
  const { result, samples } = await askPresenting(context, replica, asked, control);
  const { outcome } = result;
  const base = { expected, seen: outcome.code, samples: samples + 1 };
  if (outcome.code === 'ACCEPTED')
    return { ...base, verdict: 'fail', reason: 'a request without a certificate was accepted' };
  if (outcome.code !== expected) return { ...base, verdict: 'unknown', reason: outcome.reason };
  const call = { ...control, endpoint: replica, fresh: true };
  const positive = (await ask(context.prober, context.clock, call, { faults: 2 })).outcome;
  if (positive.code === 'ACCEPTED') return { ...base, verdict: 'pass' };
  return { ...base, verdict: 'unknown', reason: `with the certificate it was not accepted either: ${positive.reason}` };
}

/** What the scheme lets through by its own design; such a fleet file is read only where its owner has accepted it. */
export const SCHEME_SOUND: Check = {
  id: 'scheme.sound',
  group: 'fleet',
  protocol: 'described',
  critical: true,
  title: 'what the scheme signs has one reading, and what protects from replay is signed',
  why: 'two requests with one signature, or an unsigned time, make a captured request good for another one',
  remedy: 'put a separator between the parts that none of them can hold, such as a line break, and sign what is sent',
  needs: [],
  look: async (context) => [
    await observe(context, 'fleet', async (): Promise<Sight> => {
      const weaknesses = context.fleet.probe.scheme?.weaknesses ?? [];
      const base = { expected: 'nothing', seen: `${weaknesses.length} found`, samples: 1 };
      if (weaknesses.length === 0) return { ...base, verdict: 'pass' };
      return { ...base, verdict: 'fail', reason: weaknesses.join('; ') };
    }),
  ],
};
