import type { ProbeSettings, Replica } from '../../fleet/fleet.ts';
import type { Outcome } from '../../protocol/outcome.ts';
import { askOracle, type Burned } from '../oracle.ts';
import { persist } from '../retry.ts';
import type { Check, CheckContext, Observation } from './check.ts';
import { observe, type Sight, together } from './on-replicas.ts';
import { notBurned, REPLAY, readInLife, signerOf, waitsForTurns } from './replay-read.ts';

/** The longest nonce that `keyring-v1` takes, in bytes. */
const LONGEST = 256;

/** A nonce whose key two implementations may make differently. */
interface Unusual {
  readonly about: string;
  readonly nonce: string;
}

/** One implementation of the key may fold, cut or escape what another one does not. */
export const REPLAY_KEY_FUNCTION: Check = {
  id: 'replay.key-function',
  group: 'replay',
  critical: true,
  title: 'replicas make the same key of an unusual nonce',
  why: 'replicas of another language or release may escape, fold or cut a nonce differently: then each has a key of its own for it, and both accept it',
  remedy: 'make the key byte for byte on every replica: JSON.stringify([clientId, nonce]), nothing escaped beyond that',
  hazards: ['H20'],
  perDomain: true,
  apart: true,
  needs: ['single-use', 'two-replicas'],
  look: async (context) => {
    const [anchor, ...others] = context.fleet.replicas;
    if (anchor === undefined) return [];
    const plain = await burnAt(context, anchor, context.prober.nonce());
    const anewAt = (nonce: () => string) => () => burnAt(context, anchor, nonce());
    if (plain.burned === undefined)
      return [await observe(context, anchor.name, async () => notBurned(plain.outcome, 1))];
    const burns: Burning[] = [];
    for (const [n, { about, nonce }] of unusualFor(context).entries()) {
      const burnt = await burnAt(context, anchor, nonce);
      if (burnt.burned !== undefined)
        burns.push({
          about,
          burned: burnt.burned,
          anew: anewAt(() => unusualFor(context)[n]?.nonce ?? nonce),
        });
    }
    const usual = { about: 'usual', burned: plain.burned, anew: anewAt(() => context.prober.nonce()) };
    const all = await Promise.all(others.map((other) => lookAt(context, other, usual, burns)));
    return [anchorOf(anchor, all, 1 + burns.length), ...all];
  },
};

/** How many unusual nonces a check tries, at most. */
export function unusualIn({ gate, scheme }: Partial<Pick<ProbeSettings, 'gate' | 'scheme'>> = {}): number {
  if (scheme !== undefined) return 1;
  return gate === undefined ? 4 : 5;
}

function unusualFor(context: CheckContext): readonly Unusual[] {
  const { scheme, gate } = context.fleet.probe;
  const { random } = context;
  if (scheme?.nonce?.form === 'uuid') return [];
  if (scheme !== undefined) return [{ about: 'mixed case', nonce: context.prober.nonce(mixed(random.hex(32))) }];
  return [
    { about: 'mixed case', nonce: mixed(random.hex(16)) },
    // A gate removes & before it verifies.
    {
      about: 'characters that JSON libraries escape',
      nonce: `n<>${gate === undefined ? '&' : ''}"\\'/+-${random.hex(16)}`,
    },
    { about: 'a hash tag', nonce: `{tag}${random.hex(16)}` },
    { about: `${LONGEST} bytes`, nonce: random.hex(LONGEST / 2) },
    // In a header it would be lost on its way. On both sides: some trim one of them.
    ...(gate === undefined ? [] : [{ about: 'a space around it', nonce: ` ${random.hex(16)} ` }]),
  ];
}

function mixed(hex: string): string {
  const half = Math.floor(hex.length / 2);
  return `aB${hex.slice(2, half).toUpperCase()}${hex.slice(half)}`;
}

/** A nonce that the fleet takes, as it was burned first; `anew` burns another one of its kind. */
interface Burning {
  readonly about: string;
  readonly burned: Burned;
  readonly anew: () => Promise<Burnt>;
}

type Burnt = { readonly burned: Burned } | { readonly burned: undefined; readonly outcome: Outcome };

/** Burns a given nonce; of what the fleet does not take there is nothing to compare. */
async function burnAt(context: CheckContext, replica: Replica, nonce: string): Promise<Burnt> {
  const { prober, clock } = context;
  const signer = signerOf(context);
  const { outcome } = await persist(clock, { faults: 0 }, () =>
    prober.probe({ endpoint: replica, ...signer, nonce, fresh: true }),
  );
  if (outcome.code !== 'ACCEPTED') return { burned: undefined, outcome };
  return { burned: { nonce, client: signer.client, replica: replica.name, burnedAt: clock.now() } };
}

function lookAt(
  context: CheckContext,
  other: Replica,
  usual: Burning,
  burns: readonly Burning[],
): Promise<Observation> {
  return observe(context, other.name, async () => {
    const first = await ask(context, other, usual);
    if (first.verdict !== 'pass') {
      const reason = `it does not even share a usual nonce, which replay.cross-replica looks at: ${first.reason}`;
      return { verdict: 'unknown', critical: false, expected: REPLAY, seen: first.seen, reason, samples: 1 };
    }
    const parts: (Sight & { about: string })[] = [];
    for (const burning of burns) parts.push({ about: burning.about, ...(await ask(context, other, burning)) });
    if (parts.length === 0) {
      const reason = 'the fleet takes no nonces but usual ones';
      return { verdict: 'not-applicable', expected: REPLAY, seen: 'not sent', reason, samples: 1 };
    }
    const sight = together(parts);
    return sight.verdict === 'pass'
      ? { ...sight, seen: `${REPLAY} for ${burns.map(({ about }) => about).join(', ')}` }
      : sight;
  });
}

async function ask(context: CheckContext, other: Replica, { burned, anew }: Burning): Promise<Sight> {
  const { prober } = context;
  await prober.claim(burned.client, [other]);
  const burnt = waitsForTurns(prober.mostRefusals) ? await anew() : { burned };
  if (burnt.burned === undefined) return notBurned(burnt.outcome, 1);
  const asked = await askOracle(context, other, burnt.burned, signerOf(context).secret);
  const accepted = `accepted by ${burned.replica} and again by ${other.name}: they make different keys of it`;
  return readInLife(context, burnt.burned, asked, accepted);
}

/** The first replica is what the others are compared with; it cannot vouch for itself. */
function anchorOf({ name }: Replica, others: readonly Observation[], samples: number): Observation {
  const passed = others.find(({ verdict }) => verdict === 'pass');
  const chosen = passed ?? others.find(({ verdict }) => verdict !== 'fail') ?? others[0];
  if (chosen === undefined) throw new Error('no other replica');
  return { ...chosen, target: name, samples, ms: 0 };
}

/** A nonce that is longer than the protocol allows costs memory for as long as it is remembered. */
export const REPLAY_NONCE_BOUNDED: Check = {
  id: 'replay.nonce-bounded',
  group: 'replay',
  protocol: 'keyring-v1',
  critical: false,
  title: 'nonces that are too long are refused',
  why: 'every accepted nonce is kept for its whole life: unbounded ones fill the store, and a full store refuses everybody',
  remedy: `refuse nonces of more than ${LONGEST} bytes before anything is stored`,
  hazards: ['H22'],
  apart: true,
  needs: ['single-use'],
  look: (context) =>
    Promise.all(
      context.fleet.replicas.map((replica) =>
        observe(context, replica.name, async () => {
          const nonce = `${context.random.hex(LONGEST / 2)}0`;
          const call = { endpoint: replica, ...signerOf(context), nonce, refusal: 'due' as const };
          const { outcome } = await persist(context.clock, { faults: 2 }, () => context.prober.probe(call));
          const base = { expected: 'AUTH_INVALID_NONCE', seen: outcome.code, samples: 1 };
          if (outcome.code === 'AUTH_INVALID_NONCE') return { ...base, verdict: 'pass' };
          if (outcome.code === 'UNKNOWN') return { ...base, verdict: 'unknown', reason: outcome.reason };
          if (outcome.code !== 'ACCEPTED') return { ...base, verdict: 'pass' };
          const reason = `a nonce of ${LONGEST + 1} bytes was accepted`;
          return { ...base, verdict: 'unknown', reason, hazards: ['H22'] };
        }),
      ),
    ),
};
