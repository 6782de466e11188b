import { reveal, type Secret } from '../credential/secret.ts';

/** Replaces secrets that it was told of in text from elsewhere. */
export class Redactor {
  readonly #known = new Map<string, string>();

  /** Learns a secret in the forms in which programs print one: as text, base64, hex and URL-encoded. */
  learn(secret: Secret): void {
    const bytes = reveal(secret);
    const text = bytes.toString('utf8');
    const forms = [
      text,
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
      encodeURIComponent(text),
    ];
    for (const form of forms) if (form !== '') this.#known.set(form, secret.toString());
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
