import { type PlaceholderName, placeholdersIn, type Template } from './template.ts';

/** Stands for a part that is left out, until it is cut out with its name and its separator. For private use in Unicode. */
const GAP = '\uf8ff';
const AROUND_GAP = new RegExp(`[^\\s,;]*${GAP}[^\\s,;]*(?:[,;]\\s*|\\s+|$)`, 'g');
const SEPARATOR = /[,;\s]/;

/**
 * A template without some of its parts; `undefined` where it has no other, so that nothing of it is sent. A part between
 * separators leaves a gap, to be closed in what is sent (`closeGaps`): `t={timestamp},v1={signature}` becomes `v1=…`. Any
 * other is empty.
 */
export function templateWithout(template: Template, left: readonly PlaceholderName[] = []): Template | undefined {
  const names = placeholdersIn(template).map(({ name }) => name);
  if (!names.some((name) => left.includes(name))) return template;
  if (names.every((name) => left.includes(name))) return undefined;
  return template.map((piece, at) => {
    if (!('name' in piece) || !left.includes(piece.name)) return piece;
    return { text: isApart(template, at - 1, 0) && isApart(template, at + 1, template.length - 1) ? GAP : '' };
  });
}

/** What is sent, with the gaps of parts that were left out closed. */
export function closeGaps(text: string): string {
  return text.includes(GAP) ? text.replaceAll(AROUND_GAP, '').replace(/[,;\s]+$/, '') : text;
}

/** Whether what stands at this place sets a neighbour apart: the end of the template, or a text with a separator. */
function isApart(template: Template, at: number, end: number): boolean {
  const piece = template[at];
  return piece === undefined || ('text' in piece && (at === end || SEPARATOR.test(piece.text)));
}
