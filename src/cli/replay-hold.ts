import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet, Replica } from '../fleet/fleet.ts';
import type { StoreSource } from '../fleet/store.ts';
import type { Finding } from '../probe/finding.ts';
import { HoldDomains } from '../probe/hold/hold-domains.ts';
import { type HoldParts, type HoldRecord, HoldWatch } from '../probe/hold/hold-watch.ts';
import { readStoreMark, type StoreMark } from '../probe/hold/store-mark.ts';
import { mostOf } from '../probe/lockout.ts';
import { loadFleet } from './load.ts';
import type { Look } from './look.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import { storeView } from './store.ts';

/** A nonce is asked for at so many looks, at least, before its life ends. */
const LOOKS_IN_A_LIFE = 3;

/** What is known of an earlier run, or of what is going on. */
export type HoldBeginning = Pick<HoldParts, 'during' | 'before'>;

/** What watches of a fleet have in common, whatever command they are for. */
type Common = Omit<HoldParts, 'mark' | 'replicas'> & { readonly replicas: () => Promise<readonly Replica[]> };

/**
 * Makes the watches of a fleet that is looked at: the fleet file is read anew at each look, so that replicas that come and
 * go are seen, and the secrets whenever one is refused.
 *
 * @throws RotctlError `PRECONDITION_FAILED` for a service that does not remember nonces by declaration
 */
export function openHold(
  platform: Platform,
  flags: GlobalFlags,
  look: Look,
  beginning: HoldBeginning = {},
): HoldDomains {
  const { fleet, context, unusable } = look;
  if (unusable !== undefined) throw unusable;
  requireSingleUse(fleet);
  let { clients } = context;
  let { replicas } = fleet;
  return watchDomains(platform, fleet, {
    tools: context,
    lifeMs: fleet.replay.nonceTtlMs,
    async replicas() {
      try {
        ({ replicas } = await loadFleet(platform, flags));
      } catch (error) {
        // A fleet file that is being edited, or a name server that is silent, is no replica that went.
        if (!(error instanceof RotctlError)) throw error;
      }
      return replicas;
    },
    signers: () =>
      clients.flatMap(({ id, accepted: [first] }) =>
        first === undefined ? [] : [{ client: id, secret: first.secret }],
      ),
    async refresh() {
      try {
        clients = await look.readClients();
      } catch (error) {
        if (!(error instanceof RotctlError)) throw error;
      }
    },
    ...beginning,
  });
}

/** One watch for each replay store of a fleet. A replica that the fleet file's groups do not have yet is of the first. */
export function watchDomains(platform: Platform, fleet: Fleet, common: Common): HoldDomains {
  const { domains, store } = fleet;
  if (domains.length === 0) return new HoldDomains([new HoldWatch({ ...common, mark: markOf(platform, store) })]);
  const all = domains.flatMap(({ replicas }) => replicas);
  return new HoldDomains(
    domains.map((domain, index) => {
      const isOurs = (name: string) => domain.replicas.includes(name) || (index === 0 && !all.includes(name));
      const replicas = async () => (await common.replicas()).filter(({ name }) => isOurs(name));
      const held = common.before?.held.filter(({ replica }) => isOurs(replica)) ?? [];
      const before = common.before === undefined ? {} : { before: { held, mark: undefined } };
      return new HoldWatch({ ...common, ...before, replicas, mark: markOf(platform, domain.store) });
    }),
  );
}

/** Takes the mark of a store over connections of its own, so that one that was restarted is seen anew. */
function markOf(platform: Platform, store: StoreSource | undefined): (() => Promise<StoreMark>) | undefined {
  if (store === undefined) return undefined;
  return async () => {
    const view = await storeView(platform, { store });
    if (view === undefined) return { reason: 'no store is declared' };
    try {
      return await readStoreMark(view, platform.clock);
    } finally {
      await view.close();
    }
  };
}

/** @throws RotctlError `PRECONDITION_FAILED` */
export function requireSingleUse({ probe, name }: Pick<Fleet, 'probe' | 'name'>): void {
  if (probe.scheme?.singleUse !== false) return;
  throw new RotctlError(
    'PRECONDITION_FAILED',
    `${name} says scheme.singleUse: false: its service remembers no nonce, so there is none that could be lost`,
    { hint: 'let the service refuse a second request with the same {nonce} or {id}, and take that line out' },
  );
}

/** How far apart looks are, in milliseconds, and why not as was wished, where that is so. */
export function periodOf(fleet: Fleet, everyMs: number): { readonly ms: number; readonly why: string | undefined } {
  const { replicas, clients, lockout, replay } = fleet;
  const lifeMs = Math.floor(replay.nonceTtlMs / LOOKS_IN_A_LIFE);
  if (typeof lockout === 'object') {
    const refused = lockout.per === 'replica' ? 2 : 2 * replicas.length;
    const sharers = lockout.per === 'client' ? clients.length : 1;
    const ms = Math.ceil((refused * lockout.windowMs) / (mostOf(lockout) * sharers));
    if (ms > Math.min(everyMs, lifeMs))
      return { ms, why: `each look has ${refused} refusals, and they stay below ${lockout.refusals} (lockout)` };
  }
  if (lifeMs < everyMs) return { ms: lifeMs, why: 'a nonce is to be tried again within its life' };
  return { ms: everyMs, why: undefined };
}

/** The id of what a watch proves, in findings and in the ledger. */
const HOLDS = 'replay.holds';

/** What a watch came to on one replica; a pass needs a nonce that was refused, and nothing that was lost or unclear. */
export function holdFinding(record: HoldRecord, ms: number, doubt?: string): Finding {
  const { replica, held, asked, lost, leak, leakHazards, state, reason } = record;
  const base = {
    ...{ id: HOLDS, critical: true, target: replica, expected: 'every burned nonce refused within its life' },
    ...{ seen: `${held} of ${asked} refused, ${lost} accepted`, samples: asked, ms },
  };
  if (leak !== undefined) return { ...base, verdict: 'fail', reason: leak, hazards: leakHazards };
  if (state !== 'holds') return { ...base, verdict: 'unknown', reason: reason };
  if (held === 0 || doubt !== undefined)
    return { ...base, verdict: 'unknown', reason: doubt ?? 'no burned nonce was tried here' };
  return { ...base, verdict: 'pass' };
}
