import { hash } from 'node:crypto';
import { parseDocument } from '../document/parse.ts';
import { validate } from '../document/validate.ts';
import { MOVING_PHASES, type MovingPhase } from '../machine/phase.ts';
import type { Program, Step } from '../machine/step.ts';
import type { Runbook } from './runbook.ts';
import { runbookSchema, type StepText, stepsOf } from './schema.ts';

/**
 * Reads a runbook file whole.
 *
 * @param text the file's content; @param file its path, for messages
 * @throws RotctlError `INPUT_SYNTAX` or `INPUT_INVALID`, with line, column, path, rule and value
 */
export function readRunbook(text: string, file: string): Runbook {
  const content = validate(parseDocument(text, file), runbookSchema);
  const program = Object.fromEntries(
    MOVING_PHASES.map((phase) => [phase, stepsOf(content, phase).map((step) => toStep(phase, step))]),
  ) as unknown as Program;
  const { name, title, material, protocol, preconditions } = content;
  const digest = `sha256:${hash('sha256', text)}`;
  return { name, title, material, protocol, digest, preconditions, program } as unknown as Runbook;
}

function toStep(phase: MovingPhase, text: StepText): Step {
  return {
    id: text.step,
    phase,
    does: text.does,
    action: text.action,
    over: text.over,
    order: text.order,
    effects: text.effect,
    proofs: text.proof,
    onFailure: text['on-failure'],
  };
}
