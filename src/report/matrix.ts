import { escapeForeign } from '../errors/escape.ts';
import type { Cell } from '../probe/finding.ts';
import { type Palette, PLAIN } from './palette.ts';
import { coloured } from './text.ts';

const MARKS = { pass: 'ok', fail: 'FAIL', unknown: '?' } as const;
const GAP = '  ';
const ABSENT = '-';

/** How wide a table may be, and how emphasis is shown. */
export interface MatrixOptions {
  readonly palette?: Palette;
  /** Columns of the screen; a table with more replicas goes on below. */
  readonly width?: number;
}

/**
 * The evidence matrix: a row for each client and generation, a column for each replica, in each field whether it is as
 * expected and what was seen. Of several results for one field the last counts; `-` is a field that was not measured.
 * Below it, each field that is not `ok` with what was expected.
 */
export function renderMatrix(cells: readonly Cell[], options: MatrixOptions = {}): string {
  const { palette = PLAIN, width = 100 } = options;
  const fields = new Map(cells.map((cell) => [keyOf(rowOf(cell), cell.replica), cell]));
  const rows = [...new Set(cells.map(rowOf))];
  const replicas = [...new Set(cells.map((cell) => cell.replica))];
  const first = Math.max(0, ...rows.map((row) => row.length));
  const textAt = (row: string, replica: string): string => {
    const cell = fields.get(keyOf(row, replica));
    return cell === undefined ? ABSENT : `${MARKS[cell.verdict]} ${seenWord(cell.seen)}`;
  };
  const widthOf = (replica: string): number =>
    Math.max(escapeForeign(replica).length, ...rows.map((row) => textAt(row, replica).length));
  const field = (row: string, replica: string): string => {
    const cell = fields.get(keyOf(row, replica));
    const text = textAt(row, replica).padEnd(widthOf(replica));
    return cell === undefined ? palette.faint(text) : coloured(cell.verdict, text, palette);
  };
  const tables = bands(replicas, widthOf, width - first).map((band) =>
    [
      [' '.repeat(first), ...band.map((replica) => palette.strong(escapeForeign(replica).padEnd(widthOf(replica))))],
      ...rows.map((row) => [row.padEnd(first), ...band.map((replica) => field(row, replica))]),
    ]
      .map((line) => line.join(GAP).trimEnd())
      .join('\n'),
  );
  const remarks = [...fields.values()].filter((cell) => cell.verdict !== 'pass').map(remark);
  return [...tables, ...(remarks.length === 0 ? [] : [remarks.join('\n')])].join('\n\n');
}

function rowOf(cell: Cell): string {
  return `${escapeForeign(cell.client)} ${cell.generation}`;
}

function keyOf(row: string, replica: string): string {
  return JSON.stringify([row, replica]);
}

function seenWord(seen: string): string {
  if (seen === 'ACCEPTED') return 'accepted';
  return seen === 'AUTH_INVALID_HMAC' ? 'refused' : escapeForeign(seen, 40);
}

function remark(cell: Cell): string {
  const reason = cell.reason === undefined ? '' : `: ${escapeForeign(cell.reason, 400)}`;
  const where = `${escapeForeign(cell.replica)}, ${rowOf(cell)}`;
  return `${MARKS[cell.verdict]} ${where}: expected ${escapeForeign(cell.expected)}, saw ${escapeForeign(cell.seen)}${reason}`;
}

/** Splits the columns into groups that fit side by side; a column wider than the screen stands alone. */
function bands(replicas: readonly string[], widthOf: (replica: string) => number, room: number): string[][] {
  const groups: string[][] = [];
  let left = 0;
  for (const replica of replicas) {
    const needed = widthOf(replica) + GAP.length;
    const group = groups.at(-1);
    if (group === undefined || needed > left) {
      groups.push([replica]);
      left = room - needed;
    } else {
      group.push(replica);
      left -= needed;
    }
  }
  return groups;
}
