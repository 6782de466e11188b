import { createInterface } from 'node:readline/promises';

/**
 * Asks a question on stderr and reads one line from the terminal.
 *
 * @returns what was typed, without spaces around it; `undefined` where stdin or stderr is no terminal, at the end of
 *   input, and when `stop` aborts
 */
export async function ask(question: string, stop: AbortSignal): Promise<string | undefined> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true || stop.aborted) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  lines.once('close', () => closed.abort());
  // In raw mode the terminal sends Ctrl-C as a key.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await lines.question(question, { signal: AbortSignal.any([stop, closed.signal]) });
    return answer.trim();
  } catch {
    return undefined;
  } finally {
    lines.close();
  }
}
