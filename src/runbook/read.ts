import { hash } from 'node:crypto';
import { parseDocument } from '../document/parse.ts';
import { validate } from '../document/validate.ts';
import { MOVING_PHASES, type MovingPhase } from '../machine/phase.ts';
import type { Program, Step } from '../machine/step.ts';
import type { Runbook } from './runbook.ts';
import { runbookSchema, SECTION, type StepText, schemeOf, stepsOf } from './schema.ts';

/**
 * Reads a runbook file whole.
 *
 * @param text the file's content; @param file its path, for messages
 * @throws RotctlError `INPUT_SYNTAX` or `INPUT_INVALID`, with line, column, path, rule and value
 */
export function readRunbook(text: string, file: string): Runbook {
  const document = parseDocument(text, file);
  const content = validate(document, runbookSchema);
  const program = Object.fromEntries(
    MOVING_PHASES.map((phase) => [phase, stepsOf(content, phase).map((step) => toStep(phase, step))]),
  ) as unknown as Program;
  const { name, title, material, protocol, preconditions } = content;
  const digest = `sha256:${hash('sha256', text)}`;
  const scheme = schemeOf({ material, protocol });
  const positions = new Map(
    MOVING_PHASES.flatMap((phase) =>
      stepsOf(content, phase).map(({ step }, index) => {
        const offset = document.offsetOf([SECTION[phase], phase, index]);
        return [step, document.positionOf(offset)] as const;
      }),
    ),
  );
  const runbook = { name, file, title, material, protocol, scheme, digest, preconditions, program, positions };
  return runbook as unknown as Runbook;
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
