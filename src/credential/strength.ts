import { RotctlError } from '../errors/rotctl-error.ts';
import { contestedIn } from './env-quoting.ts';
import { reveal, type Secret } from './secret.ts';

/** Shortest secret, in bytes: 32 characters hold 128 bits even when they are only hex digits. */
export const SHORTEST_SECRET = 32;
/** Longest secret, in bytes: HMAC-SHA256 replaces a longer key by its digest (RFC 2104, section 2). */
const LONGEST_SECRET = 64;
const FEWEST_DIFFERENT_BYTES = 8;
/** Without quotes, or in quotes that a reader expands, such a secret is not the same everywhere. */
const CONTESTED = 'it holds signs that readers of env files take differently; use letters, digits and _@%+=:,./-';

/** What is wrong with a secret. `message` says it without the secret. */
export interface SecretProblem {
  readonly severity: 'refuse' | 'warn';
  readonly message: string;
}

/** What a fresh secret is compared with. */
export interface SecretNeighbours {
  readonly current: Secret | undefined;
  /** Fingerprints of secrets that were retired before. */
  readonly retired: Iterable<string>;
  /** Secrets of other clients, by client id: the id is not signed, so a shared secret lets one replay as the other. */
  readonly others: Iterable<readonly [client: string, secret: Secret]>;
}

/** Judges a secret that is to become `next`; every problem refuses it. */
export function judgeNext(next: Secret, { current, retired, others }: SecretNeighbours): SecretProblem[] {
  const messages = formProblems(reveal(next));
  if (messages.length === 0 && contestedIn(reveal(next).toString('utf8')).size > 0) messages.push(CONTESTED);
  if (current?.signsLike(next)) messages.push('it signs like the current secret');
  if (new Set(retired).has(next.fingerprint)) messages.push('it was retired before');
  messages.push(...sharing(next, others));
  return messages.map((message) => ({ severity: 'refuse', message }));
}

/** Judges the secret in force: empty or shared refuses; weak warns, because rotating it away is the remedy. */
export function judgeCurrent(current: Secret, others: SecretNeighbours['others'] = []): SecretProblem[] {
  const bytes = reveal(current);
  if (bytes.every((byte) => byte === 0)) return [{ severity: 'refuse', message: 'it is empty' }];
  return [
    ...formProblems(bytes).map((message): SecretProblem => ({ severity: 'warn', message })),
    ...sharing(current, others).map((message): SecretProblem => ({ severity: 'refuse', message })),
  ];
}

/** Throws `SECRET_REFUSED` with the refusing problems; `whose` names the secret, such as `next of client-a`. */
export function requireUsable(problems: readonly SecretProblem[], whose: string): void {
  const refusing = problems.filter((problem) => problem.severity === 'refuse').map((problem) => problem.message);
  if (refusing.length > 0) throw new RotctlError('SECRET_REFUSED', `${whose}: ${refusing.join('; ')}`);
}

/** Rules on the bytes alone. The length is said, the bytes never. */
function formProblems(bytes: Buffer): string[] {
  if (bytes.length === 0) return ['it is empty'];
  const problems: string[] = [];
  if (bytes.length < SHORTEST_SECRET) problems.push(`it has ${bytes.length} bytes, fewer than ${SHORTEST_SECRET}`);
  if (bytes.length > LONGEST_SECRET) problems.push(`it has ${bytes.length} bytes, more than ${LONGEST_SECRET}`);
  if (bytes.some((byte) => byte <= 0x20 || byte >= 0x7f)) problems.push(unprintable(bytes));
  if (new Set(bytes).size < FEWEST_DIFFERENT_BYTES) {
    problems.push(`it has fewer than ${FEWEST_DIFFERENT_BYTES} different characters`);
  }
  return problems;
}

function unprintable(bytes: Buffer): string {
  const last = bytes.at(-1);
  if (last === 0x0a || last === 0x0d) return 'it ends with a newline';
  if (bytes.includes(0)) return 'it holds a NUL byte';
  if (bytes.some((byte) => byte >= 0x80)) return 'it holds characters outside ASCII';
  return 'it holds spaces or control characters';
}

function sharing(secret: Secret, others: SecretNeighbours['others']): string[] {
  return [...others].filter(([, other]) => other.signsLike(secret)).map(([client]) => `client ${client} has the same`);
}
