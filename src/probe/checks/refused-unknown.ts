import type { ProbeResult } from '../prober.ts';

/** Whether a service said that the request is at fault (4xx, and not that it is too busy), in words that no rule knows. */
export function isRefusedUnknown({ outcome, status = 0 }: ProbeResult): boolean {
  return outcome.code === 'UNKNOWN' && status >= 400 && status < 500 && status !== 429;
}
