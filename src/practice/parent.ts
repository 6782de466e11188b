import type { FaultName } from './faults.ts';
import { type FromPart, parseToPart } from './messages.ts';

/** A part's line to its supervisor. */
export interface Parent {
  tell(message: FromPart): void;
}

/**
 * Opens the line to the supervisor. The process ends at once when the supervisor is gone. `onFaults` is called with the
 * whole set of planted faults each time it changes, and is acknowledged when it returns.
 */
export function connectParent(onFaults: (planted: readonly FaultName[]) => void = () => {}): Parent {
  const tell = (message: FromPart): void => {
    if (process.connected) process.send?.(message);
  };
  process.on('disconnect', () => process.exit(1));
  // Gone before anybody listened: the event has been.
  if (process.connected === false) process.exit(1);
  process.on('message', (raw) => {
    const message = parseToPart(raw);
    if (message === undefined) return;
    onFaults(message.planted);
    tell({ type: 'done', id: message.id });
  });
  return { tell };
}

/** Writes one line to the part's log, with the time; it must hold no secret. */
export function log(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}
