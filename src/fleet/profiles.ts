import type { SourceDocument } from '../document/source-document.ts';

/** The profiles that a fleet file may extend, by name: what fleets of a kind have in common, as a fleet file would say it. */
export const PROFILES = {
  'keyring-v1': {
    protocol: 'keyring-v1',
    replay: { maxAge: '60s', nonceTtl: '130s', clockError: '1s', storeTimeout: '5s' },
    probe: { method: 'POST', path: '/v1/sign/session-transaction', body: '{"probe":true}' },
  },
  'gate-v1': {
    protocol: 'gate-v1',
    replay: { maxAge: '60s', nonceTtl: '130s', clockError: '1s', storeTimeout: '5s' },
    probe: {
      method: 'POST',
      path: '/gate/request',
      tool: 'rotctl.noop',
      session: 'rotctl-probe',
      actor: 'rotctl',
      conviction: 0,
    },
    usage: { from: 'ledger', path: '/ledger', entries: '/entries', at: '/at', client: '/actor_did', keyId: '/key_id' },
    logs: { refused: 'invalid request signature', own: 'rotctl/' },
  },
} as const;

/** Names of the profiles. */
export const PROFILE_NAMES = Object.keys(PROFILES) as [ProfileName, ...ProfileName[]];

/** The name of a profile. */
export type ProfileName = keyof typeof PROFILES;

/**
 * A fleet file with what the profile that it extends says wherever it says nothing itself: mappings are joined key by key,
 * and everything else is the file's own. `null` takes a mapping or value of the profile away. A file that extends nothing,
 * or something unknown, comes back as it is.
 */
export function withProfile(document: SourceDocument): SourceDocument {
  const { value } = document;
  if (!isMapping(value)) return document;
  const profile = new Map<unknown, object>(Object.entries(PROFILES)).get(value.extends);
  return profile === undefined ? document : document.withValue(joined(profile, value));
}

type Mapping = Readonly<Record<string, unknown>>;

function joined(base: object, over: Mapping): Mapping {
  const result: Record<string, unknown> = { ...base, ...over };
  for (const [key, value] of Object.entries(over)) {
    const inherited: unknown = Object.hasOwn(base, key) ? Reflect.get(base, key) : undefined;
    if (isMapping(inherited) && isMapping(value)) result[key] = joined(inherited, value);
    if (value === null && inherited !== undefined) delete result[key];
  }
  return result;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
