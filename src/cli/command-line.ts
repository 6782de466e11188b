import { looksLikeSecret } from '../document/secret-text.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Platform } from './platform.ts';
import type { OutputFlags } from './request.ts';

/** Flags whose name says that a secret is their value; there is none of these, and there will be none. */
const SECRET_FLAG = /^--?(secret|password|passw|passphrase|token|hmac|key|credential|next|current|previous)(=|$)/i;
/** What follows is a path or a text that people write. */
const PATH = /^(\.{0,2}\/|~)/;

/**
 * Refuses a command line that holds what looks like a secret: it can be read by every process of the machine, and stands
 * in the shell's history. The message never holds the value.
 *
 * @throws RotctlError `USAGE`
 */
export async function refuseSecrets(argv: readonly string[], { exists }: Pick<Platform, 'exists'>): Promise<void> {
  for (const [index, word] of argv.entries()) {
    const flag = SECRET_FLAG.exec(word);
    if (flag !== null) throw refused(`${flag[0].replace(/=$/, '')} is no flag`);
    if (!looksLikeSecret(word)) continue;
    const value = word.slice(word.indexOf('=') + 1);
    if (PATH.test(value) || (await exists(value))) continue;
    throw refused(`argument ${index + 1} looks like a secret`);
  }
}

function refused(what: string): RotctlError {
  return new RotctlError('USAGE', `${what}: a secret is never given on the command line`, {
    hint: 'put it in a file that only you can read and name that with --secret-file CLIENT=FILE; replace a secret that was typed',
  });
}

/** How to tell the end when the command line itself could not be read: by the flags that are in it as they stand. */
export function sniffFlags(argv: readonly string[]): OutputFlags {
  const out = argv.indexOf('--out');
  const joined = argv.find((word) => word.startsWith('--out='))?.slice('--out='.length);
  const folder = joined ?? (out === -1 ? undefined : argv[out + 1]);
  return {
    json: argv.includes('--json'),
    out: folder === undefined || folder.startsWith('-') ? undefined : folder,
    quiet: argv.includes('--quiet'),
    verbose: argv.includes('--verbose'),
    color: !argv.includes('--no-color'),
  };
}
