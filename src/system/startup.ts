import { RotctlError } from '../errors/rotctl-error.ts';

/** The oldest Node.js that the program runs on. */
const OLDEST = { major: 20, minor: 19 } as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** Switches of Node.js that would show memory, environment or traffic to others. */
const LEAKING_OPTION = /^--(inspect|debug|report|heapsnapshot|tls-keylog|trace-tls|abort-on-uncaught)/;

/** Why this Node.js is too old, or `undefined`. */
export function refuseOldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
  return isNewEnough ? undefined : `node must be ${OLDEST.major}.${OLDEST.minor} or newer, got ${version}`;
}

/**
 * Refuses to work where debug switches would show secrets to others: header values on stderr, keys of TLS sessions in a
 * file, the whole environment in a crash report, a debugger's port, or certificates that are not checked.
 *
 * @param options the options that Node.js itself was started with
 * @throws RotctlError `USAGE`, naming the variable or the option and never its value
 */
export function refuseDebugSwitches(env: Environment, options: readonly string[]): void {
  for (const name of ['NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'SSLKEYLOGFILE']) {
    if ((env[name] ?? '') !== '') throw refused(`${name} is set`, `unset ${name}`);
  }
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    throw refused('NODE_TLS_REJECT_UNAUTHORIZED is 0', 'unset NODE_TLS_REJECT_UNAUTHORIZED');
  }
  const inherited = (env.NODE_OPTIONS ?? '').split(/[\s"']+/).find((word) => LEAKING_OPTION.test(word));
  if (inherited !== undefined) throw refused(`NODE_OPTIONS has ${nameOf(inherited)}`, 'take it out of NODE_OPTIONS');
  const own = options.find((word) => LEAKING_OPTION.test(word));
  if (own !== undefined) throw refused(`node was started with ${nameOf(own)}`, 'start rotctl without it');
}

/** Files that we make are ours alone, and SIGUSR1, which opens a debugger in a Node.js process, does nothing. */
export function hardenProcess(): void {
  process.umask(0o077);
  process.on('SIGUSR1', () => {});
}

function refused(what: string, hint: string): RotctlError {
  return new RotctlError('USAGE', `${what}, which may show secrets to others`, { hint });
}

function nameOf(option: string): string {
  return option.replace(/=.*/s, '');
}
