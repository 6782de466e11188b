import type { Temporal } from 'temporal-polyfill';

/** A day of the calendar: `YYYY-MM-DD`. */
export type Day = string;

/** Time zones: where the one package that knows their changes is used, and loaded only when a policy has windows. */
export interface ZoneTime {
  /** The day that it is in a zone at a moment (Unix milliseconds), and a number of days from it. */
  day(at: number, zone: string, plus?: number): Day;
  /** Day of the week, 1 is Monday. */
  weekday(day: Day): number;
  /**
   * The moment (Unix milliseconds) at which the clock of a zone reads so many minutes into a day. A reading that is left out
   * stands for the moment of the change; of one that comes twice, `which` says which is meant.
   */
  moment(day: Day, minutes: number, zone: string, which: 'first' | 'last'): number;
}

/** Loads what is known of time zones. */
export async function loadZoneTime(): Promise<ZoneTime> {
  const { Temporal: temporal } = await import('temporal-polyfill');
  return {
    day: (at, zone, plus = 0) =>
      temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate().add({ days: plus }).toString(),
    weekday: (day) => temporal.PlainDate.from(day).dayOfWeek,
    moment(day, minutes, zone, which) {
      const reading = temporal.PlainDate.from(day).toPlainDateTime().add({ minutes });
      return momentOf(reading, zone, which);
    },
  };
}

function momentOf(reading: Temporal.PlainDateTime, zone: string, which: 'first' | 'last'): number {
  const earlier = reading.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const isThere = earlier.toPlainDateTime().equals(reading);
  if (isThere && which === 'first') return earlier.epochMilliseconds;
  if (isThere) return reading.toZonedDateTime(zone, { disambiguation: 'later' }).epochMilliseconds;
  // In a gap it stands for a moment before the change by as much as the reading is inside of it.
  return (earlier.getTimeZoneTransition('next') ?? earlier).epochMilliseconds;
}
