import { readVariable, replaceVariable } from '../credential/env-file.ts';
import { forClient } from '../credential/placeholder.ts';
import { reveal, type Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';
import { secretsIn, withSecrets } from './variable-format.ts';

/**
 * One client's secrets in the text of an env file, in their order.
 *
 * Throws `INPUT_INVALID` or `INPUT_SYNTAX` when the text does not have the shape that the fleet file says.
 */
export function secretsOf(text: string, deploy: EnvFilePlace, clientId: string): Secret[] {
  const { variable, value } = valueFor(text, deploy, clientId);
  return located(deploy.path, () => secretsIn(value, deploy.format, clientId, variable));
}

/**
 * The text with one client's secrets replaced. The variable is written only when its value changes, so that a file of
 * another spelling is not touched for nothing.
 *
 * Throws as `secretsOf` does, `PRECONDITION_FAILED` when the secrets do not fit the format, and `DRIVER_FAILED` when the
 * quoting that stands there cannot hold the new value.
 */
export function replaceSecrets(
  text: string,
  deploy: EnvFilePlace,
  clientId: string,
  secrets: readonly Secret[],
): string {
  const { variable, value } = valueFor(text, deploy, clientId);
  const next = located(deploy.path, () => {
    const present = secretsIn(value, deploy.format, clientId, variable);
    const same = present.length === secrets.length && present.every((one, index) => secrets[index]?.signsLike(one));
    return same ? value : withSecrets(value, deploy.format, clientId, secrets, variable);
  });
  return next === value ? text : replaceVariable(text, variable, next, deploy.path, formerly(deploy, secrets));
}

/**
 * Characters that this place has held before: a fresh secret has none that readers take differently (`judgeNext`), so a
 * secret that has some stood here when the rotation began, and must get back in.
 */
function formerly({ format }: EnvFilePlace, secrets: readonly Secret[]): string {
  const texts = secrets.map((secret) => reveal(secret).toString('utf8'));
  return format.kind === 'json' ? JSON.stringify(texts) : texts.join('');
}

function valueFor(text: string, deploy: EnvFilePlace, clientId: string) {
  const variable = forClient(deploy.variable, clientId);
  const value = readVariable(text, variable, deploy.path);
  if (value !== undefined) return { variable, value };
  throw new RotctlError('INPUT_INVALID', `${variable} is not set in the file`, { at: { file: deploy.path } });
}

/** Adds the file to an error that was thrown without knowing it. */
function located<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RotctlError) || error.at !== undefined) throw error;
    throw new RotctlError(error.code, error.message, { at: { file }, hint: error.hint });
  }
}
