import { looksRandom } from '../document/secret-text.ts';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { refuseSecrets, sniffFlags } from './command-line.ts';
import type { Chosen } from './declaration.ts';
import type { Platform } from './platform.ts';
import type { CommandEnd } from './result.ts';

/**
 * Runs one command line and tells how it ended. Never rejects for what a command does: every failure has a code, a
 * verdict line and, with `--json`, its document.
 *
 * @param refusal why nothing may be run at all, where that is so
 * @returns the process's exit code
 */
export async function runCli(argv: readonly string[], platform: Platform, refusal?: RotctlError): Promise<number> {
  // without loading the tree of commands: asked for often, by people and by installers
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    platform.stdout.write(`rotctl ${platform.version}\n`);
    return 0;
  }
  const { choose, commandIn } = await import('./program.ts');
  let chosen: Chosen | undefined;
  try {
    if (refusal !== undefined) throw refusal;
    await refuseSecrets(argv, platform);
    chosen = choose(argv, platform);
    if (chosen === undefined) return 0;
    const end = await chosen.run();
    const { present } = await import('./present.ts');
    return await present(platform, chosen.flags, end);
  } catch (error) {
    const { present } = await import('./present.ts');
    return present(
      platform,
      chosen?.flags ?? sniffFlags(argv),
      endOf(error, chosen?.command ?? commandIn(argv, platform)),
    );
  }
}

/** The end of a command that was left by an error. */
function endOf(error: unknown, command: string): CommandEnd {
  const known = error instanceof RotctlError ? error : internal(error);
  return { command, verdict: verdictOf(known.exitCode), summary: known.message, error: known };
}

/** The verdict that goes with an exit code, as `spec/errors.md` lists them. */
export function verdictOf(exitCode: number): CommandEnd['verdict'] {
  if (exitCode === 0) return 'pass';
  if (exitCode === 12) return 'unknown';
  return exitCode === 14 || exitCode === 15 ? 'stopped' : 'fail';
}

/** A bug. Its message may hold anything, so that it is shown only when nothing in it looks like a secret. */
function internal(error: unknown): RotctlError {
  if (!(error instanceof Error)) return new RotctlError('INTERNAL', 'something that is no error was thrown');
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  const message = looksRandom(error.message) ? 'message withheld' : escapeForeign(error.message, 300);
  return new RotctlError('INTERNAL', `${error.name}${code}: ${message}`, { cause: error });
}
