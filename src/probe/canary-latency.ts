/** Milliseconds: how many were measured, the median, the 99th percentile and the largest. All 0 when none was. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const FINEST_MS = 0.05;
/** Each bucket's upper edge is about 9 % above the one before. */
const PER_DOUBLING = 8;

/** Durations in a fixed number of logarithmic buckets: a canary of days needs no more memory than one of seconds. */
export class Durations {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #max = 0;

  add(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log2(Math.max(ms, FINEST_MS) / FINEST_MS) * PER_DOUBLING));
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#max = Math.max(this.#max, ms);
  }

  /** Percentiles are upper edges of buckets, so never too small, and at most 10 % too large. */
  spread(): Spread {
    return { count: this.#count, p50: this.#percentile(0.5), p99: this.#percentile(0.99), max: round(this.#max) };
  }

  #percentile(share: number): number {
    let seen = 0;
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      seen += this.#buckets.get(bucket) ?? 0;
      if (seen >= this.#count * share) return round(Math.min(this.#max, FINEST_MS * 2 ** (bucket / PER_DOUBLING)));
    }
    return 0;
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
