import type { Replica } from '../../fleet/fleet.ts';
import { resend } from '../bytes.ts';
import type { Signed } from '../call.ts';
import type { ProbeResult } from '../prober.ts';
import { persist } from '../retry.ts';
import { type UnsignedField, unsignedFieldsOf } from '../unsigned-fields.ts';
import type { CheckContext } from './check.ts';
import type { Sight } from './on-replicas.ts';
import { isRefusedUnknown } from './refused-unknown.ts';
import { REPLAY, signerOf } from './replay-read.ts';

/**
 * Sends burned bytes again with other values in all fields that no signature covers, and where that is not
 * refused as a replay once more with each of them alone, which tells the field, and as they were. The turn of the first has
 * been claimed.
 */
export async function tryUnsigned(
  context: CheckContext,
  replica: Replica,
  signed: Signed,
): Promise<Sight & { readonly critical?: boolean }> {
  const all = unsignedFieldsOf(context.fleet.probe);
  const { outcome } = await sendAltered(context, replica, signed, all);
  const base = { expected: REPLAY, seen: outcome.code, samples: 1 };
  if (outcome.code === REPLAY) return { ...base, verdict: 'pass' };
  const alone: (ProbeResult & { readonly what: string })[] = [];
  for (const field of all) {
    await context.prober.claim(signerOf(context).client, [replica]);
    alone.push({ what: field.what, ...(await sendAltered(context, replica, signed, [field])) });
  }
  await context.prober.claim(signerOf(context).client, [replica]);
  const plain = await resend(context, replica, signed, true);
  const samples = 2 + alone.length;
  const taken = alone.filter((one) => one.outcome.code === 'ACCEPTED').map(({ what }) => what);
  if (plain.code !== REPLAY) {
    const reason = `the captured bytes as they were are not called used either: ${plain.reason}`;
    return { ...base, verdict: 'unknown', critical: false, seen: plain.code, reason, samples };
  }
  if (outcome.code === 'ACCEPTED' || taken.length > 0) {
    const among = taken.length > 0 ? taken.join(', ') : `one of ${all.map(({ what }) => what).join(', ')}`;
    const reason = `the key of a nonce covers more than the nonce: ${replica.name} accepted captured bytes again with ${among}, under the same nonce and signature`;
    return { verdict: 'fail', expected: REPLAY, seen: `accepted with ${among}`, reason, samples, hazards: ['H20'] };
  }
  const unclear = alone.filter((one) => one.outcome.code !== REPLAY);
  if (unclear.length === 0) return { ...base, verdict: 'pass', seen: REPLAY, samples };
  const said = unclear.map(({ what, outcome: { reason } }) => `${what}: ${reason}`).join('; ');
  const reason = `captured bytes were neither refused as a replay nor accepted with ${said}`;
  // A service that refuses the field itself, before it looks at the nonce, takes less than others do.
  return {
    ...base,
    verdict: 'unknown',
    reason,
    samples,
    ...(unclear.every(isRefusedUnknown) ? { critical: false } : {}),
  };
}

/** Each try bears values of its own: one whose answer was lost may have been taken. */
async function sendAltered(
  context: CheckContext,
  replica: Replica,
  signed: Signed,
  fields: readonly UnsignedField[],
): Promise<ProbeResult> {
  const { prober, clock, random } = context;
  return persist(clock, { faults: 2 }, () => {
    const altered = fields.reduce((before, { alter }) => alter(before, random.hex(2)), signed);
    return prober.send(altered, replica, { fresh: true, refusal: 'claimed' });
  });
}
