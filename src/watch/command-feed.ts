import { createHash } from 'node:crypto';
import type { LineCommand } from '../fleet/evidence.ts';
import { type Appended, type LineFeed, MAX_APPENDED_BYTES } from './log-tail.ts';
import type { LineCommands } from './ports.ts';

/** What a command had printed at a look: how much in whole lines, and its digest. */
interface Printed {
  readonly length: number;
  readonly digest: string;
}

const MOST_BYTES = 4 * MAX_APPENDED_BYTES;

/** Follows what a command prints, which is everything each time: what it printed before has to stand at the beginning. */
export class CommandFeed implements LineFeed {
  readonly #command: LineCommand;
  readonly #commands: LineCommands;
  #place: Printed | { readonly trouble: string } = { trouble: 'nobody has begun to watch it' };

  constructor(command: LineCommand, commands: LineCommands) {
    this.#command = command;
    this.#commands = commands;
  }

  async begin(): Promise<void> {
    const printed = await this.#commands.run(this.#command, MOST_BYTES);
    this.#place = 'trouble' in printed ? printed : placeIn(printed.text);
  }

  async next(): Promise<Appended> {
    const place = this.#place;
    if ('trouble' in place) {
      await this.begin();
      return { read: false, reason: `at the look before: ${place.trouble}`, lost: true };
    }
    const printed = await this.#commands.run(this.#command, MOST_BYTES);
    if ('trouble' in printed) return { read: false, reason: printed.trouble, lost: false };
    const goesOn = digestOf(printed.text.slice(0, place.length)) === place.digest;
    this.#place = placeIn(printed.text);
    const fresh = printed.text.slice(goesOn ? place.length : 0, this.#place.length);
    const lines = fresh.split(/\r?\n/).slice(0, -1);
    return {
      read: true,
      lines,
      anew: goesOn ? undefined : 'what it prints does not begin with what it printed before',
    };
  }
}

function placeIn(text: string): Printed {
  const length = text.lastIndexOf('\n') + 1;
  return { length, digest: digestOf(text.slice(0, length)) };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The command as it is for one replica, and for a time. */
export function commandFor({ command, deadlineMs }: LineCommand, replica: string, since = ''): LineCommand {
  return {
    command: command.map((word) => word.replaceAll('{replica}', replica).replaceAll('{since}', since)),
    deadlineMs,
  };
}

/** Whether a command is run for each replica by itself. */
export function isByReplica({ command }: LineCommand): boolean {
  return command.some((word) => word.includes('{replica}'));
}
