import type { FaultName } from '../faults.ts';
import { crashWhenChanged, type Memory } from '../replica/memory.ts';
import type { GateRules } from './config.ts';
import { DEFAULT_PREVIOUS_KEY_ID, type Key, keysOf } from './material.ts';

/** The keys that a gate verifies by at one moment, as its faults have bent them. */
export interface AcceptedKeys {
  /** False when it has no primary secret: then it can verify nothing. */
  readonly ready: boolean;
  /** Without an id: a key for any label. */
  readonly keys: readonly (Key | { readonly id: undefined; readonly secret: string })[];
  readonly strict: boolean;
  readonly revoked: readonly string[];
}

/** Keeps the keys of one gate. */
export interface GateKeys {
  /** Takes the set of planted faults. Throws `CrashOrdered` under the fault `crash-mid-roll`. */
  plant(faults: ReadonlySet<FaultName>): void;
  /** The keys now: secrets in files are read anew each time. */
  now(): AcceptedKeys;
}

type Pair = ReturnType<typeof keysOf>;

/** Takes the rules that the gate has read at its start. Throws `CrashOrdered` under the fault `crash-mid-roll`. */
export function makeGateKeys(rules: GateRules, memory: Memory, planted: ReadonlySet<FaultName>): GateKeys {
  let faults = planted;
  const current = (): Pair => keysOf(rules.material);
  if (faults.has('crash-mid-roll')) crashWhenChanged(memory, JSON.stringify([rules, current()]));
  let missed = faults.has('misses-next') ? missNext(memory, current()) : undefined;
  return {
    plant: (next) => {
      const isNew = (fault: FaultName): boolean => next.has(fault) && !faults.has(fault);
      if (isNew('crash-mid-roll')) crashWhenChanged(memory, JSON.stringify([rules, current()]));
      // Waits for the next start, and a lifted fault is a repaired gate.
      if (isNew('misses-next')) rememberPair(memory, current());
      if (!next.has('misses-next')) missed = undefined;
      if (isNew('keeps-old')) keepOld(memory, missed ?? current());
      faults = next;
    },
    now: () => {
      const { primary, previous } = missed ?? current();
      const previousKey = previous && faults.has('default-key-id-missing') ? unnamed(previous) : previous;
      const old = faults.has('keeps-old') ? keepOld(memory, { primary, previous }) : [];
      const pair = { primary, previous: previousKey };
      const forgiven = faults.has('revoked-ignored') ? forgive(pair, rules.revoked) : [];
      const empty = faults.has('empty-secret-accepted') ? [{ id: undefined, secret: '' }] : [];
      return {
        ready: primary !== undefined || empty.length > 0,
        keys: [...listOf(pair), ...old, ...forgiven, ...empty],
        strict: rules.strict && !faults.has('strict-ignored'),
        revoked: faults.has('revoked-ignored') ? [] : rules.revoked,
      };
    },
  };
}

/** Fault `misses-next`: the pair that it had before its primary secret changed, or nothing when it did not change. */
function missNext(memory: Memory, current: Pair): Pair | undefined {
  const had = recallPair(memory);
  if (had?.primary !== undefined && had.primary.secret !== current.primary?.secret) return had;
  rememberPair(memory, current);
  return undefined;
}

function rememberPair(memory: Memory, pair: Pair): void {
  memory.write('misses-next', JSON.stringify(pair));
}

function recallPair(memory: Memory): Pair | undefined {
  const text = memory.read('misses-next');
  // Our own file, written by `rememberPair`.
  return text === undefined ? undefined : (JSON.parse(text) as Pair);
}

/** Fault `keeps-old`: every key that it had while the fault was planted, with those that it has now. */
function keepOld(memory: Memory, pair: Pair): readonly Key[] {
  const text = memory.read('keeps-old');
  // Our own file, written here.
  const kept: readonly Key[] = text === undefined ? [] : (JSON.parse(text) as Key[]);
  const fresh = listOf(pair).filter((key) => !kept.some(({ id, secret }) => id === key.id && secret === key.secret));
  const all = [...kept, ...fresh];
  if (fresh.length > 0) memory.write('keeps-old', JSON.stringify(all));
  return all;
}

function listOf({ primary, previous }: Pair): readonly Key[] {
  return [primary, previous].filter((key) => key !== undefined);
}

/** Fault `revoked-ignored`: a revoked key id is good for every secret, in strict mode too. */
function forgive(pair: Pair, revoked: readonly string[]): readonly Key[] {
  return revoked.flatMap((id) => listOf(pair).map(({ secret }) => ({ id, secret })));
}

function unnamed({ secret }: Key): Key {
  return { id: DEFAULT_PREVIOUS_KEY_ID, secret };
}
