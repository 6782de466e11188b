import type { Call } from '../call.ts';

/** One request of a negative control, which must be refused. */
export interface Trial extends Omit<Call, 'client'> {
  readonly label: string;
  /**
   * It goes to where a replica need not answer at all, or may refuse it for another reason: only an acceptance tells
   * something, and only where a wrong secret is refused.
   */
  readonly elsewhere?: true;
  /** It lacks a part, so that it may be refused as malformed, in words of which no rule need know. */
  readonly malformed?: true;
}

/** The path of a probe, one level deeper. */
export function otherPath(path: string): string {
  const [place = '', ...query] = path.split('?');
  return [`${place.replace(/\/$/, '')}/elsewhere`, ...query].join('?');
}

/** A method that the probe does not have. */
export function otherMethod(method: string): string {
  return method === 'PUT' ? 'POST' : 'PUT';
}
