import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';

/** What is done to a file, in messages. */
type Deed = 'made' | 'replaced' | 'removed';

/** Does a deed to the file at `path`. Throws `DRIVER_FAILED`, which names the file, when that fails. */
export async function changing<Result>(path: string, deed: Deed, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'DRIVER_FAILED') throw error;
    const why = error instanceof RotctlError ? error.message : systemCode(error);
    throw new RotctlError('DRIVER_FAILED', `the file could not be ${deed}: ${escapeForeign(why)}`, {
      at: { file: path },
      cause: error,
    });
  }
}

function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
