import type { LineShape } from '../fleet/evidence.ts';
import { momentOf } from './moment.ts';
import { isOwnCaller } from './own-caller.ts';
import { digitsProblem } from './usage-fingerprint.ts';

/** The request that a line tells of. */
export interface LineRequest {
  readonly client: string;
  readonly key: string;
  /** Unix milliseconds, by whoever wrote the line. */
  readonly at: number | undefined;
  readonly instance: string | undefined;
  readonly isOwn: boolean;
}

/**
 * The accepted request that a line tells of; `undefined` where it tells of none; in words, what is wrong with it, without
 * repeating it.
 */
export function requestIn(line: string, shape: LineShape): LineRequest | undefined | string {
  const groups = shape.pattern.exec(line)?.groups;
  if (groups === undefined) return undefined;
  const { client, key, time, caller, instance } = groups;
  if (client === undefined || client === '' || key === undefined || key === '') return 'a line has no client or no key';
  const digits = digitsProblem(key, shape.fingerprint);
  if (digits !== undefined) return `a line has a key of ${digits}`;
  const at = time === undefined ? undefined : momentOf(/^\d+(?:\.\d+)?$/.test(time) ? Number(time) : time);
  if (time !== undefined && at === undefined) {
    return 'a line has a time that is neither Unix seconds or milliseconds nor ISO 8601 with its zone';
  }
  const isOwn = caller === undefined ? (shape.own?.test(line) ?? false) : isOwnCaller(caller, shape.ownCaller);
  return { client, key, at, instance, isOwn };
}
