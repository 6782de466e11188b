/** Counters of one gate, for `GET /metrics`. */
export interface GateMetrics {
  /** Counts an answer to a gate request; one of 401 is not counted. */
  answered(status: number): void;
  page(): { readonly error_ratio: number; readonly total: number };
}

/** Counters that begin at nought. */
export function makeGateMetrics(): GateMetrics {
  let total = 0;
  let errors = 0;
  return {
    answered: (status) => {
      if (status === 401) return;
      total += 1;
      if (status >= 400) errors += 1;
    },
    page: () => ({ error_ratio: total === 0 ? 0 : errors / total, total }),
  };
}
