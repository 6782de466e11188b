import type { Replica } from '../../fleet/fleet.ts';
import { burnBytes } from '../bytes.ts';
import type { Call } from '../call.ts';
import { clientSpellingsOf, namesClient } from '../client-spellings.ts';
import { isInHeader, spellingsOf } from '../nonce-spellings.ts';
import { askOracle, type Burned, burn } from '../oracle.ts';
import type { ProbeResult } from '../prober.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';
import { isRefusedUnknown } from './refused-unknown.ts';
import { lifeOver, notBurned, REPLAY, signerOf, waitsForTurns } from './replay-read.ts';
import { tryUnsigned } from './replay-unsigned.ts';

/** A used nonce, or its client, in another spelling. */
interface Respelled {
  readonly how: string;
  readonly call: Pick<Call, 'nonce' | 'sentClient' | 'signedAs' | 'signedInstead'>;
  /** What it shows that it was accepted. */
  readonly shows: string;
}

/** The store's key must be made of exactly the bytes that the signature covers of the nonce: no other form, and nothing beside. */
export const REPLAY_SPELLING: Check = {
  id: 'replay.nonce-spelling',
  group: 'replay',
  critical: true,
  title: 'a used nonce opens nothing in another spelling, of its client id neither, or beside other unsigned fields',
  why: 'where the signature is checked over one form of the nonce and the store’s key is made of another, or the client is found under another form of its id, a captured request is sent again with a capital letter or a space; where the key has a field that is not signed, with another value there',
  remedy:
    'look the client up by its exact id, and make the store’s key of that id and exactly the bytes that the signature covers: JSON.stringify([clientId, nonce])',
  hazards: ['H20'],
  apart: true,
  needs: ['single-use'],
  look: (context) => onReplicas(context, (replica) => trySpellings(context, replica)),
};

/** The spellings that are tried: where bad signatures may lock out, only those that cost none at a sound signer come first. */
function spellingsFor(
  { fleet, sparing }: Pick<CheckContext, 'sparing'> & { readonly fleet: Pick<CheckContext['fleet'], 'probe'> },
  { client, nonce }: Burned,
): readonly Respelled[] {
  const all = spellingsOf(nonce, isInHeader(fleet.probe));
  // The signature is made anew over the nonce as it was burned, and sent with the nonce in another spelling.
  const signed = fleet.probe.gate === undefined ? { signedAs: { nonce } } : { signedInstead: { nonce } };
  const nonces = (sparing === true ? all.filter(({ spared }) => spared) : all).map(
    (one): Respelled => ({
      how: one.how,
      call: { nonce: one.nonce, ...signed },
      shows: 'the key is made of other bytes than were signed',
    }),
  );
  const clients = (namesClient(fleet.probe) ? clientSpellingsOf(client) : []).map(
    (one): Respelled => ({
      how: one.how,
      call: { nonce, sentClient: one.client },
      shows: 'the client is found under another form of its id than the key is made of',
    }),
  );
  return [...nonces, ...clients];
}

async function trySpellings(context: CheckContext, replica: Replica): Promise<Sight> {
  const signer = signerOf(context);
  const { prober } = context;
  // Captured bytes age, so that their turn is not waited for once they are there.
  await prober.claim(signer.client, [replica]);
  const burnt = await burnBytes(context, replica, signer);
  if (burnt.signed === undefined) return notBurned(burnt.outcome, burnt.samples);
  const { nonce } = burnt.signed;
  const captured = { nonce, client: signer.client, replica: replica.name, burnedAt: context.clock.now() };
  // Before anything else: a key that has the time in it as well does not know a nonce that is signed anew.
  const unsigned = await tryUnsigned(context, replica, burnt.signed);
  if (unsigned.verdict === 'fail') return { ...unsigned, samples: burnt.samples + unsigned.samples };
  await prober.claim(signer.client, [replica]);
  const { burned = captured } = waitsForTurns(prober.mostRefusals) ? await burn(context, replica, signer) : {};
  const { outcome } = await askOracle(context, replica, burned, signer.secret);
  const expected = 'none accepted';
  if (outcome.code !== REPLAY) {
    const reason = `the nonce as it was burned was not called used, so that its spellings tell nothing: ${outcome.reason}`;
    const samples = burnt.samples + 1;
    return { verdict: 'unknown', critical: false, expected, seen: outcome.code, reason, samples };
  }
  const spelled = await trySpelled(context, replica, burned, burnt.samples + 1);
  return both(unsigned, spelled);
}

/** What was seen of the fields beside the nonce, and of its spellings, as one. */
function both(
  unsigned: Sight & { readonly critical?: boolean },
  spelled: Sight,
): Sight & { readonly critical?: boolean } {
  const samples = unsigned.samples + spelled.samples;
  if (unsigned.verdict === 'pass' && spelled.verdict === 'pass')
    return { ...spelled, seen: `${spelled.seen}; ${REPLAY} with other fields that are not signed`, samples };
  const sight = together([
    { about: 'fields that are not signed', ...unsigned },
    { about: 'spellings', ...spelled },
  ]);
  return spelled.verdict === 'pass' && unsigned.critical === false ? { ...sight, critical: false } : sight;
}

/** @param before requests that were sent before, which count as samples */
async function trySpelled(context: CheckContext, replica: Replica, burned: Burned, before: number): Promise<Sight> {
  const expected = 'none accepted';
  const seen = new Map<string, readonly string[]>();
  const silent: string[] = [];
  let samples = before;
  for (const spelling of spellingsFor(context, burned)) {
    const result = await sendSpelled(context, replica, burned, spelling);
    if (result === undefined) {
      silent.push(spelling.how);
      continue;
    }
    if (result.outcome.code === 'ACCEPTED') {
      const over = lifeOver(context, result.burned, result);
      if (over !== undefined)
        return { verdict: 'unknown', expected, seen: result.outcome.code, reason: over, samples: samples + 1 };
      const reason = `a nonce that was used was accepted again ${spelling.how}, under the signature of the first: ${spelling.shows}`;
      return { verdict: 'fail', expected, seen: `accepted ${spelling.how}`, reason, samples: samples + 1 };
    }
    samples += 1;
    const word = wordOf(result);
    if (word === undefined) silent.push(spelling.how);
    else seen.set(word, [...(seen.get(word) ?? []), spelling.how]);
  }
  if (seen.size === 0)
    return { verdict: 'unknown', expected, seen: 'no answers', reason: `no answer ${silent.join(', ')}`, samples };
  const said = [...seen].map(([word, hows]) => `${word} ${hows.join(', ')}`);
  const all = [...said, ...(silent.length === 0 ? [] : [`no answer ${silent.join(', ')}`])];
  return { verdict: 'pass', expected, seen: `none of ${samples - before}: ${all.join('; ')}`, samples };
}

/**
 * The signature is made anew over the request as it was burned, and sent with one thing of it in another spelling; over
 * another nonce where the refusal may have waited for its turn. `undefined` where there is none to spell.
 */
async function sendSpelled(
  context: CheckContext,
  replica: Replica,
  burned: Burned,
  { how }: Respelled,
): Promise<(ProbeResult & { readonly burned: Burned }) | undefined> {
  const { prober } = context;
  const { client, secret } = signerOf(context, burned.client);
  await prober.claim(client, [replica]);
  const { burned: used } = waitsForTurns(prober.mostRefusals)
    ? await burn(context, replica, { client, secret })
    : { burned };
  if (used === undefined) return undefined;
  const spelled = spellingsFor(context, used).find((one) => one.how === how);
  if (spelled === undefined) return undefined;
  const call = { endpoint: replica, client, secret, ...spelled.call, fresh: true, refusal: 'claimed' as const };
  return { ...(await prober.probe(call)), burned: used };
}

/** How a spelling was refused; `undefined` for an answer that tells nothing. */
function wordOf(result: ProbeResult): string | undefined {
  if (result.outcome.code !== 'UNKNOWN') return result.outcome.code;
  return isRefusedUnknown(result) ? `${result.status}` : undefined;
}
