import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import { type FingerprintKind, usageFingerprint } from '../watch/usage-fingerprint.ts';
import type { UsageNames } from '../watch/usage-names.ts';
import type { Pair, Pairs } from './pair.ts';

/** What it takes to know a secret in usage evidence. */
export interface NamingParts {
  readonly fleet: Fleet;
  readonly pairs: Pairs;
  /**
   * The key ids of each generation, the rotation's own id first, then the labels that it had before. All clients share
   * them. Needed where the fleet's evidence names secrets by key id.
   */
  readonly keyIds?: KeyIdNames | undefined;
}

/** Key ids by generation, each generation's own id first. */
export type KeyIdNames = Readonly<Record<RotatingGeneration, readonly string[]>>;

/** Why there is no usage evidence, where the fleet file says nothing of it. */
export const UNDECLARED =
  'the fleet file declares no usage source, so nobody can tell which secret a client signs with';
const NO_KEY_IDS = 'the key ids of the two generations are not known';
const NOT_BY_KEY_ID = "the fleet's usage source does not show key ids";

/** How the fleet's evidence names a client's two secrets. */
export type Names = Readonly<Record<RotatingGeneration, UsageNames>>;

/** Of a client without a pair, every name is foreign. */
export const NAMELESS: Names = { current: { by: 'fingerprint', texts: [] }, next: { by: 'fingerprint', texts: [] } };

/** How the fleet's pages name the two secrets of each client, or why they cannot be named. */
export function namesOf(parts: NamingParts, clients: readonly string[]): ReadonlyMap<string, Names> | string {
  const { fleet, pairs } = parts;
  const { usage } = fleet;
  if (usage === undefined) return UNDECLARED;
  const rotated = [...pairs].filter(([id]) => clients.includes(id));
  if (usage.from === 'ledger' || usage.fingerprint === 'key-id') {
    const keyIds = keyIdsOf(parts);
    if (typeof keyIds === 'string') return keyIds;
    const shared = { current: byKeyId(keyIds.current), next: byKeyId(keyIds.next) };
    return new Map(rotated.map(([id]) => [id, shared]));
  }
  const names = new Map<string, Names>();
  for (const [id, pair] of rotated) {
    const named = fingerprintsOf(pair, usage.fingerprint);
    if (typeof named === 'string') return `${id}: ${named}`;
    names.set(id, named);
  }
  return names;
}

/** The key ids that the evidence is read by, or why it cannot be. */
export function keyIdsOf({ fleet: { usage }, keyIds }: NamingParts): KeyIdNames | string {
  if (usage === undefined) return UNDECLARED;
  if (usage.from === 'metrics' && usage.fingerprint !== 'key-id') return NOT_BY_KEY_ID;
  if (keyIds === undefined || keyIds.current.length === 0 || keyIds.next.length === 0) return NO_KEY_IDS;
  return keyIds;
}

function byKeyId(texts: readonly string[]): UsageNames {
  return { by: 'key-id', texts };
}

function fingerprintsOf(pair: Pair, kind: FingerprintKind): Names | string {
  const named = (secret: Secret): UsageNames => ({ by: 'fingerprint', texts: [usageFingerprint(secret, kind)] });
  try {
    return { current: named(pair.current), next: named(pair.next) };
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'SECRET_REFUSED') return error.message;
    throw error;
  }
}
