import { type Answers, sumOf, times } from '../answers.ts';
import { namesClient } from '../client-spellings.ts';
import { BURSTS_THROUGH, copiesThrough, mayRefuse, readsThrough } from './replay-balancer.ts';
import { unusualIn } from './replay-key.ts';
import { waitsForTurns } from './replay-read.ts';
import type { SendSizes, Sends } from './send-sizes.ts';

/** Spellings of a nonce that a sound signer refuses for their signature, or before it. */
const SPELLED = { AUTH_INVALID_HMAC: 7, AUTH_INVALID_NONCE: 2 };
/** Spellings that a sound gate refuses for their signature: white space alone, or all but one of which it makes the nonce. */
const [GATE_SPARED, GATE_SPELLED] = [2, 11];

/** Spellings that are tried where a lockout is declared, and so bad signatures are spared. */
const SPARED_SPELLINGS = 2;

/** Spellings of the client id, where requests name it. */
const CLIENT_SPELLINGS = 2;

/** What is burned anew once the turn of its refusal is there, beside what is burned where none is waited for. */
const BURNED_ANEW: Readonly<Record<string, (plain: Sends, sizes: SendSizes) => Sends>> = {
  'replay.secrets': readsOf,
  'replay.key-function': readsOf,
  'replay.balancer': (_plain, { fleet, replicas }) =>
    fleet.balancer === undefined ? {} : { once: { ACCEPTED: replicas - 1 } },
  'replay.nonce-spelling': (_plain, { fleet }) => ({
    first: { ACCEPTED: 1 + SPARED_SPELLINGS + (isNamed(fleet) ? CLIENT_SPELLINGS : 0) },
  }),
};

function isNamed({ probe, protocol }: SendSizes['fleet']): boolean {
  return probe === undefined ? protocol !== 'gate-v1' : namesClient(probe);
}

function readsOf({ once }: Sends): Sends {
  return { once: { ACCEPTED: once?.REPLAY_NONCE_USED ?? 0 } };
}

/** The same checks, with what they burn anew where refusals wait for their turns. */
export function withBurnedAnew(
  sends: Readonly<Record<string, (sizes: SendSizes) => Sends>>,
): Readonly<Record<string, (sizes: SendSizes) => Sends>> {
  const more = Object.entries(BURNED_ANEW).map(([id, anew]) => [
    id,
    (sizes: SendSizes): Sends => {
      const plain = sends[id]?.(sizes) ?? {};
      if (!waitsForTurns(sizes.mostRefusals)) return plain;
      const { once = {}, first = {} } = anew(plain, sizes);
      return { ...plain, once: sumOf([plain.once ?? {}, once]), first: sumOf([plain.first ?? {}, first]) };
    },
  ]);
  return { ...sends, ...Object.fromEntries(more) };
}

/** What the checks of the replay store send, beside the oldest of them. */
export const REPLAY_SENDS: Readonly<Record<string, (sizes: SendSizes) => Sends>> = {
  'replay.secrets': ({ replicas, accepted, clients }) =>
    replicas < 2 ? {} : { once: times({ ACCEPTED: 1, REPLAY_NONCE_USED: replicas - 1 }, accepted * clients) },
  'replay.balancer': ({ fleet, replicas, mostRefusals, sparing }) => {
    if (fleet.balancer === undefined) return {};
    const direct = { once: { ACCEPTED: 1, REPLAY_NONCE_USED: replicas } };
    if (!mayRefuse(mostRefusals)) return direct;
    const copies = copiesThrough(replicas);
    const warm: Answers = sparing ? { ACCEPTED: copies } : { AUTH_INVALID_HMAC: copies };
    const bursts = times(sumOf([warm, { ACCEPTED: 1, REPLAY_NONCE_USED: copies - 1 }]), BURSTS_THROUGH);
    return { ...direct, balancer: sumOf([bursts, { ACCEPTED: 2, REPLAY_NONCE_USED: readsThrough(replicas) + 1 }]) };
  },
  'replay.cross-domain': ({ fleet }) => {
    const { length } = fleet.domains ?? [];
    return length < 2 ? {} : { once: times({ ACCEPTED: 2, REPLAY_NONCE_USED: 2 }, length * (length - 1)) };
  },
  'replay.nonce-spelling': ({ sparing, fleet }) => {
    const named = isNamed(fleet);
    // Beside the nonce as it was, once more with other fields that are not signed.
    const spared = { ACCEPTED: 1, REPLAY_NONCE_USED: named ? 5 : 4 };
    const nobody = { AUTH_INVALID_CLIENT: named ? 1 : 0 };
    if (fleet.probe?.gate === undefined) return { nobody, first: sparing ? spared : { ...spared, ...SPELLED } };
    return {
      nobody,
      first: sparing
        ? { ACCEPTED: 1, REPLAY_NONCE_USED: 2, AUTH_INVALID_HMAC: GATE_SPARED }
        : { ACCEPTED: 1, REPLAY_NONCE_USED: 3, AUTH_INVALID_HMAC: GATE_SPELLED },
    };
  },
  'replay.key-function': ({ replicas, fleet }) => {
    if (replicas < 2) return {};
    const tried = unusualIn(fleet.probe);
    return { once: { ACCEPTED: 1 + tried, REPLAY_NONCE_USED: (1 + tried) * (replicas - 1) } };
  },
  'replay.nonce-owner': ({ clients, fleet }) =>
    clients < 2
      ? {}
      : { first: fleet.replay.nonceKey === 'global' ? { ACCEPTED: 3, REPLAY_NONCE_USED: 3 } : { ACCEPTED: 2 } },
  'replay.nonce-bounded': () => ({ first: { AUTH_INVALID_NONCE: 1 } }),
};
