import type { FaultName } from './faults.ts';
import { type FromPart, type HandshakeAddress, parseToPart, type ToPart } from './messages.ts';

/** A part's line to its supervisor. */
export interface Parent {
  tell(message: FromPart): void;
}

/** What a part does when it is told to; what it has no hand for fails. */
export interface Hands {
  /** Called with the whole set of planted faults each time it changes. */
  faults?(planted: readonly FaultName[]): void;
  endSessions?(): Promise<void>;
  /** Makes one TLS handshake and says what it saw. */
  handshake?(address: HandshakeAddress): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * Opens the line to the supervisor. The process ends at once when the supervisor is gone. Each order is acknowledged when
 * it is carried out.
 */
export function connectParent(hands: Hands = {}): Parent {
  const tell = (message: FromPart): void => {
    if (process.connected) process.send?.(message);
  };
  process.on('disconnect', () => process.exit(1));
  // Gone before anybody listened: the event has been.
  if (process.connected === false) process.exit(1);
  process.on('message', (raw) => {
    const order = parseToPart(raw);
    if (order === undefined) return;
    const { id } = order;
    carryOut(order, hands).then(
      (seen) => tell({ type: 'done', id, seen }),
      (error: unknown) => tell({ type: 'failed', id, reason: error instanceof Error ? error.message : 'unknown' }),
    );
  });
  return { tell };
}

async function carryOut(order: ToPart, hands: Hands): Promise<Readonly<Record<string, unknown>>> {
  if (order.type === 'faults' && hands.faults !== undefined) hands.faults(order.planted);
  else if (order.type === 'end-sessions' && hands.endSessions !== undefined) await hands.endSessions();
  else if (order.type === 'handshake' && hands.handshake !== undefined) return hands.handshake(order);
  else throw new Error(`it cannot carry out ${order.type}`);
  return {};
}

/** Writes one line to the part's log, with the time; it must hold no secret. */
export function log(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}
