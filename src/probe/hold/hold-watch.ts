import type { Outcome } from '../../protocol/outcome.ts';
import type { Hazard } from '../hazards.ts';
import type { Target, Tools } from '../round.ts';
import { explainDrift, explainLoss, type HoldEvent, type LossCause, sayLeak } from './explain-loss.ts';
import { type Asked, type Held, HeldNonces, type HoldSigner } from './held-nonces.ts';
import { type StoreEvent, type StoreMark, storeEvents } from './store-mark.ts';

/** How a replica answers for nonces that were burned. */
export type HoldState = 'holds' | 'leaks' | 'closed' | 'unknown';

/** Something that changed, at one moment. */
export interface HoldChange {
  /** Unix milliseconds. */
  readonly at: number;
  readonly kind: HoldState | 'store' | 'replica-added' | 'replica-gone';
  /** None for the store. */
  readonly replicas: readonly string[];
  readonly hazards: readonly Hazard[];
  readonly what: string;
}

/** What one replica was seen to do. */
export interface HoldRecord {
  readonly replica: string;
  state: HoldState | undefined;
  /** Burned nonces that it refused, of another replica or of an earlier look. */
  held: number;
  asked: number;
  lost: number;
  /** The first leak, in words. */
  leak: string | undefined;
  leakHazards: readonly Hazard[];
  reason: string;
  /** What it was asked at the last look that asked it. */
  last: readonly Asked[];
  /** Monotonic milliseconds of the last clear answer, and the longest time without one. */
  clearAt: number;
  longestGapMs: number;
}

/** What a watch works with. */
export interface HoldParts {
  readonly tools: Tools;
  readonly lifeMs: number;
  /** The replicas that there are now. */
  readonly replicas: () => Promise<readonly Target[]>;
  readonly signers: () => readonly HoldSigner[];
  /** Reads the secrets anew: one was refused. */
  readonly refresh: () => Promise<void>;
  /** The mark of the store; `undefined` where it may not be looked into. */
  readonly mark: (() => Promise<StoreMark>) | undefined;
  /** What the operator says is going on. */
  readonly during?: HoldEvent | undefined;
  /** Nonces, and the mark of the store, of an earlier run. */
  readonly before?: { readonly held: readonly Held[]; readonly mark: StoreMark | undefined };
}

/** A nonce that will be over so soon, in milliseconds, is not asked for: the answer would come too late to prove anything. */
const MARGIN_MS = 1000;
/** Older nonces that a replica is asked for at a look, and at a thorough one. */
const ASKS = { brief: 1, thorough: 4 } as const;

/**
 * Burns nonces and tries them again, look by look: at each one nonce is burned, at one replica after the other, and every
 * replica is asked for it and for older ones that still live. What changed is returned, with what it most likely was.
 */
export class HoldWatch {
  readonly #parts: HoldParts;
  readonly #nonces: HeldNonces;
  readonly #records = new Map<string, HoldRecord>();
  #looks = 0;
  #mark: StoreMark | undefined;
  /** Store events since the replicas last all held. */
  #recent: StoreEvent[] = [];
  /** Nonces were lost before, and nothing was seen that could have lost them. */
  #lostBefore = false;
  /** A secret was refused at the last look. */
  #doubtful = false;

  constructor(parts: HoldParts) {
    this.#parts = parts;
    this.#nonces = new HeldNonces(parts.tools, parts.lifeMs, parts.before?.held ?? []);
    this.#mark = parts.before?.mark;
  }

  /** What every replica was seen to do so far. */
  get records(): readonly HoldRecord[] {
    return [...this.#records.values()];
  }

  get looks(): number {
    return this.#looks;
  }

  /** Nonces that live for so much longer, in milliseconds. */
  alive(forMs: number): readonly Held[] {
    return this.#nonces.alive(forMs);
  }

  get mark(): StoreMark | undefined {
    return this.#mark;
  }

  /** The mark of the store as it is now; `undefined` where it may not be looked into. */
  async markNow(): Promise<StoreMark | undefined> {
    return this.#parts.mark?.();
  }

  /** Takes one look. @param thorough asks for more of the older nonces */
  async look(thorough = false): Promise<readonly HoldChange[]> {
    const replicas = await this.#parts.replicas();
    const changes = this.#comings(replicas);
    if (this.#mark === undefined) this.#mark = await this.#parts.mark?.();
    const begun = this.#parts.tools.clock.now();
    const older = this.#nonces.alive(Math.min(MARGIN_MS, this.#parts.lifeMs / 10));
    const burning = await this.#burnSomewhere(replicas);
    const seen = await Promise.all(
      replicas.map((replica, index) => this.#askReplica(replica, index, { ...burning, older, thorough })),
    );
    this.#doubtful = seen.some(({ own, asked }) => asked.some(({ said }) => said === 'secret') || isOfSecret(own));
    if (this.#doubtful) await this.#parts.refresh();
    const events = await this.#storeEvents();
    this.#looks += 1;
    const leaks = await this.#leaks({ seen, fresh: burning.fresh, replicas, events, begun });
    changes.push(...leaks.flatMap((leak) => this.#noteLeak(leak)));
    changes.push(...this.#noteStates(seen, leaks));
    // What is told as the cause of a leak is not told once more.
    for (const { what, hazard } of events ?? []) {
      if (leaks.some(({ cause }) => cause.what.includes(what))) continue;
      changes.push({
        at: this.#now(),
        kind: 'store',
        replicas: [],
        hazards: hazard === undefined ? [] : [hazard],
        what,
      });
    }
    if (this.records.every(({ state }) => state === 'holds')) this.#recent = [];
    return changes;
  }

  #now(): number {
    return this.#parts.tools.clock.now();
  }

  #comings(replicas: readonly Target[]): HoldChange[] {
    const at = this.#parts.tools.clock.now();
    const changes: HoldChange[] = [];
    const names = replicas.map(({ name }) => name);
    const first = this.#records.size === 0;
    for (const name of names.filter((one) => !this.#records.has(one))) {
      this.#records.set(name, newRecord(name, this.#parts.tools.clock.monotonic()));
      if (!first)
        changes.push({ at, kind: 'replica-added', replicas: [name], hazards: [], what: 'a replica was added' });
    }
    for (const name of [...this.#records.keys()].filter((one) => !names.includes(one))) {
      this.#records.delete(name);
      changes.push({ at, kind: 'replica-gone', replicas: [name], hazards: [], what: 'a replica is gone' });
    }
    return changes;
  }

  #signer(): HoldSigner | undefined {
    const signers = this.#parts.signers();
    return signers[this.#looks % Math.max(1, signers.length)];
  }

  /** At the replica whose turn it is, or else the next one that takes it. */
  async #burnSomewhere(replicas: readonly Target[]): Promise<Burning> {
    const tried = new Map<string, Outcome>();
    const signer = this.#signer();
    if (signer === undefined) return { fresh: undefined, tried };
    for (let n = 0; n < replicas.length; n += 1) {
      const replica = replicas[(this.#looks + n) % replicas.length];
      if (replica === undefined) break;
      const { held, outcome } = await this.#nonces.burn(replica, signer, this.#doubtful);
      tried.set(replica.name, outcome);
      if (held !== undefined) return { fresh: held, tried };
    }
    return { fresh: undefined, tried };
  }

  async #askReplica(replica: Target, index: number, { fresh, older, tried, thorough }: Asking): Promise<Seen> {
    const before = this.#records.get(replica.name)?.state;
    let own = tried.get(replica.name);
    // Nonces are few: one that takes no request is not asked for them.
    if (own === undefined && (fresh === undefined || (before !== 'holds' && before !== undefined))) {
      const signer = this.#signer();
      if (signer !== undefined) own = (await this.#nonces.burn(replica, signer, this.#doubtful)).outcome;
    }
    if (own !== undefined && own.code !== 'ACCEPTED') return { replica: replica.name, own, asked: [] };
    const count = thorough ? ASKS.thorough : ASKS.brief;
    const turned = older.map((_, n) => older[(index + n) % older.length]).filter((held) => held !== undefined);
    const wanted = [...(fresh === undefined ? [] : [fresh]), ...turned.slice(0, count)];
    const asked: Asked[] = [];
    for (const held of wanted) {
      if (held === fresh && held.replica === replica.name && this.#records.size > 1) continue;
      const secret = this.#parts.signers().find(({ client }) => client === held.client)?.secret;
      if (secret !== undefined) asked.push(await this.#nonces.ask(replica, held, secret));
      if (asked.at(-1)?.said === 'unknown' || asked.at(-1)?.said === 'closed') break;
    }
    return { replica: replica.name, own, asked };
  }

  async #storeEvents(): Promise<readonly StoreEvent[] | undefined> {
    const now = await this.#parts.mark?.();
    if (now === undefined) return undefined;
    const events = this.#mark === undefined ? [] : storeEvents(this.#mark, now);
    this.#recent.push(...events);
    // What was known before an outage is what there is to compare with after it.
    if (this.#mark === undefined || 'reason' in this.#mark || !('reason' in now)) this.#mark = now;
    return events;
  }

  /** What leaked at a look, each cause once. */
  async #leaks({ seen, fresh, replicas, events, begun }: LookSeen): Promise<readonly Leak[]> {
    const { during } = this.#parts;
    const lost = seen.flatMap(({ asked }) => asked.filter(({ said }) => said === 'lost'));
    if (lost.length === 0) return [];
    const drifted = await this.#drifted(fresh, lost, replicas);
    const leaks: Leak[] = [];
    const isOfDrift = ({ replica, held }: Asked) => drifted.includes(replica) || drifted.includes(held.replica);
    if (drifted.length > 0) {
      this.#nonces.forget(({ replica }) => drifted.includes(replica));
      const own = lost.filter(isOfDrift);
      leaks.push({ replicas: drifted, lost: own, cause: explainDrift(drifted, during) });
    }
    const rest = lost.filter((one) => !isOfDrift(one));
    if (rest.length === 0) return leaks;
    const held = seen.flatMap(({ asked }) => asked.filter(({ said }) => said === 'held'));
    const known = events === undefined ? undefined : this.#recent;
    const older = held.filter((one) => one.held.nonce !== fresh?.nonce);
    const cause = explainLoss({ lost: rest, held: older, events: known, again: this.#lostBefore, during });
    if (!known?.some(({ hazard }) => hazard !== undefined)) this.#lostBefore = true;
    // The others of that age are lost as well, or said to be.
    this.#nonces.forget(({ burnedAt }) => burnedAt < begun);
    leaks.push({ replicas: [...new Set(rest.map(({ replica }) => replica))], lost: rest, cause });
    return leaks;
  }

  /**
   * The replicas that do not share the others' store, where one took a nonce that another had taken just now: which of the
   * two it is, a third one tells.
   */
  async #drifted(fresh: Held | undefined, lost: readonly Asked[], replicas: readonly Target[]): Promise<string[]> {
    const takers = lost.filter(({ held }) => held.nonce === fresh?.nonce).map(({ replica }) => replica);
    if (fresh === undefined || takers.length === 0) return [];
    // One replica alone: it forgets at once what it took itself.
    if (takers.includes(fresh.replica)) return [fresh.replica];
    const drifted = new Set<string>();
    const anchor = replicas.find(({ name }) => name === fresh.replica);
    for (const taker of replicas.filter(({ name }) => takers.includes(name))) {
      const third = replicas.find(({ name }) => name !== taker.name && name !== fresh.replica);
      // Each is asked twice: the store itself may have lost the first one between the two.
      if (third === undefined) {
        if ((await this.#shares(anchor, taker)) === false) return [fresh.replica, taker.name];
      } else if ((await this.#shares(third, taker)) === false) drifted.add(taker.name);
      else if ((await this.#shares(anchor, third)) === false) drifted.add(fresh.replica);
    }
    return [...drifted];
  }

  /** Whether one replica refuses what another takes now; `undefined` where that cannot be told. */
  async #shares(taking: Target | undefined, asked: Target): Promise<boolean | undefined> {
    const signer = this.#signer();
    if (taking === undefined || signer === undefined) return undefined;
    const { held } = await this.#nonces.burn(taking, signer);
    if (held === undefined) return undefined;
    const { said } = await this.#nonces.ask(asked, held, signer.secret);
    return said === 'held' ? true : said === 'lost' ? false : undefined;
  }

  #noteLeak({ replicas, lost, cause }: Leak): HoldChange[] {
    const what = sayLeak(lost, cause);
    const news = replicas.some((name) => this.#records.get(name)?.state !== 'leaks');
    for (const name of replicas) {
      const record = this.#records.get(name);
      if (record === undefined) continue;
      record.lost += Math.max(1, lost.filter(({ replica }) => replica === name).length);
      record.leak ??= what;
      if (record.leakHazards.length === 0) record.leakHazards = cause.hazards;
      record.state = 'leaks';
      record.reason = what;
    }
    return news ? [{ at: this.#now(), kind: 'leaks', replicas, hazards: cause.hazards, what }] : [];
  }

  /** The states of those that did not leak; changes that are the same of several replicas are one. */
  #noteStates(seen: readonly Seen[], leaks: readonly Leak[]): HoldChange[] {
    const changes = new Map<string, HoldChange>();
    const monotonic = this.#parts.tools.clock.monotonic();
    for (const { replica, own, asked } of seen) {
      const record = this.#records.get(replica);
      if (record === undefined) continue;
      record.asked += asked.length;
      record.last = asked;
      record.held += asked.filter(({ said }) => said === 'held').length;
      if (asked.some(({ said }) => said === 'held' || said === 'lost')) record.clearAt = monotonic;
      else record.longestGapMs = Math.max(record.longestGapMs, monotonic - record.clearAt);
      if (leaks.some(({ replicas }) => replicas.includes(replica))) continue;
      const was = record.state;
      const { state, reason } = stateOf(own, asked);
      if (state === undefined) continue;
      // That its own nonces are refused where it burned them is no sign that a replica shares a store again.
      if (
        was === 'leaks' &&
        state === 'holds' &&
        asked.every(({ held }) => held.replica === replica) &&
        seen.length > 1
      )
        continue;
      record.state = state;
      record.reason = reason;
      if (was === state || (was === undefined && state === 'holds')) continue;
      const key = `${state} ${reason}`;
      const before = changes.get(key)?.replicas ?? [];
      changes.set(key, { at: this.#now(), kind: state, replicas: [...before, replica], hazards: [], what: reason });
    }
    return [...changes.values()];
  }
}

/** What one look has seen. */
interface LookSeen {
  readonly seen: readonly Seen[];
  readonly fresh: Held | undefined;
  readonly replicas: readonly Target[];
  readonly events: readonly StoreEvent[] | undefined;
  /** Unix milliseconds at which it began. */
  readonly begun: number;
}

/** Nonces that were accepted once more, at whose fault, and why. */
interface Leak {
  readonly replicas: readonly string[];
  readonly lost: readonly Asked[];
  readonly cause: LossCause;
}

interface Burning {
  readonly fresh: Held | undefined;
  /** What replicas answered to a fresh request at this look. */
  readonly tried: ReadonlyMap<string, Outcome>;
}

interface Asking extends Burning {
  readonly older: readonly Held[];
  readonly thorough: boolean;
}

interface Seen {
  readonly replica: string;
  readonly own: Outcome | undefined;
  readonly asked: readonly Asked[];
}

function isOfSecret(outcome: Outcome | undefined): boolean {
  return outcome?.code === 'AUTH_INVALID_HMAC' || outcome?.code === 'AUTH_INVALID_CLIENT';
}

function newRecord(replica: string, now: number): HoldRecord {
  return {
    ...{ replica, state: undefined, held: 0, asked: 0, lost: 0, leak: undefined, leakHazards: [] },
    ...{ reason: 'it was not asked', last: [], clearAt: now, longestGapMs: 0 },
  };
}

/** The state that answers show; `undefined` where there was nothing to ask for, so that it is as before. */
function stateOf(
  own: Outcome | undefined,
  asked: readonly Asked[],
): { readonly state: HoldState | undefined; readonly reason: string } {
  const outcomes = [
    ...(own === undefined || own.code === 'ACCEPTED' ? [] : [own]),
    ...asked.map(({ outcome }) => outcome),
  ];
  const closed = outcomes.find(({ code }) => code === 'STORE_FAILED');
  if (closed !== undefined)
    return { state: 'closed', reason: `refuses, because its replay store cannot be asked: ${closed.reason}` };
  const bad =
    asked.find(({ said }) => said === 'unknown' || said === 'secret')?.outcome ??
    outcomes.find(({ code }) => code !== 'REPLAY_NONCE_USED' && code !== 'ACCEPTED');
  if (bad !== undefined) return { state: 'unknown', reason: `cannot be told: ${bad.reason}` };
  if (asked.some(({ said }) => said === 'held')) return { state: 'holds', reason: 'burned nonces are refused' };
  return { state: undefined, reason: '' };
}
