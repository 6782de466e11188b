import { RotctlError } from '../errors/rotctl-error.ts';

/**
 * Runs work on files beside or in the ledger. What the system refuses (a full disk, a folder that is gone) is
 * `LEDGER_WRITE_FAILED` at `path`, saying `what` could not be done; errors of rotctl's own go through.
 */
export async function orWriteFailed<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RotctlError ? error : writeFailed(path, what, error);
  }
}

/** `LEDGER_WRITE_FAILED` at `path`: what could not be done, and what the system says. */
export function writeFailed(path: string, what: string, cause: unknown): RotctlError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RotctlError('LEDGER_WRITE_FAILED', `${what}: ${why}`, { at: { file: path }, cause });
}
