/** The faults that can be planted on a practice signer: name and what it then does. */
export const FAULTS = {
  'misses-next': 'each time it loads its configuration, keeps only the first secret listed for each client',
  'keeps-old': 'goes on accepting every secret that it once had loaded, also after a restart',
  'memory-store': 'remembers nonces in its own memory, not in the shared store',
  'fail-open': 'accepts a request when the store fails or does not answer',
  'other-prefix': 'writes its nonces under another prefix than the other signers',
  'crash-mid-roll': 'exits with 1 at a reload or restart that changes its configuration, and at each start after that',
  'no-mtls': 'does not ask for a client certificate',
  'skewed-clock': 'its clock is 1200 ms ahead',
  'short-ttl': 'forgets a nonce after 500 ms',
  'non-atomic-store': 'looks a nonce up, waits 30 ms, then writes it',
  slow: 'answers signing requests after 3 s',
  reset: 'destroys the connection after it has read a signing request',
  '503-on-start': 'after its next start answers 503 to signing requests, while its health page says 200',
  'unsigned-accepted': 'accepts a request whose signature header is missing or empty',
} as const satisfies Record<string, string>;

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;

/** Whether `text` names a fault. */
export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(FAULTS, text);
}
