import { Secret } from './secret.ts';
import { generateInForm, type SecretForm } from './secret-form.ts';

const SECRET_BYTES = 32;

/**
 * Makes a fresh secret of 256 random bits, written as 64 lower-case hex digits (so it is also 64 bytes long).
 *
 * @param form how secrets are written where they do not stand as they are
 */
export function generateSecret(random: { hex(bytes: number): string }, form?: SecretForm): Secret {
  if (form !== undefined) return generateInForm(random, form);
  return Secret.fromText(random.hex(SECRET_BYTES));
}
