import { afterEach, expect, test } from 'vitest';
import { watchSignals } from '../../src/system/signals.ts';
import { hardenProcess, refuseOldNode } from '../../src/system/startup.ts';

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

test('files that the process makes are its user’s alone', () => {
  const umask = process.umask(0o022);
  try {
    hardenProcess();
    expect(process.umask()).toBe(0o077);
  } finally {
    process.umask(umask);
    process.removeAllListeners('SIGUSR1');
  }
});

test.each([
  { version: '18.20.8', refused: true },
  { version: '20.18.3', refused: true },
  { version: '20.19.0', refused: false },
  { version: '22.0.0', refused: false },
])('node $version is refused: $refused', ({ version, refused }) => {
  expect(refuseOldNode(version) !== undefined).toBe(refused);
});
