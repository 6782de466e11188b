import { constants } from 'node:os';
import { escapeForeign } from '../errors/escape.ts';
import type { LineCommands } from '../watch/ports.ts';

/** The only variables that a command gets of our environment. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

/**
 * Runs commands that print lines, in a folder, without a shell, with standard input closed and a minimal environment. One
 * that is late is ended; its output counts only when it has ended well. What it says on its standard error is not kept.
 */
export function createLineCommands(cwd: string): LineCommands {
  return {
    async run({ command, deadlineMs }, mostBytes) {
      const { execa } = await import('execa');
      const [file = '', ...args] = command;
      const result = await execa(file, args, {
        ...{ cwd, env: environment(), extendEnv: false, shell: false, reject: false },
        ...{ stdin: 'ignore', stderr: 'ignore', encoding: 'buffer', stripFinalNewline: false },
        ...{ timeout: deadlineMs, maxBuffer: mostBytes, killSignal: 'SIGKILL' },
      } as const);
      const name = escapeForeign(file, 60);
      if (result.timedOut) return { trouble: `${name} took longer than ${deadlineMs} ms` };
      if (result.isMaxBuffer) return { trouble: `${name} printed more than ${mostBytes} bytes` };
      if (result.code === 'ENOENT') return { trouble: `${name} was not found` };
      if (result.failed) return { trouble: `${name} ${endOf(result)}` };
      return { text: new TextDecoder().decode(result.stdout) };
    },
  };
}

function endOf({
  exitCode,
  signal,
}: {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
}): string {
  if (signal !== undefined) return `was ended by ${signal in constants.signals ? signal : 'a signal'}`;
  return exitCode === undefined ? 'could not be started' : `ended with exit ${exitCode}`;
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
