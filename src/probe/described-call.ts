import type { Secret } from '../credential/secret.ts';
import { keyBytes, keyIdIn, macInForm } from '../credential/secret-form.ts';
import type { DescribedScheme } from '../fleet/fleet.ts';
import { closeGaps, templateWithout } from '../protocol/described/gaps.ts';
import type { SentPart } from '../protocol/described/scheme.ts';
import {
  digestKeyId,
  nonceText,
  type RequestValues,
  sentSignatures,
  sentText,
  signedBytes,
  timestampText,
  zeroDigest,
} from '../protocol/described/sign.ts';
import { type Call, type Completion, digestGiven, type Signed } from './call.ts';

/** Completes and signs a call by the scheme that the fleet's file describes. */
export async function signDescribedCall(call: Call, scheme: DescribedScheme, completion: Completion): Promise<Signed> {
  const { settings, userAgent, now } = completion;
  const at = timestampText(scheme.timestamp ?? 'milliseconds', now + (call.timestampOffsetMs ?? 0));
  const nonce = call.nonce ?? (scheme.nonce === undefined ? '' : freshNonce(scheme, completion.freshNonce));
  const target = call.path ?? settings.path;
  const method = call.method ?? settings.method;
  const text = call.body ?? settings.body;
  const keyId = call.keyId ?? (call.secret === undefined ? undefined : describedKeyId(call.secret, scheme)) ?? '';
  const sent = { method, target, timestamp: at.text, nonce, keyId, client: call.sentClient ?? call.client };
  const bare = call.bare === true;

  const unsigned = valuesOf(scheme, sent, text);
  const signed = { ...unsigned, ...signedInstead(call, scheme, now) };
  const signature = await signatures(call, scheme, signed);
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(bare
      ? {}
      : Object.fromEntries(
          scheme.headers.flatMap(({ name, template }) => {
            const kept = templateWithout(template, call.without);
            if (kept === undefined) return [];
            return [[name, closeGaps(sentSignatures(kept, unsigned, signature, scheme.between ?? ' '))]];
          }),
        )),
    'user-agent': userAgent,
    ...call.sentHeaders,
  };
  const fields = scheme.fields.flatMap((part) => {
    const template = templateWithout(part.template, call.without);
    return template === undefined ? [] : [{ ...part, template }];
  });
  const body = bare ? (call.sentBody ?? text) : withFields(call.sentBody ?? text, fields, unsigned, signature);
  return {
    request: {
      method: call.sentMethod ?? method,
      path: call.sentPath ?? target,
      headers,
      body: Buffer.from(body),
    },
    nonce,
    timestamp: String(at.atMs),
  };
}

/** The key id that belongs to a secret; `undefined` where the scheme has none, or the secret is not of its form. */
export function describedKeyId(secret: Secret, { keyId, secret: form }: DescribedScheme): string | undefined {
  if (keyId === undefined || secret.isHeldElsewhere) return undefined;
  return keyId.from === 'secret' ? keyIdIn(secret, form) : digestKeyId(keyBytes(secret, form), keyId.digits);
}

/** A nonce, or message id, that nobody has sent. @param hex gives 32 random hex digits */
export function freshNonce({ nonce }: Pick<DescribedScheme, 'nonce'>, hex: () => string): string {
  if (nonce === undefined) return hex();
  let digits = '';
  while (digits.length < nonce.digits) digits += hex();
  return nonceText(nonce, digits);
}

/** What a request says, before it is signed: the fields that the scheme adds to its body are in `fields`. */
function valuesOf(
  scheme: DescribedScheme,
  sent: Omit<RequestValues, 'body' | 'headers' | 'fields'>,
  text: string,
): RequestValues {
  const plain = { ...sent, body: Buffer.from(text), headers: {}, fields: {} };
  const added = scheme.fields.map((part) => [part.name, fieldValue(part, plain, '')] as const);
  const fields = { ...objectOf(text), ...Object.fromEntries(added) };
  const own = scheme.headers.map((part) => [part.name, sentText(part.template, plain, '')] as const);
  const headers = { 'content-type': 'application/json', accept: 'application/json', ...Object.fromEntries(own) };
  // The fields travel in the body, so that a digest over the body covers them.
  const body = scheme.fields.length === 0 ? plain.body : Buffer.from(JSON.stringify(fields));
  return { ...plain, body, headers, fields };
}

function signedInstead({ client, signedAs }: Call, { timestamp = 'milliseconds' }: DescribedScheme, now: number) {
  const { offsetMs, ...others } = { client, ...signedAs };
  return offsetMs === undefined ? others : { ...others, timestamp: timestampText(timestamp, now + offsetMs).text };
}

/** The first signature, made with the call's secret or as the call overrides or alters it, and those beside it. */
async function signatures(call: Call, scheme: DescribedScheme, values: RequestValues): Promise<readonly string[]> {
  const message = signedBytes(scheme.signs, values);
  const digestBy = async (secret: Secret): Promise<string> =>
    (await macInForm(secret, scheme.secret, scheme.hash, message)).toString(scheme.encoding);
  const digest =
    digestGiven(call, zeroDigest(scheme)) ?? (call.secret === undefined ? '' : await digestBy(call.secret));
  const also = await Promise.all((call.also ?? []).map(digestBy));
  return [call.alterSignature?.(digest) ?? digest, ...also];
}

function fieldValue(part: SentPart, values: RequestValues, signature: string): string | number {
  const text = closeGaps(sentText(part.template, values, signature));
  return part.number ? Number(text) : text;
}

function withFields(
  text: string,
  parts: readonly SentPart[],
  values: RequestValues,
  [signature = '']: readonly string[],
): string {
  if (parts.length === 0) return text;
  const added = parts.map((part) => [part.name, fieldValue(part, values, signature)] as const);
  return JSON.stringify({ ...objectOf(text), ...Object.fromEntries(added) });
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
