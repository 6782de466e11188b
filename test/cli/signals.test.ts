import { afterEach, expect, test } from 'vitest';
import { watchSignals } from '../../src/system/signals.ts';

const NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = new Map(NAMES.map((name) => [name, process.listeners(name)]));

afterEach(() => {
  for (const name of NAMES) {
    for (const listener of process.listeners(name)) {
      if (before.get(name)?.includes(listener) !== true) process.removeListener(name, listener);
    }
  }
});

test.each(NAMES)(
  'the first %s aborts with its name and says so once; the second, of whatever name, ends the process',
  (name) => {
    const said: string[] = [];
    let ended = 0;
    const signal = watchSignals({ say: (line) => said.push(line), end: () => (ended += 1) });
    expect(signal.aborted).toBe(false);
    process.emit(name, name);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe(name);
    expect(said).toEqual([`${name}: stopping at the next safe point; a second signal ends rotctl at once`]);
    expect(ended).toBe(0);
    process.emit('SIGTERM', 'SIGTERM');
    expect(ended).toBe(1);
    expect(said).toHaveLength(1);
  },
);
