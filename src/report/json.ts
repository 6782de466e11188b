import type { RotctlError } from '../errors/rotctl-error.ts';
import type { Finding } from '../probe/finding.ts';
import type { CommandResult } from './result.ts';

/**
 * The one JSON document of a command (`rotctl.<command>.v1`), its fields in the contract's order, with a line break at
 * its end, or whole in one line. Fields that do not apply are left out; `checks` is always there. JSON itself escapes foreign text.
 */
export function renderJson(result: CommandResult, line = false): string {
  const { command, verdict, exitCode, summary, rotation, fleet, phase, faults, rollback, error, next } = result;
  const document = {
    schema: `rotctl.${command}.v1`,
    verdict,
    exitCode,
    summary,
    rotation,
    fleet,
    phase,
    checks: result.checks.map(checkOf),
    faults,
    rollback,
    result: result.result,
    error: error === undefined ? undefined : errorOf(error),
    next,
  };
  return `${asciiControls(JSON.stringify(document, undefined, line ? 0 : 2))}\n`;
}

function checkOf({ ms, ...check }: Finding): object {
  const { id, verdict, critical, target, expected, seen, reason, hazards, why, remedy, samples, accepted } = check;
  const said = { id, verdict, critical, target, expected, seen, reason, hazards, why, remedy };
  return { ...said, accepted, samples, ms: Math.round(ms * 10) / 10 };
}

function errorOf(error: RotctlError): object {
  const { file, line, column } = error.at ?? {};
  return { code: error.code, message: error.message, hint: error.hint, file, line, column };
}

/** C1 controls and direction marks are legal in JSON, and harmful on a terminal. */
function asciiControls(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
