import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { fateOf, readIdentity } from './holder.ts';
import type { LockPorts } from './ports.ts';
import { orWriteFailed } from './write-failed.ts';

/** How long to wait for another process's few milliseconds inside the guard. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 5;

/**
 * Runs `work` while no other process runs `work` on the same lock: every look at the lock file that leads to a change of
 * it happens in here, so that "this lock is stale, I replace it" cannot hit the lock of somebody who was faster.
 *
 * Guards are files `PATH.guard-1`, `PATH.guard-2`, …, each made exclusively. A process may take number n when the owners
 * of all lower numbers are proven dead, and looks at them again once it has it; its owner removes the dead ones in
 * ascending order and its own last. So no guard is ever taken away from a process that may still live.
 *
 * @param force takes guards as dead whose owner's death cannot be proven, except one that is proven alive.
 * @throws RotctlError LOCK_HELD when a guard's owner lets it not go in time, LEDGER_WRITE_FAILED when the lock's folder
 *   cannot be written to, or is gone.
 */
export async function guarded<T>(path: string, ports: LockPorts, force: boolean, work: () => Promise<T>): Promise<T> {
  return orWriteFailed(path, 'lock: could not be taken or let go', async () => {
    const below = await enter(path, ports, force);
    try {
      return await work();
    } finally {
      await leave(path, ports, below.length + 1);
    }
  });
}

/** Takes a guard; returns the content of the dead ones below it. */
async function enter(path: string, ports: LockPorts, force: boolean): Promise<readonly string[]> {
  const deadline = ports.clock.monotonic() + PATIENCE_MS;
  const mine = JSON.stringify(ports.processes.self());
  for (;;) {
    const attempt = await tryEnter(path, ports, force, mine);
    if (attempt.dead !== undefined) return attempt.dead;
    if (ports.clock.monotonic() >= deadline) throw stuck(attempt.file, attempt.content);
    await ports.clock.sleep(PAUSE_MS);
  }
}

type Attempt =
  | { readonly dead: readonly string[] }
  | { readonly dead?: undefined; readonly file: string; readonly content: string };

async function tryEnter(path: string, ports: LockPorts, force: boolean, mine: string): Promise<Attempt> {
  const dead: string[] = [];
  for (;;) {
    const file = guardFile(path, dead.length + 1);
    if (await ports.disk.createExclusive(file, mine)) {
      if (await areUnchanged(path, ports, dead)) return { dead };
      await ports.disk.remove(file);
      return { file, content: 'another process came in between' };
    }
    const content = await textOf(ports, file);
    if (content === undefined || !isOver(content, ports, force)) return { file, content: content ?? '' };
    dead.push(content);
  }
}

function isOver(content: string, ports: LockPorts, force: boolean): boolean {
  const owner = readIdentity(content);
  if (owner === undefined) return force;
  const fate = fateOf(owner, ports.processes);
  return fate.is === 'dead' || (force && fate.is === 'unknown');
}

async function areUnchanged(path: string, ports: LockPorts, dead: readonly string[]): Promise<boolean> {
  for (const [index, content] of dead.entries()) {
    if ((await textOf(ports, guardFile(path, index + 1))) !== content) return false;
  }
  return true;
}

async function leave(path: string, ports: LockPorts, mine: number): Promise<void> {
  for (let number = 1; number <= mine; number += 1) await ports.disk.remove(guardFile(path, number));
}

function guardFile(path: string, number: number): string {
  return `${path}.guard-${number}`;
}

async function textOf(ports: LockPorts, file: string): Promise<string | undefined> {
  const bytes = await ports.disk.readSmall(file);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

function stuck(file: string, content: string): RotctlError {
  const owner = readIdentity(content);
  const who =
    owner === undefined ? `"${escapeForeign(content)}"` : `host ${escapeForeign(owner.host)}, pid ${owner.pid}`;
  return new RotctlError('LOCK_HELD', `lock: its guard was not let go within ${PATIENCE_MS} ms by ${who}`, {
    at: { file },
    hint: 'see whether that process hangs; once it is gone, run the command again',
  });
}
