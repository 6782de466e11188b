import { type FaultName, isFaultName } from './faults.ts';

/** What a part of the fleet says to its supervisor, over IPC. */
export type FromPart =
  | { readonly type: 'ready' }
  /** The message of this number was carried out. */
  | { readonly type: 'done'; readonly id: number }
  /** A client's request ended: its HTTP status and stable code, or the transport's error code. */
  | { readonly type: 'outcome'; readonly kind: OutcomeKind; readonly code: string };

/** How a client's valid request ended: signed, refused by authentication, or failed in any other way. */
export type OutcomeKind = 'accepted' | 'refused' | 'fault';

/** What the supervisor tells a part. */
export type ToPart = { readonly type: 'faults'; readonly id: number; readonly planted: readonly FaultName[] };

/** Reads a message from a part; `undefined` for anything else. */
export function parseFromPart(message: unknown): FromPart | undefined {
  const { type, id, kind, code } = fieldsOf(message);
  if (type === 'ready') return { type };
  if (type === 'done' && typeof id === 'number') return { type, id };
  if (type === 'outcome' && isOutcomeKind(kind) && typeof code === 'string') return { type, kind, code };
  return undefined;
}

/** Reads a message from the supervisor; `undefined` for anything else. */
export function parseToPart(message: unknown): ToPart | undefined {
  const { type, id, planted } = fieldsOf(message);
  if (type !== 'faults' || typeof id !== 'number' || !Array.isArray(planted)) return undefined;
  return { type, id, planted: planted.filter((name) => typeof name === 'string' && isFaultName(name)) };
}

function fieldsOf(message: unknown): Record<string, unknown> {
  return typeof message === 'object' && message !== null ? { ...message } : {};
}

function isOutcomeKind(value: unknown): value is OutcomeKind {
  return value === 'accepted' || value === 'refused' || value === 'fault';
}
