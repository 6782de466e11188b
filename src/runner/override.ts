import type { Entry } from '../ledger/entry.ts';

/**
 * Why nothing that is done in a rotation can count as proven: what was overridden in it, as its ledger says.
 *
 * @returns `undefined` for a rotation in which nothing was
 */
export function overrideIn(entries: readonly Entry[], rotation: string | undefined): string | undefined {
  const entry = entries.find(({ kind, rotation: of }) => kind === 'override' && of === rotation);
  if (entry === undefined) return undefined;
  const { what, reason } = entry.data;
  return `override in entry ${entry.seq}: ${String(what)}, because: ${String(reason)}`;
}
