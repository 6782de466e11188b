/** The faults of a practice signer that show only while certificates are rotated: name and what it then does. */
export const CERTIFICATE_FAULTS = {
  'trust-replaced': 'each time it loads its certificates, trusts the last authority of its bundle alone',
  'torn-trust': 'each time it loads its certificates, reads the first one of its bundle alone',
  'keeps-trust': 'goes on trusting every authority that it once had loaded, also after a restart',
  'not-reloaded': 'goes by the certificates that it had when the fault was planted, also after a restart',
  'wrong-purpose': 'each time it loads its certificates, shows one that is not for servers',
  'any-purpose': 'accepts client certificates whatever they are for',
  'fixed-ticket-keys': 'has ticket keys that never change, the same as other signers with the fault',
  'keeps-connections': 'changes ticket keys when it is told to end sessions, but closes no connection',
} as const satisfies Record<string, string>;

/** The faults that can be planted on a practice signer: name and what it then does. */
export const FAULTS = {
  ...CERTIFICATE_FAULTS,
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

/** The faults that can be planted on a practice gate: name and what it then does. */
export const GATE_FAULTS = {
  'empty-secret-accepted': 'takes the empty text for a secret: accepts what was signed with the empty key',
  'strict-ignored': 'does not bind key ids to secrets, though its configuration is strict',
  'revoked-ignored': 'accepts signatures under revoked key ids, made with any secret that it has',
  'signature-not-required': 'lets a request through whatever its signature, and without one',
  'per-process-nonces': 'remembers nonces in its own memory, not in the shared store',
  'default-key-id-missing': "does not see its variable for the previous secret's key id, and goes by v0",
  'idempotency-cache':
    'answers 200 from a cache, before it checks anything, to a request with an idempotency key, or else a nonce, that it has seen',
  'misses-next':
    'goes by a secret of its own when it starts with another primary secret: by those that it had before the change',
  'keeps-old': 'goes on accepting every secret that it once had, also after a restart',
  'fail-open': 'accepts a request when the store fails or does not answer',
  'short-ttl': 'forgets a nonce after 500 ms',
  'non-atomic-store': 'looks a nonce up, waits 30 ms, then writes it',
  'other-prefix': 'writes its nonces under another prefix than the other gates',
  'skewed-clock': 'its clock is 1200 ms ahead',
  slow: 'answers gate requests after 3 s',
  reset: 'destroys the connection after it has read a gate request',
  '503-on-start': 'after its next start answers 503 to gate requests, while its health page says 200',
  'crash-mid-roll': 'exits with 1 at a restart that changes its configuration, and at each start after that',
} as const satisfies Record<string, string>;

/** The name of a fault, of either kind of replica. */
export type FaultName = keyof typeof FAULTS | keyof typeof GATE_FAULTS;

/** What verifies requests in a practice fleet: signers of `keyring-v1` or gates of `gate-v1`. */
export type ReplicaKind = 'signer' | 'gate';

const KNOWN: Readonly<Record<ReplicaKind, Readonly<Record<string, string>>>> = { signer: FAULTS, gate: GATE_FAULTS };

/** Whether `text` names a fault of any kind of replica. */
export function isFaultName(text: string): text is FaultName {
  return Object.values(KNOWN).some((faults) => Object.hasOwn(faults, text));
}

/** The fault of this name that replicas of the kind know. Throws for any other, saying which kind knows it. */
export function faultOf(kind: ReplicaKind, text: string): FaultName {
  if (!isFaultName(text)) throw new Error(`there is no fault ${JSON.stringify(text)}: see the role faults`);
  if (Object.hasOwn(KNOWN[kind], text)) return text;
  throw new Error(`a ${kind} has no fault ${JSON.stringify(text)}: see the role faults`);
}
