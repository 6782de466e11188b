import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { SeenUsage } from '../fleet/evidence.ts';
import type { DescribedScheme, Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import { describedKeyId } from '../probe/described-call.ts';
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
  /** Present where evidence shows certificates in place of secrets: how it names each client's two. */
  readonly certificateNames?: ReadonlyMap<string, Names> | undefined;
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

/** How a source makes a fingerprint of a secret; `undefined` where it shows key ids. */
export function fingerprintKindOf(source: SeenUsage): FingerprintKind | undefined {
  const { fingerprint = 'key-id' } = source;
  return fingerprint === 'key-id' ? undefined : fingerprint;
}

/** How a source names the two secrets of each client, or why they cannot be named. */
export function namesOf(
  parts: NamingParts,
  source: SeenUsage,
  clients: readonly string[],
): ReadonlyMap<string, Names> | string {
  if (parts.certificateNames !== undefined) return parts.certificateNames;
  const rotated = [...parts.pairs].filter(([id]) => clients.includes(id));
  const kind = fingerprintKindOf(source);
  if (kind === undefined) {
    const { scheme } = parts.fleet.probe;
    if (scheme !== undefined) return describedNames(rotated, scheme);
    const keyIds = keyIdsOf(parts, source);
    if (typeof keyIds === 'string') return keyIds;
    const shared = { current: byKeyId(keyIds.current), next: byKeyId(keyIds.next) };
    return new Map(rotated.map(([id]) => [id, shared]));
  }
  const names = new Map<string, Names>();
  for (const [id, pair] of rotated) {
    const named = fingerprintsOf(pair, kind);
    if (typeof named === 'string') return `${id}: ${named}`;
    names.set(id, named);
  }
  return names;
}

/** The key ids that a source is read by, or why it cannot be. */
export function keyIdsOf({ keyIds }: NamingParts, source: SeenUsage): KeyIdNames | string {
  if (fingerprintKindOf(source) !== undefined) return NOT_BY_KEY_ID;
  if (keyIds === undefined || keyIds.current.length === 0 || keyIds.next.length === 0) return NO_KEY_IDS;
  return keyIds;
}

/** Of a described scheme each secret has a key id of its own, which is made from it or stands in its text. */
function describedNames(
  pairs: readonly (readonly [id: string, pair: Pair])[],
  scheme: DescribedScheme,
): ReadonlyMap<string, Names> | string {
  const names = new Map<string, Names>();
  for (const [id, pair] of pairs) {
    const [current, next] = [describedKeyId(pair.current, scheme), describedKeyId(pair.next, scheme)];
    if (current === undefined || next === undefined) return `${id}: ${NO_KEY_IDS}`;
    names.set(id, { current: byKeyId([current]), next: byKeyId([next]) });
  }
  return names;
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
