import type { Window, Windows } from '../fleet/window.ts';
import type { ZoneTime } from './zone-time.ts';

/** Whether policy lets work begin now, and otherwise from when on. */
export type Standing =
  | { readonly free: true }
  | {
      readonly free: false;
      /** Unix milliseconds of the next moment at which work may begin; `undefined` when there is none within a year. */
      readonly at: number | undefined;
      /** What is in the way now, in the words of the policy. */
      readonly why: string;
    };

interface Span {
  readonly from: number;
  readonly to: number;
}

const HORIZON_DAYS = 400;
const MOST_STEPS = 2000;

/** Whether there is anything to look at. */
export function hasWindows({ blocked, allowed }: Windows): boolean {
  return blocked.length > 0 || allowed.length > 0;
}

/**
 * Whether work may begin at a moment (Unix milliseconds), and when the next time is. Windows go by the clock of their zone:
 * on the day of a change they are an hour shorter or longer, or shifted, as whoever reads that clock would have it.
 */
export function standingAt(windows: Windows, now: number, zones: ZoneTime): Standing {
  const inTheWay = obstacleAt(windows, now, zones);
  if (inTheWay === undefined) return { free: true };
  const { why } = inTheWay;
  let { until } = inTheWay;
  for (let step = 0; until !== undefined && step < MOST_STEPS; step += 1) {
    const next = obstacleAt(windows, until, zones);
    if (next === undefined) return { free: false, at: until, why };
    ({ until } = next);
  }
  return { free: false, at: undefined, why };
}

interface Obstacle {
  readonly why: string;
  /** When it is over; `undefined` for never, within the horizon. */
  readonly until: number | undefined;
}

function obstacleAt({ blocked, allowed }: Windows, at: number, zones: ZoneTime): Obstacle | undefined {
  for (const window of blocked) {
    const span = spansAround(window, at, zones, 'blocked').find(({ from, to }) => from <= at && at < to);
    if (span !== undefined) return { why: window.reason, until: span.to };
  }
  if (allowed.length === 0) return undefined;
  const open = (window: Window): boolean =>
    spansAround(window, at, zones, 'allowed').some(({ from, to }) => from <= at && at < to);
  if (allowed.some(open)) return undefined;
  const starts = allowed.flatMap((window) => nextStart(window, at, zones) ?? []);
  const until = starts.length === 0 ? undefined : Math.min(...starts);
  return { why: `outside of the allowed windows (${allowed.map(({ reason }) => reason).join(', ')})`, until };
}

/** The spans of a window that may hold a moment. */
function spansAround(window: Window, at: number, zones: ZoneTime, kind: 'blocked' | 'allowed'): Span[] {
  if (window.kind === 'once') return [window];
  return [-2, -1, 0, 1].flatMap((plus) => spanOn(window, zones.day(at, window.zone, plus), zones, kind) ?? []);
}

function nextStart(window: Window, at: number, zones: ZoneTime): number | undefined {
  if (window.kind === 'once') return window.from > at ? window.from : undefined;
  for (let plus = -1; plus < HORIZON_DAYS; plus += 1) {
    const span = spanOn(window, zones.day(at, window.zone, plus), zones, 'allowed');
    if (span !== undefined && span.from > at) return span.from;
  }
  return undefined;
}

/**
 * The span that begins on a day, or `undefined`. Of an hour that comes twice a blocked window takes both, an allowed one
 * only what both readings allow.
 */
function spanOn(
  { days, from, to, zone }: Extract<Window, { kind: 'weekly' }>,
  day: string,
  zones: ZoneTime,
  kind: 'blocked' | 'allowed',
): Span | undefined {
  if (!days.includes(zones.weekday(day))) return undefined;
  const [start, end] = kind === 'blocked' ? (['first', 'last'] as const) : (['last', 'first'] as const);
  const span = {
    from: zones.moment(day, from, zone, start),
    to: zones.moment(day, to <= from ? to + 1440 : to, zone, end),
  };
  return span.from < span.to ? span : undefined;
}
