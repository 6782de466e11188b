import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { minimalEnvironment } from './process-group.ts';

const MOST_BYTES = 1024 * 1024;

/**
 * Runs a command for what it prints: no shell, standard input closed, a minimal environment, and a deadline that kills it.
 * Its standard error is not shown, because nobody knows what stands there.
 *
 * @throws RotctlError `FLEET_UNSURE` when it cannot be started, ends badly or late, or prints more than 1 MiB
 */
export async function listing(
  argv: readonly string[],
  { cwd, deadlineMs }: { readonly cwd: string; readonly deadlineMs: number },
): Promise<string> {
  const { execa } = await import('execa');
  const [file = '', ...args] = argv;
  const child = execa(file, args, {
    cwd,
    env: minimalEnvironment(),
    extendEnv: false,
    shell: false,
    reject: false,
    stdin: 'ignore',
    stderr: 'ignore',
    detached: true,
    cleanup: false,
    maxBuffer: MOST_BYTES,
    stripFinalNewline: false,
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endGroup(child.pid);
  }, deadlineMs);
  const result = await child;
  clearTimeout(timer);
  if (!result.failed) return result.stdout;
  const how = late
    ? `no end within ${deadlineMs} ms`
    : result.isMaxBuffer
      ? `more than ${MOST_BYTES} bytes`
      : result.exitCode === undefined
        ? (result.code ?? 'it was killed')
        : `exit ${result.exitCode}`;
  throw new RotctlError(
    'FLEET_UNSURE',
    `the command that lists the replicas (${escapeForeign(file, 80)}) failed: ${how}`,
  );
}

/** Ends the command with all that it started: what is left would keep its output open. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended by itself.
  }
}
