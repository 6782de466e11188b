import * as z from 'zod';
import { duration } from '../document/scalars.ts';

/** Who is told of what a rotation does. */
export interface Announce {
  readonly command: readonly string[];
  readonly deadlineMs: number;
  /** Whether no phase is entered of which nobody could be told. */
  readonly required: boolean;
}

/** `announce`: a command that tells others. */
export const announce = z
  .strictObject({
    command: z
      .array(z.string().min(1).max(4096))
      .min(1)
      .describe(
        'Program and arguments, without a shell, run in the folder of this file: [./tell, "#on-call"]. It gets one JSON object on stdin: event (before, after, held, rolled-back, incident), fleet, environment, rotation, phase, at, and what. Never a secret.',
      ),
    deadline: duration().prefault('10s').describe('How long it may take.'),
    required: z
      .boolean()
      .prefault(false)
      .describe(
        'true: a rotation holds before a phase that could not be announced. Default false: that is noted, and it goes on. Going back never waits for it.',
      ),
  })
  .optional()
  .describe(
    'A command that is told before and after each phase, and when a rotation holds, goes back or meets an incident.',
  );

/** As the fleet has it. */
export function announceOf(input: z.output<typeof announce>): Announce | undefined {
  return input === undefined
    ? undefined
    : { command: input.command, deadlineMs: input.deadline, required: input.required };
}
