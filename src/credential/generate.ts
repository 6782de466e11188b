import { Secret } from './secret.ts';

const SECRET_BYTES = 32;

/** Makes a fresh secret of 256 random bits, written as 64 lower-case hex digits (so it is also 64 bytes long). */
export function generateSecret(random: { hex(bytes: number): string }): Secret {
  return Secret.fromText(random.hex(SECRET_BYTES));
}
