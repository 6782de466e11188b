import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { guarded } from './guard.ts';
import { type Fate, fateOf, type LockHolder, readHolder } from './holder.ts';
import type { LockPorts } from './ports.ts';

/** What the caller says of itself. */
export interface LockClaim {
  readonly runId: string;
  readonly command: string;
}

/** How to go about a lock that somebody else left. */
export interface LockOptions {
  /** Breaks a lock whose holder cannot be proven dead from here; one that is proven alive is not broken even so. */
  readonly breakLock?: { readonly reason: string };
}

/** A lock that was taken over. */
export interface BrokenLock {
  /** `undefined` when the lock file could not be read. */
  readonly holder: LockHolder | undefined;
  /** The proof that the holder is dead, or the operator's reason. */
  readonly why: string;
  /** `true` when broken by `breakLock` without a proof. */
  readonly forced: boolean;
}

/** The lock, held. */
export interface Lock {
  readonly holder: LockHolder;
  /** The stale lock that stood in the way, for the ledger's `lock` entry. */
  readonly brokeStale: BrokenLock | undefined;
  /** Whether the lock file still is ours. To be asked before each effect: a lock may be broken by hand. */
  stillHeld(): Promise<boolean>;
  /** Removes the lock file if it still is ours. Safe to call twice. */
  release(): Promise<void>;
}

/**
 * Takes the lock at `path`: one rotation at a time. A dead holder on this host is taken over, on proof; one on another
 * host, or one that cannot be judged, only with `breakLock`. How old a lock is never matters. The fencing token is kept in
 * `PATH.token` and only grows, also across taking over and removing the lock file.
 *
 * @throws RotctlError LOCK_HELD that names the holder.
 */
export async function acquireLock(
  path: string,
  claim: LockClaim,
  ports: LockPorts,
  options: LockOptions = {},
): Promise<Lock> {
  const { breakLock } = options;
  return guarded(path, ports, breakLock !== undefined, async () => {
    const standing = await standingLock(path, ports);
    const brokeStale = standing === undefined ? undefined : judge(path, standing, ports, breakLock?.reason);
    const token = await nextToken(path, ports, standing?.holder);
    const since = new Date(ports.clock.now()).toISOString();
    const holder: LockHolder = { ...ports.processes.self(), ...claim, since, token };
    if (standing !== undefined) await ports.disk.remove(path);
    if (!(await ports.disk.createExclusive(path, `${JSON.stringify(holder)}\n`))) throw raced(path);
    return heldLock(path, holder, brokeStale, ports);
  });
}

/** Who holds the lock at `path`, for commands that only look; `undefined` when nobody does. */
export async function lookAtLock(
  path: string,
  ports: LockPorts,
): Promise<{ readonly holder: LockHolder | undefined; readonly fate: Fate } | undefined> {
  const standing = await standingLock(path, ports);
  return standing === undefined ? undefined : { holder: standing.holder, fate: fateOfStanding(standing, ports) };
}

interface StandingLock {
  readonly holder: LockHolder | undefined;
}

async function standingLock(path: string, { disk }: LockPorts): Promise<StandingLock | undefined> {
  const bytes = await disk.readSmall(path);
  return bytes === undefined ? undefined : { holder: readHolder(Buffer.from(bytes).toString('utf8')) };
}

function fateOfStanding({ holder }: StandingLock, ports: LockPorts): Fate {
  return holder === undefined
    ? { is: 'unknown', why: 'the lock file cannot be read' }
    : fateOf(holder, ports.processes);
}

function judge(path: string, standing: StandingLock, ports: LockPorts, reason: string | undefined): BrokenLock {
  const fate = fateOfStanding(standing, ports);
  if (fate.is === 'dead') return { holder: standing.holder, why: fate.proof, forced: false };
  if (fate.is === 'unknown' && reason !== undefined) return { holder: standing.holder, why: reason, forced: true };
  throw held(path, standing, fate, ports.clock.now());
}

async function nextToken(path: string, { disk }: LockPorts, before: LockHolder | undefined): Promise<number> {
  const file = `${path}.token`;
  const bytes = await disk.readSmall(file);
  const text = bytes === undefined ? '0' : Buffer.from(bytes).toString('latin1').trimEnd();
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) {
    const message = `lock token: expected a whole number, got "${escapeForeign(text, 40)}"`;
    throw new RotctlError('INPUT_UNREADABLE', message, { at: { file } });
  }
  const token = Math.max(Number(text), before?.token ?? 0) + 1;
  await disk.replace(file, `${token}\n`);
  return token;
}

function heldLock(path: string, holder: LockHolder, brokeStale: BrokenLock | undefined, ports: LockPorts): Lock {
  const isOurs = async () => {
    const standing = await standingLock(path, ports);
    return standing?.holder?.token === holder.token && standing.holder.runId === holder.runId;
  };
  let released = false;
  const release = async () => {
    if (released) return;
    await guarded(path, ports, false, async () => {
      if (await isOurs()) await ports.disk.remove(path);
    });
    released = true;
  };
  return { holder, brokeStale, stillHeld: async () => !released && (await isOurs()), release };
}

function held(path: string, { holder }: StandingLock, fate: Fate, now: number): RotctlError {
  const who = holder === undefined ? 'an unreadable lock file' : describeHolder(holder, now);
  const doubt = fate.is === 'unknown' ? `; ${fate.why}, so whether it lives cannot be told` : '';
  const hint =
    fate.is === 'unknown'
      ? 'make sure that it is gone, then run the command again with `--break-lock --reason TEXT`'
      : 'wait for it to end, or end that process; its lock is then taken over';
  return new RotctlError('LOCK_HELD', `lock: held by ${who}${doubt}`, { at: { file: path }, hint });
}

/** `host a, pid 12, run r-1, command overlap, for 3m 2s`. */
function describeHolder(holder: LockHolder, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(holder.since)) / 1000));
  const [host, run, command] = [holder.host, holder.runId, holder.command].map((text) => escapeForeign(text, 80));
  return `host ${host}, pid ${holder.pid}, run ${run}, command ${command}, for ${describeAge(seconds)}`;
}

function describeAge(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}

function raced(path: string): RotctlError {
  return new RotctlError('LOCK_HELD', 'lock: taken by a process that does not heed its guard', { at: { file: path } });
}
