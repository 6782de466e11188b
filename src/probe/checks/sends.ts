import type { Fleet } from '../../fleet/fleet.ts';
import { type Answers, NO_ANSWERS, refusedOf, sumOf, times, totalOf } from '../answers.ts';
import { describedSends } from './described-sends.ts';
import { BURSTS_ALONE, copiesFor, ROUNDS } from './replay-concurrent.ts';
import { waitsForTurns } from './replay-read.ts';
import { REPLAY_SENDS, withBurnedAnew } from './replay-sends.ts';
import type { SendSizes, Sends } from './send-sizes.ts';

const CONTROLLED = { ACCEPTED: 1 } as const;
const PUBLISHED = 7;
const STRANGERS = 3;
/** The accepted key ids beside a secret's own: the other generation's, and the two defaults. */
const OTHER_KEY_IDS = 3;

type Count = (sizes: SendSizes) => Sends;

const wrong = (count: number): Count => always({ each: { AUTH_INVALID_HMAC: count, ...CONTROLLED } });

/** Of each check, by its id, what it sends; a check that is not here sends nothing. */
const SENDS: Readonly<Record<string, Count>> = {
  'fleet.distinct': ({ replicas, sparing }) =>
    replicas < 2 ? {} : { first: sparing ? { ACCEPTED: 8 } : { AUTH_INVALID_HMAC: 8 } },
  'balancer.spread': ({ fleet, replicas }) =>
    fleet.balancer === undefined || replicas < 2 ? {} : { first: { ACCEPTED: 1 }, balancer: { ACCEPTED: 2 } },
  'clock.window': ({ fleet, sparing }) => ({ first: clockAnswers(fleet.replay.maxAgeMs, sparing) }),
  'control.wrong-secret': wrong(1),
  'control.empty-key': wrong(1),
  'control.development-secret': wrong(PUBLISHED),
  'control.unsigned': ({ fleet }) =>
    fleet.protocol === 'gate-v1'
      ? {
          first: { AUTH_INVALID_NONCE: 2, AUTH_INVALID_HMAC: 1 },
          each: { AUTH_INVALID_HMAC: 1, ...CONTROLLED },
        }
      : {
          nobody: { AUTH_INVALID_CLIENT: 2 },
          first: { AUTH_TIMESTAMP_SKEW: 1, AUTH_INVALID_NONCE: 1, AUTH_INVALID_SIGNATURE_FORMAT: 1 },
          each: { AUTH_INVALID_SIGNATURE_FORMAT: 1, ...CONTROLLED },
        },
  'control.tampered-body': wrong(2),
  'control.tampered-request': always({ first: { AUTH_INVALID_HMAC: 2, OTHER: 2, ...CONTROLLED } }),
  'control.tampered-fields': always({ first: { AUTH_INVALID_HMAC: 3, ...CONTROLLED } }),
  'control.signature-exact': ({ fleet }) =>
    fleet.protocol === 'gate-v1'
      ? { first: { AUTH_INVALID_HMAC: 3, ...CONTROLLED } }
      : { first: { AUTH_INVALID_SIGNATURE_FORMAT: 1, AUTH_INVALID_HMAC: 2, ...CONTROLLED } },
  'control.foreign-secret': ({ clients }) =>
    clients < 2 ? {} : { each: { AUTH_INVALID_HMAC: Math.min(STRANGERS, clients - 1), ...CONTROLLED } },
  valid_hmac_mtls_single_use: always({ each: { ACCEPTED: 1, AUTH_INVALID_HMAC: 1 } }),
  replay_nonce_rejected: always({ first: { ACCEPTED: 1, REPLAY_NONCE_USED: 1, AUTH_INVALID_HMAC: 1 } }),
  timestamp_skew_rejected: always({ first: { AUTH_TIMESTAMP_SKEW: 2, ...CONTROLLED } }),
  mtls_required_rejected: ({ fleet }) =>
    fleet.tls.required ? { first: { AUTH_MTLS_REQUIRED: 1, ...CONTROLLED } } : {},
  rotated_secret_accepted: ({ accepted }) => (accepted > 1 ? { each: { ACCEPTED: 2, AUTH_INVALID_HMAC: 1 } } : {}),
  invalid_hmac_rejected: always({ first: { AUTH_INVALID_HMAC: 1, ...CONTROLLED } }),
  unknown_client_rejected: always({ nobody: { AUTH_INVALID_CLIENT: 1 }, first: CONTROLLED }),
  invalid_signature_format_rejected: always({ first: { AUTH_INVALID_SIGNATURE_FORMAT: 2, ...CONTROLLED } }),
  'mtls.generations': ({ fleet, mtls = PLAIN }) => matrix(fleet, mtls.accepted, mtls.refused),
  'mtls.no-certificate': ({ fleet }) => matrix(fleet, 0, 1),
  'mtls.unknown-authority': ({ fleet }) => matrix(fleet, 0, 1),
  'mtls.expired': ({ fleet, mtls = PLAIN }) => (mtls.odd ? matrix(fleet, 0, 2) : {}),
  'mtls.wrong-purpose': ({ fleet, mtls = PLAIN }) => (mtls.odd ? matrix(fleet, 0, 1) : {}),
  'gate.valid-accepted': ({ accepted }) => ({ first: { ACCEPTED: accepted + 1 } }),
  'gate.any-signature': ({ accepted }) => ({ first: { ACCEPTED: accepted + 1, AUTH_INVALID_HMAC: 1 } }),
  'gate.key-id-bound': ({ accepted, strict = false }) =>
    strict ? { first: { AUTH_INVALID_HMAC: accepted * (1 + OTHER_KEY_IDS), ...CONTROLLED } } : {},
  'gate.revoked-refused': ({ revoked = 0 }) =>
    revoked > 0 ? { first: { AUTH_INVALID_HMAC: revoked, ...CONTROLLED } } : {},
  'gate.stale-refused': always({ first: { AUTH_TIMESTAMP_SKEW: 2, ...CONTROLLED } }),
  'store.errors': inStore(() => ({ first: { ACCEPTED: 1 } })),
  'store.nonce-key': inStore(() => ({ first: { ACCEPTED: 1 } })),
  'store.commands': inStore(({ mostRefusals }) => ({
    first: { ACCEPTED: 1, REPLAY_NONCE_USED: Math.min(6, mostRefusals) },
  })),
  'replay.same-replica': always({ first: { ACCEPTED: 1, REPLAY_NONCE_USED: 3 } }),
  'replay.cross-replica': ({ replicas, mostRefusals }) => {
    const others = replicas - 1;
    const burns = waitsForTurns(mostRefusals) ? 1 + 2 * others : replicas;
    return others < 1 ? {} : { once: { ACCEPTED: burns, REPLAY_NONCE_USED: 2 * others } };
  },
  ...withBurnedAnew(REPLAY_SENDS),
  'replay.concurrent': (sizes) => ({ once: burstAnswers(sizes) }),
  'replay.refused-burns-nothing': always({ first: { AUTH_INVALID_HMAC: 1, ACCEPTED: 1 } }),
  'replay.nonce-exact': always({ first: { ACCEPTED: 3 } }),
  'replay.window-end': ({ fleet }) =>
    isWindowTried(fleet.replay) ? { first: { ACCEPTED: 1, REPLAY_NONCE_USED: 1 } } : {},
  'replay.after-ttl': ({ replicas }) => ({
    first: { ACCEPTED: 2, REPLAY_NONCE_USED: 1 },
    once: { REPLAY_NONCE_USED: 2 * (replicas - 1) },
  }),
};

/** Only where there is a store to look into. */
function inStore(count: Count): Count {
  return (sizes) => {
    const { store, domains = [] } = sizes.fleet;
    return store === undefined && domains.every((each) => each.store === undefined) ? {} : count(sizes);
  };
}

/** Certificates that are presented outside a rotation: our own. */
const PLAIN = { accepted: 1, refused: 0, odd: false };
/** Versions of TLS that each certificate is presented over. */
const VERSIONS = 2;

function matrix({ tls }: Pick<Fleet, 'tls'>, accepted: number, refused: number): Sends {
  if (!tls.required || tls.cert === undefined) return {};
  const controls = refused * VERSIONS;
  return { first: { ACCEPTED: accepted * VERSIONS + controls, AUTH_MTLS_REQUIRED: refused * VERSIONS } };
}

function always(sends: Sends): Count {
  return () => sends;
}

/** Time left for a request's own journey at the end of its window, as `replay.window-end` takes it. */
const JOURNEY_MS = 100;

function isWindowTried({ maxAgeMs, clockErrorMs, nonceTtlMs }: Fleet['replay']): boolean {
  const margin = clockErrorMs + JOURNEY_MS;
  return margin <= maxAgeMs / 2 && nonceTtlMs >= 2 * (maxAgeMs - margin);
}

/**
 * Both edges by bisection, from a quarter beyond the declared window down to four milliseconds or less. The edge lies at four
 * fifths of what is halved, so that the binary digits of 0.8 say which tries fall inside it.
 */
function clockAnswers(maxAgeMs: number, sparing: boolean): Answers {
  const halvings = Math.ceil(Math.log2((1.25 * maxAgeMs) / Math.max(4, maxAgeMs / 2000)));
  let within = 0;
  for (let n = 1; n <= halvings; n += 1) within += Math.floor(0.8 * 2 ** n) % 2;
  const inside = 2 + 2 * within;
  const outside = 2 + 2 * (halvings - within);
  if (sparing) return { ACCEPTED: 1, REPLAY_NONCE_USED: inside - 1, AUTH_TIMESTAMP_SKEW: outside };
  return { AUTH_INVALID_HMAC: inside, AUTH_TIMESTAMP_SKEW: outside };
}

/** Bursts of copies over connections that are warmed up first: some to each replica alone, five or one for each over all. */
function burstAnswers({ replicas, sparing, mostRefusals }: SendSizes): Answers {
  const copies = copiesFor(replicas, mostRefusals);
  const bursts = BURSTS_ALONE * replicas + Math.max(ROUNDS, replicas);
  const warm: Answers = sparing ? { ACCEPTED: copies } : { AUTH_INVALID_HMAC: copies };
  return times(sumOf([warm, { ACCEPTED: 1, REPLAY_NONCE_USED: copies - 1 }]), bursts);
}

/** What checks send, in all. */
export interface Budget {
  readonly answers: Answers;
  readonly total: number;
  /** Most requests that are to be refused, by what a service may count them by; of all of them those that go through the balancer. */
  readonly refused: {
    readonly client: number;
    readonly replica: number;
    readonly address: number;
    readonly balancer: number;
  };
}

/** What some checks send to a sound fleet that answers at once, and the most refusals of one client, on one replica, in all. */
export function budgetOf(ids: readonly string[], sizes: SendSizes): Budget {
  const { replicas, clients } = sizes;
  const { scheme } = sizes.fleet.probe ?? {};
  const described = (id: string) => (scheme === undefined ? undefined : describedSends(id, scheme, sizes));
  const sends = ids.map((id) => described(id) ?? SENDS[id]?.(sizes) ?? {});
  const sum = (key: keyof Sends): Answers => sumOf(sends.map((one) => one[key] ?? NO_ANSWERS));
  const [first, each, nobody, once, balancer] = [
    sum('first'),
    sum('each'),
    sum('nobody'),
    sum('once'),
    sum('balancer'),
  ];
  const answers = sumOf([times(sumOf([first, nobody]), replicas), times(each, replicas * clients), once, balancer]);
  const own = refusedOf(first) + refusedOf(each);
  return {
    answers,
    total: totalOf(answers),
    refused: {
      client: replicas * own + refusedOf(once),
      // What goes to the fleet as a whole may meet one replica with all of it.
      replica: own + refusedOf(once),
      address: refusedOf(answers),
      balancer: refusedOf(balancer),
    },
  };
}
