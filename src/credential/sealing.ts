import { RotctlError } from '../errors/rotctl-error.ts';

/** A key pair of the age format: the identity opens (it is a secret), the recipient seals. */
export interface AgeKeys {
  readonly identity: string;
  readonly recipient: string;
}

/** Makes an X25519 identity of the age format (C2SP, age v1). */
export async function makeIdentity(): Promise<string> {
  const age = await import('age-encryption');
  return age.generateX25519Identity();
}

/** The public half of an identity; throws `INPUT_INVALID` for what is not one. */
export async function readIdentity(text: string, file: string): Promise<AgeKeys> {
  const age = await import('age-encryption');
  const identity = text.split(/\r?\n/).find((line) => line.startsWith('AGE-SECRET-KEY-')) ?? '';
  try {
    return { identity, recipient: await age.identityToRecipient(identity) };
  } catch {
    throw new RotctlError('INPUT_INVALID', 'the file holds no age identity', { at: { file } });
  }
}

/** Seals a text to the recipient, as armored age that the standard `age` tool opens. */
export async function sealText(plain: string, recipient: string): Promise<string> {
  const age = await import('age-encryption');
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(recipient);
  return age.armor.encode(await encrypter.encrypt(plain));
}

/** Opens what `sealText` sealed. Throws `INPUT_INVALID` when it is damaged or was sealed to another identity. */
export async function openText(sealed: string, identity: string, file: string): Promise<string> {
  const age = await import('age-encryption');
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(age.armor.decode(sealed), 'text');
  } catch {
    throw new RotctlError('INPUT_INVALID', 'the sealed file is damaged, or was sealed to another identity', {
      at: { file },
      hint: 'restore the vault folder from a copy, or end this rotation by hand; the secrets in force are not touched',
    });
  }
}
