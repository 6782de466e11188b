import { type FaultName, isFaultName } from './faults.ts';

/** What a part of the fleet says to its supervisor, over IPC. */
export type FromPart =
  | { readonly type: 'ready' }
  /** The order of this number was carried out; with what was seen, where that was asked for. */
  | { readonly type: 'done'; readonly id: number; readonly seen?: Readonly<Record<string, unknown>> }
  /** The order of this number was not carried out. */
  | { readonly type: 'failed'; readonly id: number; readonly reason: string }
  /** A client's request ended: its HTTP status and stable code, or the transport's error code. */
  | { readonly type: 'outcome'; readonly kind: OutcomeKind; readonly code: string };

/** How a client's valid request ended: signed, refused by authentication or in the TLS handshake, or failed in any other way. */
export type OutcomeKind = 'accepted' | 'refused' | 'handshake' | 'fault';

/** Where a TLS handshake is to be made, and for which name. */
export interface HandshakeAddress {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
}

/** What the supervisor asks of a part. */
export type Order =
  /** To a replica: its whole set of planted faults. */
  | { readonly type: 'faults'; readonly planted: readonly FaultName[] }
  /** To a signer: new ticket keys, and an end to the connections that are open. */
  | { readonly type: 'end-sessions' }
  /** To a client: one TLS handshake with what it has loaded. */
  | ({ readonly type: 'handshake' } & HandshakeAddress);

/** An order with the number by which its answer is known. */
export type ToPart = Order & { readonly id: number };

/** Reads a message from a part; `undefined` for anything else. */
export function parseFromPart(message: unknown): FromPart | undefined {
  const { type, id, kind, code, seen, reason } = fieldsOf(message);
  if (type === 'ready') return { type };
  if (type === 'done' && typeof id === 'number') return { type, id, seen: fieldsOf(seen) };
  if (type === 'failed' && typeof id === 'number') return { type, id, reason: String(reason) };
  if (type === 'outcome' && isOutcomeKind(kind) && typeof code === 'string') return { type, kind, code };
  return undefined;
}

/** Reads a message from the supervisor; `undefined` for anything else. */
export function parseToPart(message: unknown): ToPart | undefined {
  const { type, id, planted, host, port, serverName } = fieldsOf(message);
  if (typeof id !== 'number') return undefined;
  if (type === 'faults' && Array.isArray(planted))
    return { type, id, planted: planted.filter((name) => typeof name === 'string' && isFaultName(name)) };
  if (type === 'end-sessions') return { type, id };
  if (type === 'handshake' && typeof host === 'string' && typeof port === 'number' && typeof serverName === 'string')
    return { type, id, host, port, serverName };
  return undefined;
}

function fieldsOf(message: unknown): Record<string, unknown> {
  return typeof message === 'object' && message !== null ? { ...message } : {};
}

function isOutcomeKind(value: unknown): value is OutcomeKind {
  return value === 'accepted' || value === 'refused' || value === 'handshake' || value === 'fault';
}
