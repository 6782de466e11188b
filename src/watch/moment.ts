/** From here on a number is milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973. */
const MILLISECONDS_ABOVE = 1e11;
const ISO = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)$/;

/**
 * A moment as services write it, in Unix milliseconds: Unix seconds, also with a fraction; Unix milliseconds (above
 * 10¹¹); or ISO 8601 text with its time zone, without which it could be any of 26 hours. `undefined` for all else.
 */
export function momentOf(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value <= 0) return undefined;
    return value > MILLISECONDS_ABOVE ? value : value * 1000;
  }
  if (typeof value !== 'string' || !ISO.test(value)) return undefined;
  const moment = Date.parse(value.toUpperCase().replace(' ', 'T'));
  return Number.isNaN(moment) ? undefined : moment;
}
