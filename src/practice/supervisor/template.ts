import { readFileSync } from 'node:fs';
import { paths } from '../layout.ts';
import { writePrivate } from './files.ts';

const SECRETS = /^KEYRING_CLIENTS=.*$/m;

/** Gives a signer's env file the secrets of the template; all else in it stays. Throws when either file has none. */
export function adoptTemplate(home: string, signer: string): void {
  const template = paths.templateEnv(home);
  const path = paths.signerEnv(home, signer);
  const [line] = SECRETS.exec(readFileSync(template, 'utf8')) ?? [];
  const text = readFileSync(path, 'utf8');
  if (line === undefined || !SECRETS.test(text)) {
    throw new Error(`KEYRING_CLIENTS is not set in ${line === undefined ? template : path}`);
  }
  writePrivate(
    path,
    text.replace(SECRETS, () => line),
  );
}
