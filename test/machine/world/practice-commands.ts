import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult, Commands } from '../../../src/deploy/ports.ts';
import { type Control, command, readControl } from '../../../src/system/practice-control.ts';
import { eventually } from '../../support/until.ts';

/** The supervisor of a practice fleet, spoken to without a process for each word. */
export interface Supervisor extends Commands {
  /** Resolves when it is done; of a reload, when the signer says that it has loaded. Throws what the supervisor refused. */
  tell(...words: string[]): Promise<Readonly<Record<string, unknown>>>;
}

/** Takes hold of the supervisor of the fleet in a folder. Commands of the fleet file are understood, and carried out. */
export async function supervisorOf(home: string): Promise<Supervisor> {
  const control = await readControl(home);
  const tell = async (...words: string[]) => (words[0] === 'reload' ? reload(control, words) : command(control, words));
  return {
    tell,
    runnable: async () => true,
    ask: () => Promise.reject(new Error('nothing is asked on this fleet')),
    async run(argv): Promise<CommandResult> {
      const place = argv.indexOf('ctl');
      const [flag, folder, ...words] = argv.slice(place + 1);
      if (place === -1 || flag !== '--home' || folder !== home) throw new Error(`no command of this fleet: ${argv}`);
      const began = performance.now();
      await tell(...words);
      return { ok: true, how: 'exit 0', output: '', ms: performance.now() - began };
    },
  };
}

/** A signal says nothing of when it is heeded; the signer's log does. */
async function reload(control: Control, words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const log = join(control.home, 'logs', `${words[1]}.log`);
  const before = statSync(log).size;
  const answer = await command(control, words);
  await eventually(
    `${words[1]} has reloaded`,
    () => readFileSync(log).subarray(before).toString('utf8').includes('configuration reloaded\n'),
    { pauseMs: 1 },
  );
  return answer;
}
