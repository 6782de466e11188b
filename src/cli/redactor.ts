import { reveal, type Secret } from '../credential/secret.ts';
import { bareKey, type SecretForm } from '../credential/secret-form.ts';

/** Replaces secrets that it was told of in text from elsewhere. */
export class Redactor {
  readonly #known = new Map<string, string>();

  /** Learns a secret in the forms in which programs print one: as text, base64, hex and URL-encoded. Of one that is held elsewhere there is nothing to learn. */
  learn(secret: Secret): void {
    if (secret.isHeldElsewhere) return;
    const bytes = reveal(secret);
    const text = bytes.toString('utf8');
    const forms = [
      text,
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
      encodeURIComponent(text),
    ];
    // A private key in PEM may be shown line by line, or escaped.
    if (text.startsWith('-----BEGIN'))
      forms.push(...text.split('\n').filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line)));
    for (const form of forms) if (form !== '') this.#known.set(form, secret.toString());
  }

  /** Learns a secret, and the key in it where a scheme writes one in a form of its own. */
  learnOf(secret: Secret, form: SecretForm | undefined): void {
    this.learn(secret);
    const bare = bareKey(secret, form);
    if (bare !== undefined) this.learn(bare);
  }

  readonly redact = (text: string): string => {
    let redacted = text;
    for (const [form, name] of this.#known) redacted = redacted.replaceAll(form, name);
    return redacted;
  };

  /** Whether any known secret stands in the text. */
  finds(text: string): boolean {
    return [...this.#known.keys()].some((form) => text.includes(form));
  }
}
