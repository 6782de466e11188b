import type { ProbeSettings } from '../fleet/fleet.ts';
import { has } from '../protocol/described/template.ts';

/** A client id, written in another way than its client does. */
export interface ClientSpelling {
  /** In words that follow "accepted": `with the client id as "SHOP"`. */
  readonly how: string;
  readonly client: string;
}

/** Whether requests say who the client is, beside what is signed. */
export function namesClient({ gate, scheme }: Pick<ProbeSettings, 'gate' | 'scheme'>): boolean {
  if (gate !== undefined) return false;
  return scheme === undefined || [...scheme.headers, ...scheme.fields].some(({ template }) => has(template, 'client'));
}

/**
 * Spellings under which a lenient look-up finds the same client: every letter in its other case, which any folding of case
 * undoes, and spaces around it, which a server takes off a header and a sound signer then calls a replay.
 */
export function clientSpellingsOf(client: string): readonly ClientSpelling[] {
  const swapped = client.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  return [swapped, ` ${client} `]
    .filter((one) => one !== client)
    .map((one) => ({ how: `with the client id as "${one}"`, client: one }));
}
