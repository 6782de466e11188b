import { RotctlError } from '../../src/errors/rotctl-error.ts';

/** The error with which work is refused; fails when it is not refused, or by anything else than a `RotctlError`. */
export function refusalFrom(work: () => unknown): RotctlError {
  try {
    work();
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
