/**
 * How long a `Retry-After` header asks to wait, in milliseconds (RFC 9110, section 10.2.3): seconds, or an HTTP date,
 * which is measured against the answer's own `Date`, so that no clock of ours comes into it. `undefined` when the
 * header is absent, malformed, or a date in an answer without a `Date`.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after']?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const until = httpDate(value);
  const sent = httpDate(headers.date);
  return until === undefined || sent === undefined ? undefined : Math.max(0, until - sent);
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` in Unix milliseconds; the two obsolete forms are not read. */
function httpDate(value: string | undefined): number | undefined {
  if (value === undefined || !/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value))
    return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}
