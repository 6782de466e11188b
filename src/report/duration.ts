const UNITS = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1000 },
] as const;

/**
 * A duration for people: `850 ms`, `2.5 s`, `3 min 20 s`, `2 h 5 min`, `1 d 4 h`. Two units at most, rounded to the
 * smaller one. A negative duration keeps its sign; one that is not finite is `unknown`.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown';
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Math.round(ms / 100) / 10} s`;
  return inTwoUnits(ms);
}

function inTwoUnits(ms: number): string {
  const index = UNITS.findIndex((unit) => roundTo(ms, 1000) >= unit.ms);
  const larger = UNITS[index - 1];
  const unit = UNITS[index];
  const smaller = UNITS[index + 1];
  if (unit === undefined || smaller === undefined) return `${Math.round(ms / 1000)} s`;
  const rounded = roundTo(ms, smaller.ms);
  if (larger !== undefined && rounded >= larger.ms) return inTwoUnits(rounded);
  const rest = Math.round((rounded % unit.ms) / smaller.ms);
  const whole = `${Math.floor(rounded / unit.ms)} ${unit.name}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smaller.name}`;
}

function roundTo(ms: number, step: number): number {
  return Math.round(ms / step) * step;
}
