import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultName } from '../faults.ts';

/** The fault `crash-mid-roll` struck. */
export class CrashOrdered extends Error {}

/** What the faults remember over restarts; the supervisor forgets it when a fault is lifted. */
export interface Memory {
  read(fault: FaultName): string | undefined;
  write(fault: FaultName, text: string): void;
}

/** Private files `<folder>/<fault>` (0600) as the faults' memory. */
export function fileMemory(folder: string): Memory {
  return {
    read: (fault) => {
      try {
        return readFileSync(join(folder, fault), 'utf8');
      } catch {
        return undefined;
      }
    },
    write: (fault, text) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, fault), text, { mode: 0o600 });
    },
  };
}

const CRASHED = 'crashed';

/** Fault `crash-mid-roll`: throws `CrashOrdered` when the configuration is another than at the first call, and ever after. */
export function crashWhenChanged(memory: Memory, configuration: string): void {
  const digest = createHash('sha256').update(configuration).digest('hex');
  const before = memory.read('crash-mid-roll');
  if (before === undefined) memory.write('crash-mid-roll', digest);
  else if (before !== digest) {
    memory.write('crash-mid-roll', CRASHED);
    throw new CrashOrdered('the configuration changed');
  }
}
