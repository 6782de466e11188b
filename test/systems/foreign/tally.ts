import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the sending clients counted, over all their lives. */
export interface Tally {
  readonly sent: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly faults: number;
}

/** The sum of what the clients have written into a folder, a file each. */
export function tallyOf(folder: string): Tally {
  const sum = { sent: 0, accepted: 0, refused: {} as Record<string, number>, faults: 0 };
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith('.json')) continue;
    const one: Tally = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    sum.sent += one.sent;
    sum.accepted += one.accepted;
    sum.faults += one.faults;
    for (const [code, count] of Object.entries(one.refused)) sum.refused[code] = (sum.refused[code] ?? 0) + count;
  }
  return sum;
}
