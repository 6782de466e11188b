const MOST_NAMES = 12;

/** Names as a list in a sentence: `signer-a, signer-b`; of many, the first and how many more. */
export function sayNames(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
