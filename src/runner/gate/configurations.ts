import type { Secret } from '../../credential/secret.ts';
import type { GateChange, GateDriver, GateSettings } from '../../deploy/gate.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { isOn } from '../../protocol/gate-v1.ts';
import { acceptorIn, type Configurations, clientIn, type SettingEffect, type Snapshot } from '../configurations.ts';
import type { Pairs } from '../pair.ts';
import { type GateBefore, type GateTerms, revokedIn } from './terms.ts';

type Pair = Readonly<Record<RotatingGeneration, Secret>>;

/** Configurations of gates and signing services: one secret for all, each setting in a variable of its own (`gate-v1`). */
export function gateConfigurations(
  { fleet, driver }: { readonly fleet: Fleet; readonly driver: GateDriver },
  pairs: Pairs,
  terms: GateTerms,
): Configurations {
  const [pair] = pairs.values();
  if (pair === undefined) throw new RotctlError('INTERNAL', 'a rotation without secrets');
  const names = { of: (secret: Secret) => labelFor(secret, pair, terms) };
  const partyOf = ({ of }: SettingEffect, target: string) =>
    of === 'client' ? clientIn(fleet, target) : acceptorIn(fleet, target);
  const changeOf = (effect: SettingEffect, target: string, now: GateSettings): GateChange => {
    const before = terms.before[target];
    if (before === undefined) throw new RotctlError('INTERNAL', `nothing is known of ${target} before the rotation`);
    return effect.of === 'client'
      ? clientChange(effect, { pair, terms, before, now })
      : gateChange(effect, { pair, terms, before, now });
  };
  return {
    async write(effect, target) {
      const party = partyOf(effect, target);
      await driver.write(party, changeOf(effect, target, await driver.read(party)), names);
    },
    async holds(effect, target) {
      const now = await driver.read(partyOf(effect, target));
      return isSo(now, changeOf(effect, target, now));
    },
    async snapshot() {
      const state: Record<string, Snapshot> = {};
      for (const party of [...fleet.replicas, ...fleet.templates]) state[party.name] = shown(await driver.read(party));
      for (const client of fleet.clients) state[client.id] = shown(await driver.read(client));
      return state;
    },
    async purge(generation) {
      const parties = [...fleet.replicas, ...fleet.templates, ...fleet.clients];
      for (const party of parties) {
        const others = parties.filter((one) => one !== party);
        await driver.purge(party, pair[generation], others);
      }
    },
  };
}

/** What a change is made of. */
interface Basis {
  readonly pair: Pair;
  readonly terms: GateTerms;
  readonly before: GateBefore;
  readonly now: GateSettings;
}

function gateChange(effect: Extract<SettingEffect, { of: 'template' | 'replica' }>, basis: Basis): GateChange {
  const { pair, terms, before } = basis;
  const { accepts, strict, revokes } = effect.set;
  const restores = effect.restores ?? [];
  const [first, second] = accepts ?? [];
  return {
    ...(first === undefined
      ? {}
      : { secret: pair[first], prev: second === undefined ? without(before) : pair[second] }),
    ...idsChange(effect, basis, first, second),
    ...(strict === undefined ? {} : { strict: restores.includes('strict') ? before.strict : String(strict) }),
    ...(revokes === undefined
      ? {}
      : {
          revoked: revocation(
            before,
            revokes.map((one) => terms.keyIds[one]),
          ),
        }),
  };
}

function clientChange(effect: Extract<SettingEffect, { of: 'client' }>, basis: Basis): GateChange {
  const { pair, before } = basis;
  const { signs, dual } = effect.set;
  const other = signs === undefined ? undefined : otherThan(signs);
  const secrets =
    signs === undefined ? {} : { secret: pair[signs], prev: dual === true && other ? pair[other] : without(before) };
  return {
    ...secrets,
    ...idsChange(effect, basis, signs, dual === true ? other : undefined),
    ...(dual === undefined ? {} : { dual: dual ? 'true' : single(effect, before) }),
  };
}

/** One signature: as it was on the way back, where a switch that is on does nothing without a previous secret; else off. */
function single({ restores = [] }: SettingEffect, { dual }: GateBefore): string | null {
  return isOn(dual ?? undefined) && !restores.includes('keyIds') ? 'false' : dual;
}

/** Key ids of own, or as they were before; where an effect says nothing of them, those of own follow their secrets. */
function idsChange(
  effect: SettingEffect,
  { pair, terms, before, now }: Basis,
  first: RotatingGeneration | undefined,
  second: RotatingGeneration | undefined,
): Pick<Partial<GateChange>, 'keyId' | 'keyIdPrev'> {
  if (effect.restores?.includes('keyIds')) return { keyId: before.keyId, keyIdPrev: before.keyIdPrev };
  const { keyIds } = effect.set;
  if (keyIds === 'default') return { keyId: null, keyIdPrev: null };
  const own = keyIds === 'own' || Object.values(terms.keyIds).some((id) => id === now.keyId);
  if (!own) return {};
  const primary = first ?? generationOf(now.secret, pair);
  const previous = first === undefined ? generationOf(now.prev, pair) : second;
  return {
    ...(primary === undefined ? {} : { keyId: terms.keyIds[primary] }),
    keyIdPrev: previous === undefined ? null : terms.keyIds[previous],
  };
}

function revocation({ revoked }: GateBefore, ids: readonly string[]): string {
  return [...new Set([...revokedIn({ revoked: revoked ?? undefined }), ...ids])].join(',');
}

/** No previous secret: an empty variable where there was one, else none. */
function without({ prevIsEmpty }: GateBefore): '' | null {
  return prevIsEmpty ? '' : null;
}

function otherThan(generation: RotatingGeneration): RotatingGeneration {
  return generation === 'next' ? 'current' : 'next';
}

function generationOf(secret: Secret | undefined, pair: Pair): RotatingGeneration | undefined {
  if (secret === undefined) return undefined;
  return (['current', 'next'] as const).find((generation) => pair[generation].signsLike(secret));
}

/** Names the file of a secret, where secrets are in files; anything else than the two of the rotation has none. */
function labelFor(secret: Secret, pair: Pair, { keyIds }: GateTerms): string {
  const generation = generationOf(secret, pair);
  if (generation === undefined) throw new RotctlError('INTERNAL', 'a secret that is not of this rotation');
  // The name of a file holds less than a key id may.
  return keyIds[generation].replace(/[^A-Za-z0-9-]/g, '-');
}

/** Whether a change would change nothing. */
function isSo(now: GateSettings, change: GateChange): boolean {
  return (Object.keys(change) as (keyof GateChange)[]).every((name) => {
    const wanted = change[name];
    const is = now[name];
    if (wanted === undefined) return true;
    if (wanted === null) return is === undefined;
    if (name === 'prev' && wanted === '') return is === undefined;
    if (typeof wanted === 'string') return is === wanted;
    return typeof is === 'object' && is.signsLike(wanted);
  });
}

/** A configuration for the record: secrets by fingerprint, what is not set as nothing. */
export function shown(settings: GateSettings): Snapshot {
  return Object.fromEntries(
    (Object.keys(settings) as (keyof GateSettings)[]).map((name) => {
      const value = settings[name];
      if (value === undefined) return [name, []];
      return [name, [typeof value === 'object' ? value.fingerprint : String(value)]];
    }),
  );
}
