interface Arrival {
  readonly at: number;
  readonly count: number;
}

/** The most that came within any one window of time; without a window, all since the last look. */
export class Sliding {
  readonly #windowMs: number | undefined;
  #events: readonly Arrival[] = [];
  #lookedAt = 0;

  /** @param windowMs in milliseconds; `undefined` for one window from look to look */
  constructor(windowMs: number | undefined) {
    this.#windowMs = windowMs;
  }

  begin(): void {
    this.#events = [];
    this.#lookedAt = 0;
  }

  /** @param at Unix milliseconds, never before an earlier one */
  add(at: number, count: number): void {
    if (count > 0) this.#events = [...this.#events, { at, count }];
  }

  /** The most in one window that ends after the last look: what came shortly before it counts with what came after. */
  peak(): number {
    const windowMs = this.#windowMs;
    const total = (events: readonly Arrival[]) => events.reduce((all, { count }) => all + count, 0);
    if (windowMs === undefined) return total(this.#events);
    const fresh = this.#events.slice(this.#lookedAt);
    const peaks = fresh.map((last) => total(this.#events.filter(({ at }) => at <= last.at && at > last.at - windowMs)));
    return Math.max(0, ...peaks);
  }

  /** What came up to now was told, and counts only in windows that reach beyond. */
  lookedAt(): void {
    const windowMs = this.#windowMs;
    const last = this.#events.at(-1)?.at ?? 0;
    this.#events = windowMs === undefined ? [] : this.#events.filter(({ at }) => at > last - windowMs);
    this.#lookedAt = this.#events.length;
  }
}
