import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the second signal does to the process. */
export interface SignalHandling {
  /** Prints a line for the operator. */
  say(line: string): void;
  /** Ends the process at once. */
  end(): void;
}

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort of the returned signal (its reason is the signal's name), and
 * lets the second end the process. The handlers stay for as long as the process lives.
 */
export function watchSignals({ say, end }: SignalHandling): AbortSignal {
  const controller = new AbortController();
  for (const name of SIGNALS.filter((signal) => signal in constants.signals)) {
    process.on(name, () => {
      if (controller.signal.aborted) return end();
      say(`${name}: stopping at the next safe point; a second signal ends rotctl at once`);
      controller.abort(name);
    });
  }
  return controller.signal;
}
