import * as z from 'zod';
import type { Window } from './window.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const CLOCK = /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/;

const edge = z
  .string()
  .refine(
    (text) => CLOCK.test(text) || (INSTANT.test(text) && !Number.isNaN(Date.parse(text))),
    'must be a time of day such as "22:00" (with zone), or a moment such as 2026-12-20T00:00:00Z',
  );

const window = z
  .strictObject({
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .optional()
      .describe('Days on which it begins: [fri, sat]; default every day. Not for a window between two moments.'),
    from: edge.describe(
      'When it begins: a time of day in the zone, "22:00"; or once, a moment with its offset, 2026-12-20T00:00:00+01:00.',
    ),
    to: edge.describe(
      'When it ends, in the same form. A time of day that is not after from is one of the next day; "24:00" is midnight.',
    ),
    zone: z
      .string()
      .refine(isZone, 'must be the IANA name of a time zone, such as Europe/Berlin')
      .optional()
      .describe(
        'Time zone of the times of day, by its IANA name: Europe/Berlin. Its clock changes are followed: what begins in an hour that is left out begins when that hour would, and an hour that comes twice counts whole.',
      ),
    reason: z.string().trim().min(1).max(200).describe('Why, for whoever has to wait: "weekly batch run".'),
  })
  .superRefine(({ days, from, to, zone }, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const isDaily = CLOCK.test(from);
    if (isDaily !== CLOCK.test(to)) refuse('to', 'must have the same form as from: both times of day, or both moments');
    else if (isDaily && zone === undefined) refuse('zone', 'is needed for times of day, such as Europe/Berlin');
    else if (isDaily && from === '24:00') refuse('from', 'must be before 24:00; midnight is 00:00');
    else if (!isDaily && days !== undefined) refuse('days', 'do not belong to a window between two moments');
    else if (!isDaily && Date.parse(to) <= Date.parse(from)) refuse('to', 'must be after from');
  });

/** `policy.blockedWindows` and `policy.allowedWindows`. */
export const blockedWindows = windows(
  'Times in which no rotation begins and no phase is entered: nightly runs, freezes. What is under way ends its phase first; a rollback is never blocked, and one for a compromised secret is not either.',
);
/** The same for the only times in which a rotation begins. */
export const allowedWindows = windows(
  'The only times in which a rotation begins and phases are entered; default always. blockedWindows are taken out of them.',
);

function windows(text: string) {
  return z.array(window).max(100).prefault([]).describe(text);
}

/** A window as the runner counts with it: minutes of the day, days of the week from 1 (Monday), moments in Unix milliseconds. */
export function windowOf({ days = [...DAYS], from, to, zone, reason }: z.output<typeof window>): Window {
  if (zone === undefined || !CLOCK.test(from))
    return { kind: 'once', from: Date.parse(from), to: Date.parse(to), reason };
  return {
    kind: 'weekly',
    days: days.map((day) => DAYS.indexOf(day) + 1),
    from: minutes(from),
    to: minutes(to),
    zone,
    reason,
  };
}

function minutes(text: string): number {
  const [hours = 0, rest = 0] = text.split(':').map(Number);
  return 60 * hours + rest;
}

/** An offset or an abbreviation is none: only a name follows the zone's changes. */
function isZone(name: string): boolean {
  if (name !== 'UTC' && !/^[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)+$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
