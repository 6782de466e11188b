import type { Secret } from '../credential/secret.ts';
import type { SecretForm } from '../credential/secret-form.ts';
import { judgeCurrent } from '../credential/strength.ts';

/** A secret's name for the record; a weak one gets none, because its name could be used to guess it. */
export function nameOf(secret: Secret, form?: SecretForm): string {
  return judgeCurrent(secret, [], form).length === 0 ? secret.fingerprint : 'withheld (weak)';
}
