import type { Processes, ProcessIdentity } from './ports.ts';

/** Who holds the lock: the lock file's content. */
export interface LockHolder extends ProcessIdentity {
  readonly runId: string;
  readonly command: string;
  /** UTC, ISO 8601. */
  readonly since: string;
  /** Fencing token: grows with each acquisition of this lock, whoever acquires it. */
  readonly token: number;
}

/** Whether a process still lives, as far as it can be proven from here. Age proves nothing. */
export type Fate =
  | { readonly is: 'dead'; readonly proof: string }
  | { readonly is: 'alive' }
  | { readonly is: 'unknown'; readonly why: string };

/** Judges from this host whether `other` is dead: only another boot, an absent pid or another start time prove it. */
export function fateOf(other: ProcessIdentity, processes: Processes): Fate {
  const self = processes.self();
  if (other.host !== self.host || differs(other.machine, self.machine))
    return { is: 'unknown', why: 'it is on another host' };
  if (differs(other.bootId, self.bootId)) return { is: 'dead', proof: 'the host was booted again since' };
  if (other.pidNamespace !== self.pidNamespace) return { is: 'unknown', why: 'it is in another pid namespace' };
  const seen = processes.look(other.pid);
  if (seen === 'absent') return { is: 'dead', proof: `there is no process ${other.pid}` };
  if (other.startTime === null || seen.startTime === null)
    return { is: 'unknown', why: 'start times cannot be read here' };
  if (seen.startTime !== other.startTime) return { is: 'dead', proof: `process ${other.pid} is another one by now` };
  return { is: 'alive' };
}

function differs(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && a !== b;
}

/** Reads a lock file's content; `undefined` when it is none that this version writes. */
export function readHolder(text: string): LockHolder | undefined {
  const fields = readIdentity(text);
  return fields !== undefined && isHolder(fields) ? fields : undefined;
}

/** Reads a process's identity from JSON text; `undefined` when it is none. */
export function readIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isIdentity(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Partial<Record<keyof ProcessIdentity, unknown>> = value;
  return (
    typeof fields.host === 'string' &&
    isTextOrNull(fields.machine) &&
    isCount(fields.pid) &&
    isTextOrNull(fields.pidNamespace) &&
    (fields.startTime === null || isCount(fields.startTime)) &&
    isTextOrNull(fields.bootId)
  );
}

function isHolder(value: ProcessIdentity): value is LockHolder {
  const fields: Partial<Record<keyof LockHolder, unknown>> = value;
  return (
    typeof fields.runId === 'string' &&
    typeof fields.command === 'string' &&
    typeof fields.since === 'string' &&
    !Number.isNaN(Date.parse(fields.since)) &&
    isCount(fields.token)
  );
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
