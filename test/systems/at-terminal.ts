import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENV } from './foreign/processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the built program at a terminal in the folder `home`, and types each answer when its question has been shown. */
export function atTerminal(
  home: string,
  answers: readonly (readonly [question: string, answer: string])[],
  ...words: readonly string[]
): Promise<{ readonly code: unknown; readonly shown: string }> {
  const file = join(home, 'answers.json');
  writeFileSync(file, JSON.stringify(answers));
  const argv = [
    join(root, 'test/systems/at-terminal.py'),
    file,
    process.execPath,
    join(root, 'bin/rotctl.js'),
    ...words,
  ];
  return new Promise((resolve) => {
    execFile('python3', argv, { cwd: home, env: ENV, timeout: 90_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, shown: stdout + stderr }),
    );
  });
}
