import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet, Pin } from '../fleet/fleet.ts';
import type { Entry, LedgerValue } from '../ledger/entry.ts';

/** How a replica differs from where it was. */
export interface PinChange {
  readonly replica: string;
  /** In words that follow the name. */
  readonly how: string;
  readonly kind: 'new' | 'missing' | 'moved';
}

/** What has changed between two looks at which replicas there are, and where. A name that does not resolve is told as missing. */
export function pinChanges(then: readonly Pin[], now: readonly Pin[]): readonly PinChange[] {
  const before = new Map(then.map((pin) => [pin.name, pin]));
  const after = new Map(now.map((pin) => [pin.name, pin]));
  const added = now
    .filter(({ name }) => !before.has(name))
    .map((pin) => ({ replica: pin.name, kind: 'new' as const, how: `is new, at ${placeOf(pin)}` }));
  const others = then.flatMap((pin): PinChange[] => {
    const present = after.get(pin.name);
    if (present === undefined)
      return [{ replica: pin.name, kind: 'missing', how: `is missing, it was at ${placeOf(pin)}` }];
    if (present.address === undefined && pin.address !== undefined) {
      return [
        {
          replica: pin.name,
          kind: 'missing',
          how: `was at ${placeOf(pin)}, and ${present.reason ?? 'is nowhere now'}`,
        },
      ];
    }
    if (present.url === pin.url && present.address === pin.address) return [];
    return [{ replica: pin.name, kind: 'moved', how: `was at ${placeOf(pin)}, and is at ${placeOf(present)} now` }];
  });
  return [...added, ...others];
}

/** Changes in one line. */
export function sayPinChanges(changes: readonly PinChange[]): string {
  return changes.map(({ replica, how }) => `${replica} ${how}`).join('; ');
}

function placeOf({ url, address }: Pin): string {
  return address === undefined || url.includes(address) ? url : `${url} (${address})`;
}

/** Pins as the ledger and a plan keep them. */
export function pinsRecord(pins: readonly Pin[]): LedgerValue[] {
  return pins.map(({ name, url, address, reason }) => ({
    name,
    url,
    address: address ?? null,
    ...(reason === undefined ? {} : { reason }),
  }));
}

/** The pins that an entry or a plan holds; `undefined` where it was written without. */
export function pinsIn(value: LedgerValue | undefined): readonly Pin[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((one) => {
    const { name, url, address } = one as { readonly [key: string]: LedgerValue };
    return { name: String(name), url: String(url), address: typeof address === 'string' ? address : undefined };
  });
}

/** The certificates by which replicas are known: those of the header, and those that were noticed to be others since. */
export function certificatesIn(own: readonly Entry[]): Readonly<Record<string, string>> {
  const known: Record<string, string> = {};
  for (const { kind, data } of own) {
    const { certificates } = data;
    if ((kind === 'header' || (kind === 'evidence' && data.proof === 'identity')) && isRecord(certificates)) {
      for (const [name, value] of Object.entries(certificates)) if (typeof value === 'string') known[name] = value;
    }
  }
  return known;
}

function isRecord(value: LedgerValue | undefined): value is { readonly [key: string]: LedgerValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The replicas of a rotation that somebody has answered for as drained and destroyed: `confirmation` entries with
 * `replica`, `gone: true` and `by`, who said so. All others count, whatever the fleet file says now.
 *
 * @param own the rotation's entries
 */
export function goneIn(own: readonly Entry[]): ReadonlyMap<string, string> {
  const words = own.filter(({ kind, data }) => kind === 'confirmation' && data.gone === true);
  return new Map(
    words.map(({ data }) => [
      String(data.replica),
      `gone, by the word of ${String(data.by ?? data.owner ?? 'somebody')}`,
    ]),
  );
}

/**
 * Whether the replicas of a rotation are those that it began with, where they were. Those that are gone by a recorded word
 * are not asked for.
 *
 * @param history `pins` where they were when it began
 * @throws RotctlError `FLEET_CHANGED`, naming each replica that differs
 */
export function requireSameReplicas(
  { pins, gone }: { readonly pins: readonly Pin[] | undefined; readonly gone: ReadonlyMap<string, string> },
  fleet: Pick<Fleet, 'pins'>,
): void {
  if (pins === undefined || fleet.pins.length === 0) return;
  const changes = pinChanges(
    pins.filter(({ name }) => !gone.has(name)),
    fleet.pins.filter(({ name }) => !gone.has(name)),
  );
  if (changes.length === 0) return;
  throw new RotctlError('FLEET_CHANGED', `since the rotation began: ${sayPinChanges(changes)}`, {
    hint: hintFor(changes),
  });
}

/** What to do about the first change of each kind. */
export function hintFor(changes: readonly PinChange[]): string {
  const missing = changes.find(({ kind }) => kind === 'missing')?.replica ?? '';
  const has = (kind: PinChange['kind']) => changes.some((change) => change.kind === kind);
  const hints = [
    ...(has('new') ? ['take the new replica out of service until the rotation is over: it was never proven'] : []),
    ...(has('missing')
      ? [
          `put ${missing} back, or where it is drained and destroyed: rotctl confirm --replica ${missing} --gone --by NAME`,
        ]
      : []),
    ...(has('moved') ? ['let the name lead to where it did; an instance at another address was never proven'] : []),
  ];
  return hints.join('; ');
}
