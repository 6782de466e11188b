import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Processes, ProcessIdentity } from '../ledger/ports.ts';

/** Index of `starttime` (field 22 of `/proc/PID/stat`, see proc_pid_stat(5)) among the fields after the command's `)`. */
const START_TIME_FIELD = 19;
/** States of a process that has ended and waits for its parent to notice. */
const ENDED_STATES = new Set(['Z', 'X', 'x']);

/** Reads about processes from `/proc` where there is one, else from signal 0 alone. */
export function systemProcesses(): Processes {
  let self: ProcessIdentity | undefined;
  return {
    self: () => {
      self ??= ownIdentity();
      return self;
    },
    look,
  };
}

function ownIdentity(): ProcessIdentity {
  const stat = statOf(process.pid);
  return {
    host: hostname(),
    machine: machineName(),
    pid: process.pid,
    pidNamespace: linkOrNull('/proc/self/ns/pid'),
    startTime: stat?.startTime ?? null,
    bootId: textOrNull('/proc/sys/kernel/random/boot_id'),
  };
}

function look(pid: number): ReturnType<Processes['look']> {
  if (!isRunning(pid)) return 'absent';
  const stat = statOf(pid);
  if (stat === undefined) return isRunning(pid) ? { startTime: null } : 'absent';
  return stat.hasEnded ? 'absent' : { startTime: stat.startTime };
}

/** Whether there is such a process. Signal 0: one of another user answers EPERM, and exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function statOf(pid: number): { readonly startTime: number; readonly hasEnded: boolean } | undefined {
  const text = textOrNull(`/proc/${pid}/stat`);
  // the command's name stands in parentheses and may itself hold spaces and parentheses
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTime = Number(fields?.[START_TIME_FIELD]);
  const state = fields?.[0];
  if (state === undefined || !Number.isSafeInteger(startTime)) return undefined;
  return { startTime, hasEnded: ENDED_STATES.has(state) };
}

/** The machine's id, hashed as machine-id(5) asks of those who show it. */
function machineName(): string | null {
  const id = textOrNull('/etc/machine-id');
  if (id === null || id === '') return null;
  return createHash('sha256').update('rotctl machine v1\n').update(id).digest('hex').slice(0, 16);
}

function textOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}

function linkOrNull(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
