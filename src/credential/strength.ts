import { RotctlError } from '../errors/rotctl-error.ts';
import { contestedIn } from './env-quoting.ts';
import { reveal, Secret } from './secret.ts';
import { keyBytes, type SecretForm } from './secret-form.ts';

/** Shortest secret, in bytes: 32 characters hold 128 bits even when they are only hex digits. */
export const SHORTEST_SECRET = 32;
/** Longest secret, in bytes: HMAC-SHA256 replaces a longer key by its digest (RFC 2104, section 2). */
const LONGEST_SECRET = 64;
/** Shortest key where it is decoded from hex or base64, in bytes: every one of them is random, and Standard Webhooks begin there. */
const SHORTEST_KEY = 24;
const FEWEST_DIFFERENT_BYTES = 8;
/** Without quotes, or in quotes that a reader expands, such a secret is not the same everywhere. */
const CONTESTED = 'it holds signs that readers of env files take differently; use letters, digits and _@%+=:,./-';

const RETIRED = 'it was retired before';

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

/**
 * Judges a secret that is to become `next`; every problem refuses it. The form of one that is held elsewhere is its
 * holder's affair.
 *
 * @param form how the key stands in the secret's text; by default it is the text
 */
export function judgeNext(
  next: Secret,
  { current, retired, others }: SecretNeighbours,
  form?: SecretForm,
): SecretProblem[] {
  const messages = next.isHeldElsewhere ? [] : formProblems(next, form);
  if (messages.length === 0 && isContested(next)) messages.push(CONTESTED);
  if (current !== undefined && signAlike(current, next, form)) messages.push('it signs like the current secret');
  if (new Set(retired).has(next.fingerprint)) messages.push(RETIRED);
  messages.push(...sharing(next, others, form));
  return messages.map((message) => ({ severity: 'refuse', message }));
}

/** Judges the secret in force: empty or shared refuses; weak, or retired before, warns, because rotating it away is the remedy. */
export function judgeCurrent(
  current: Secret,
  others: SecretNeighbours['others'] = [],
  form?: SecretForm,
  retired: ReadonlySet<string> = new Set(),
): SecretProblem[] {
  const bytes = current.isHeldElsewhere ? undefined : keyBytes(current, form);
  if (bytes?.every((byte) => byte === 0) === true) return [{ severity: 'refuse', message: 'it is empty' }];
  return [
    ...(bytes === undefined ? [] : formProblems(current, form)).map(
      (message): SecretProblem => ({ severity: 'warn', message }),
    ),
    ...(retired.has(current.fingerprint) ? [{ severity: 'warn' as const, message: RETIRED }] : []),
    ...sharing(current, others, form).map((message): SecretProblem => ({ severity: 'refuse', message })),
  ];
}

/** Throws `SECRET_REFUSED` with the refusing problems; `whose` names the secret, such as `next of client-a`. */
export function requireUsable(problems: readonly SecretProblem[], whose: string): void {
  const refusing = problems.filter((problem) => problem.severity === 'refuse').map((problem) => problem.message);
  if (refusing.length > 0) throw new RotctlError('SECRET_REFUSED', `${whose}: ${refusing.join('; ')}`);
}

function isContested(secret: Secret): boolean {
  return !secret.isHeldElsewhere && contestedIn(reveal(secret).toString('utf8')).size > 0;
}

/** Rules on the bytes alone. The length is said, the bytes never. */
function formProblems(secret: Secret, form: SecretForm | undefined): string[] {
  const text = reveal(secret);
  const bytes = keyBytes(secret, form);
  if (bytes.length === 0) return ['it is empty'];
  const problems: string[] = [];
  const shortest = form === undefined || form.encoding === 'utf8' ? SHORTEST_SECRET : SHORTEST_KEY;
  const longest = form?.blockBytes ?? LONGEST_SECRET;
  if (bytes.length < shortest) problems.push(`it has ${bytes.length} bytes, fewer than ${shortest}`);
  if (bytes.length > longest) problems.push(`it has ${bytes.length} bytes, more than ${longest}`);
  if (text.some((byte) => byte <= 0x20 || byte >= 0x7f)) problems.push(unprintable(text));
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

/** By the keys, because two texts may hold one: with a prefix, and without it. */
function signAlike(one: Secret, other: Secret, form: SecretForm | undefined): boolean {
  if (form === undefined || one.isHeldElsewhere || other.isHeldElsewhere) return one.signsLike(other);
  return Secret.fromBytes(keyBytes(one, form)).signsLike(Secret.fromBytes(keyBytes(other, form)));
}

function sharing(secret: Secret, others: SecretNeighbours['others'], form: SecretForm | undefined): string[] {
  return [...others]
    .filter(([, other]) => signAlike(other, secret, form))
    .map(([client]) => `client ${client} has the same`);
}
