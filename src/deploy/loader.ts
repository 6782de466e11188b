import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { LoadCommands, Loading } from '../fleet/fleet.ts';
import type { CommandResult, Commands } from './ports.ts';

/** Makes a process read its configuration. */
export interface Loader {
  /** Throws `PRECONDITION_FAILED` when the fleet file gives no means for it. What it says of itself is for a probe to judge. */
  load(action: Loading): Promise<CommandResult>;
  /** What would keep it from that, in words; starts nothing of the process. */
  hindrances(): Promise<readonly string[]>;
}

/** Where commands run. */
export interface CommandPorts {
  readonly commands: Commands;
  /** Folder in which commands run: the fleet file's own. */
  readonly cwd: string;
}

/** Loads by the commands that the fleet file states. */
export function commandLoader(deploy: Partial<LoadCommands>, { commands, cwd }: CommandPorts): Loader {
  return {
    async load(action) {
      const argv = deploy[action];
      if (argv === undefined)
        throw new RotctlError('PRECONDITION_FAILED', `the fleet file states no ${action} command`);
      return commands.run(argv, { cwd, deadlineMs: deploy.deadlineMs ?? 0 });
    },
    async hindrances() {
      const found: string[] = [];
      for (const action of ['reload', 'restart'] as const) {
        const program = deploy[action]?.[0];
        if (program === undefined || (await commands.runnable(program, cwd))) continue;
        found.push(`${action}: ${escapeForeign(program)} is no program that can be run`);
      }
      return found;
    },
  };
}
