/** What `gate-v1` signs. Texts are as the gate has them after its sanitising; `seconds` is Unix time, whole. */
export interface GateRequest {
  readonly actor: string;
  readonly session: string;
  readonly tool: string;
  readonly nonce: string;
  readonly seconds: number;
}

/** The key ids that every party goes by where nothing else is said: of the primary secret, and of the previous one. */
export const DEFAULT_KEY_IDS = { primary: 'v1', previous: 'v0' } as const;

/** The values of `INTERSERVICE_HMAC_STRICT_KEY_ID` that turn it on, in any case; every other one is off. */
const ON: readonly string[] = ['1', 'true', 'yes'];

/** Whether the text of a switch turns it on. */
export function isOn(text: string | undefined): boolean {
  return ON.includes((text ?? '').trim().toLowerCase());
}

/**
 * The signed string: `<actor>|<session>|<tool>|<nonce>|<whole seconds>`. Params, conviction and fractions are not in it. A
 * signature bears its HMAC-SHA256 in lower-case hex; the secret enters as raw bytes.
 */
export function gateSignedString({ actor, session, tool, nonce, seconds }: GateRequest): string {
  return `${actor}|${session}|${tool}|${nonce}|${seconds}`;
}

/** The text of a signature: `<key id>:<hex>`. */
export function gateSignature(keyId: string, digest: string): string {
  return `${keyId}:${digest}`;
}
