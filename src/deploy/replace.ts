import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';

/** Does what replaces or makes `path`. Throws `DRIVER_FAILED`, which names the file, when that fails. */
export async function replacing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'DRIVER_FAILED') throw error;
    const why = error instanceof RotctlError ? error.message : systemCode(error);
    throw new RotctlError('DRIVER_FAILED', `the file could not be replaced: ${escapeForeign(why)}`, {
      at: { file: path },
      cause: error,
    });
  }
}

function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
