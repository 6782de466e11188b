import { beforeAll, describe, expect, test } from 'vitest';
import type { Window } from '../../src/fleet/window.ts';
import { standingAt } from '../../src/runner/windows.ts';
import { loadZoneTime, type ZoneTime } from '../../src/runner/zone-time.ts';

let zones: ZoneTime;
beforeAll(async () => {
  zones = await loadZoneTime();
});

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

/** `zone from-to days`. */
function weekly(text: string): Window {
  const [zone = '', span = '', days = DAYS.join()] = text.split(' ');
  const [from = '', to = ''] = span.split('-');
  return {
    kind: 'weekly',
    days: days.split(',').map((day) => DAYS.indexOf(day) + 1),
    from: minutes(from),
    to: minutes(to),
    zone,
    reason: 'why',
  };
}

const at = (text: string): number => Date.parse(text);
const say = (windows: Parameters<typeof standingAt>[0], now: string): string => {
  const standing = standingAt(windows, at(now), zones);
  if (standing.free) return 'free';
  return standing.at === undefined ? 'never' : new Date(standing.at).toISOString().replace('.000Z', 'Z');
};

// Clocks change in Berlin on 2026-03-29 at 01:00Z (02:00 → 03:00) and on 2026-10-25 at 01:00Z (03:00 → 02:00), in New York
// on 2026-03-08 at 07:00Z and 2026-11-01 at 06:00Z, on Lord Howe (half an hour) on 2026-04-04 at 15:00Z and 2026-10-03 at 15:30Z.
describe('a blocked window goes by the clock of its zone', () => {
  test.each<[string, string, string, string]>([
    [
      'on an ordinary day it begins on time',
      'Europe/Berlin 22:00-06:00',
      '2026-01-14T21:00:00Z',
      '2026-01-15T05:00:00Z',
    ],
    ['just before it begins all is free', 'Europe/Berlin 22:00-06:00', '2026-01-14T20:59:59Z', 'free'],
    ['at its end all is free', 'Europe/Berlin 22:00-06:00', '2026-01-15T05:00:00Z', 'free'],
    [
      'in the short night it ends an hour earlier',
      'Europe/Berlin 22:00-06:00',
      '2026-03-28T22:00:00Z',
      '2026-03-29T04:00:00Z',
    ],
    [
      'in the long night it ends an hour later',
      'Europe/Berlin 22:00-06:00',
      '2026-10-24T21:00:00Z',
      '2026-10-25T05:00:00Z',
    ],
    ['a day of 23 hours', 'Europe/Berlin 00:00-24:00 sun', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['a day of 25 hours', 'Europe/Berlin 00:00-24:00 sun', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    [
      'what begins in the gap begins with the change',
      'Europe/Berlin 02:30-05:00',
      '2026-03-29T01:00:00Z',
      '2026-03-29T03:00:00Z',
    ],
    ['and not before it', 'Europe/Berlin 02:30-05:00', '2026-03-29T00:59:59Z', 'free'],
    [
      'what ends in the gap ends with the change',
      'Europe/Berlin 01:00-02:30',
      '2026-03-29T00:30:00Z',
      '2026-03-29T01:00:00Z',
    ],
    ['what lies in the gap alone is no time at all', 'Europe/Berlin 02:10-02:50', '2026-03-29T00:59:59Z', 'free'],
    [
      'what begins in the doubled hour begins the first time',
      'Europe/Berlin 02:30-04:00',
      '2026-10-25T00:30:00Z',
      '2026-10-25T03:00:00Z',
    ],
    [
      'what ends in the doubled hour ends the second time',
      'Europe/Berlin 01:00-02:30',
      '2026-10-25T00:45:00Z',
      '2026-10-25T01:30:00Z',
    ],
    [
      'what lies in the doubled hour counts from the first to the second',
      'Europe/Berlin 02:10-02:20',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:20:00Z',
    ],
    ['New York, the short night', 'America/New_York 22:00-06:00', '2026-03-08T04:00:00Z', '2026-03-08T10:00:00Z'],
    ['New York, begins in the gap', 'America/New_York 02:15-04:00', '2026-03-08T07:00:00Z', '2026-03-08T08:00:00Z'],
    ['New York, before the gap', 'America/New_York 02:15-04:00', '2026-03-08T06:59:00Z', 'free'],
    [
      'New York, begins in the doubled hour',
      'America/New_York 01:30-03:00',
      '2026-11-01T05:30:00Z',
      '2026-11-01T08:00:00Z',
    ],
    [
      'New York, the day of 25 hours',
      'America/New_York 00:00-24:00 sun',
      '2026-11-01T04:00:00Z',
      '2026-11-02T05:00:00Z',
    ],
    [
      'Lord Howe, begins in a gap of half an hour',
      'Australia/Lord_Howe 02:15-05:00',
      '2026-10-03T15:30:00Z',
      '2026-10-03T18:00:00Z',
    ],
    ['Lord Howe, before it', 'Australia/Lord_Howe 02:15-05:00', '2026-10-03T15:29:00Z', 'free'],
    [
      'Lord Howe, begins in the doubled half hour',
      'Australia/Lord_Howe 01:45-03:00',
      '2026-04-04T14:45:00Z',
      '2026-04-04T16:30:00Z',
    ],
    [
      'Lord Howe, ends in the doubled half hour',
      'Australia/Lord_Howe 01:00-01:45',
      '2026-04-04T14:50:00Z',
      '2026-04-04T15:15:00Z',
    ],
    ['on its days alone', 'Europe/Berlin 08:00-18:00 mon,tue', '2026-01-14T09:00:00Z', 'free'],
    [
      'of the day on which it began, past midnight',
      'Europe/Berlin 22:00-06:00 fri',
      '2026-01-17T03:00:00Z',
      '2026-01-17T05:00:00Z',
    ],
    ['and not of the day after', 'Europe/Berlin 22:00-06:00 fri', '2026-01-17T22:00:00Z', 'free'],
  ])('%s', (_what, text, now, free) => {
    expect(say({ blocked: [weekly(text)], allowed: [] }, now)).toBe(free);
  });

  test('windows that follow one another are one wait', () => {
    const blocked = [weekly('Europe/Berlin 22:00-06:00'), weekly('Europe/Berlin 06:00-09:30')];
    expect(say({ blocked, allowed: [] }, '2026-01-14T22:00:00Z')).toBe('2026-01-15T08:30:00Z');
  });

  test('windows that leave nothing leave nothing', () => {
    const blocked = [weekly('Europe/Berlin 00:00-12:00'), weekly('Europe/Berlin 12:00-24:00')];
    expect(say({ blocked, allowed: [] }, '2026-01-14T22:00:00Z')).toBe('never');
  });

  test('a freeze lasts from one moment to another', () => {
    const freeze = {
      kind: 'once',
      from: at('2026-12-20T00:00:00+01:00'),
      to: at('2027-01-04T08:00:00+01:00'),
      reason: 'freeze',
    } as const;
    expect(say({ blocked: [freeze], allowed: [] }, '2026-12-24T00:00:00Z')).toBe('2027-01-04T07:00:00Z');
    expect(say({ blocked: [freeze], allowed: [] }, '2027-01-04T07:00:00Z')).toBe('free');
  });
});

describe('allowed windows are the only free times', () => {
  test.each<[string, string, string, string]>([
    ['within one', 'Europe/Berlin 09:00-16:00 mon,tue,wed,thu', '2026-01-14T10:00:00Z', 'free'],
    ['before one', 'Europe/Berlin 09:00-16:00 mon,tue,wed,thu', '2026-01-14T07:00:00Z', '2026-01-14T08:00:00Z'],
    ['over the weekend', 'Europe/Berlin 09:00-16:00 mon,tue,wed,thu', '2026-01-15T15:00:00Z', '2026-01-19T08:00:00Z'],
    [
      'of a doubled hour only what both readings allow',
      'Europe/Berlin 02:30-05:00',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:30:00Z',
    ],
    ['from the gap on', 'Europe/Berlin 02:30-05:00', '2026-03-29T00:30:00Z', '2026-03-29T01:00:00Z'],
  ])('%s', (_what, text, now, free) => {
    expect(say({ blocked: [], allowed: [weekly(text)] }, now)).toBe(free);
  });

  test('what is blocked is taken out of them', () => {
    const windows = { allowed: [weekly('Europe/Berlin 09:00-16:00')], blocked: [weekly('Europe/Berlin 08:00-10:00')] };
    expect(say(windows, '2026-01-14T07:30:00Z')).toBe('2026-01-14T09:00:00Z');
    expect(say(windows, '2026-01-14T15:30:00Z')).toBe('2026-01-15T09:00:00Z');
  });
});

test('a blocked night never ends early or late by the clock on the wall, in any night of a year', () => {
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) {
    const reading = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    const blocked = [weekly(`${zone} 22:00-06:00`)];
    for (let now = at('2026-01-01T00:00:00Z'); now < at('2027-01-01T00:00:00Z'); now += 5 * 3_600_000) {
      const wall = minutes(reading.format(now));
      const isNight = wall >= 22 * 60 || wall < 6 * 60;
      expect(standingAt({ blocked, allowed: [] }, now, zones).free, `${zone} ${new Date(now).toISOString()}`).toBe(
        !isNight,
      );
    }
  }
}, 60_000);
