import * as z from 'zod';

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 * 1024 };
const DURATION = /^\d{1,9}(?:ms|s|m|h|d)$/;
const SIZE = /^\d{1,9}(?:B|KiB|MiB)$/;
/** Longest duration: a year, in milliseconds. */
const LONGEST_MS = 366 * 86_400_000;

/**
 * Zod type of a duration: text such as `250ms`, `2s`, `5m`, `24h`, `7d`; the output is whole milliseconds, at most a year.
 * A plain number is refused, because its unit would be a guess. `least` (milliseconds, 1 by default) is the lower bound.
 */
export function duration(least = 1): z.ZodType<number, string> {
  return measure(DURATION, MS, 'must be a whole number with a unit: 250ms, 2s, 5m, 24h or 7d').refine(
    (ms) => ms >= least && ms <= LONGEST_MS,
    least <= 1 ? 'must be more than 0 and at most a year' : `must be at least ${least}ms and at most a year`,
  );
}

/** As `duration`, with `0s` allowed. */
export function durationOrNone(): z.ZodType<number, string> {
  return duration(0);
}

/** Zod type of a size: text such as `512B`, `64KiB`, `1MiB`; the output is whole bytes, at least 1 and at most `most`. */
export function size(most: number): z.ZodType<number, string> {
  return measure(SIZE, BYTES, 'must be a whole number with a unit: 512B, 64KiB or 1MiB').refine(
    (bytes) => bytes >= 1 && bytes <= most,
    `must be at least 1B and at most ${most}B`,
  );
}

/** Zod type of a regular expression that compiles; the output is the `RegExp`. */
export function pattern(): z.ZodType<RegExp, string> {
  return z
    .string()
    .min(1)
    .max(500)
    .transform((source, context) => {
      try {
        return new RegExp(source);
      } catch {
        context.addIssue({ code: 'custom', message: 'must be a regular expression that compiles' });
        return z.NEVER;
      }
    });
}

/** Milliseconds as the shortest exact text with one unit: `90s`, `24h`, `250ms`. */
export function durationText(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = MS[unit] ?? 1;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

function measure(shape: RegExp, units: Readonly<Record<string, number>>, rule: string) {
  return z
    .string({ error: (issue) => (issue.input === undefined ? undefined : rule) })
    .regex(shape, rule)
    .transform((text) => Number.parseInt(text, 10) * (units[text.replace(/^\d+/, '')] ?? Number.NaN));
}
