import type { ProbeSettings } from '../../fleet/fleet.ts';
import { type PlaceholderName, placeholdersIn } from '../../protocol/described/template.ts';
import type { Trial } from './trial.ts';

type Settings = Pick<ProbeSettings, 'gate' | 'scheme'>;

/** What each part of a request is called. */
const NAMES: Readonly<Partial<Record<PlaceholderName, string>>> = {
  client: 'client id',
  keyId: 'key id',
  bodyDigest: 'digest of the body',
};

/**
 * What is left out, a request for each: some signers verify only what is complete, and let pass what lacks a part. That a
 * gate gets no signature is tried in any case; a nonce and a time it may take to belong together.
 */
export function partsLeftOut({ gate, scheme }: Settings): readonly (readonly PlaceholderName[])[] {
  if (gate !== undefined) return [['timestamp'], ['nonce'], ['timestamp', 'nonce']];
  if (scheme === undefined) return [['client'], ['timestamp'], ['nonce'], ['signature']];
  const sent = [...scheme.headers, ...scheme.fields].flatMap(({ template }) => placeholdersIn(template));
  const names = [...new Set(sent.map(({ name }) => name))];
  // Without the only one nothing is left, which is tried as well.
  return names.length < 2 ? [] : names.map((name) => [name]);
}

/** Requests that lack a part, under a signature of the right form that no secret gives. */
export function leftOut(settings: Settings): readonly Trial[] {
  return partsLeftOut(settings).map((without) => {
    const lacking = `a request without a ${without.map((name) => NAMES[name] ?? name).join(' and a ')}`;
    if (without.includes('signature')) return { label: lacking, secret: undefined, malformed: true, without };
    return {
      label: `${lacking}, under a made-up signature,`,
      secret: undefined,
      garbage: true,
      malformed: true,
      without,
    };
  });
}
