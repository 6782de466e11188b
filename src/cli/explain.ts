import { nearest } from '../document/nearest.ts';
import { ERROR_CATALOGUE, type ErrorCode } from '../errors/catalogue.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { HAZARDS, type Hazard } from '../probe/hazards.ts';
import { READINESS_CHECKS } from './readiness-texts.ts';
import type { CommandEnd } from './result.ts';
import { type CheckText, listedId, ROTATION_CHECKS } from './rotation-checks.ts';

/** Exit codes beside those of errors. */
const PASSED = 'done and proven, or rehearsed, or an advice given';

/**
 * Explains an error code, an exit code, the number of a hazard of the replay store or a check's id.
 *
 * @throws RotctlError `USAGE` with the nearest that there is
 */
export async function explain(code: string): Promise<CommandEnd> {
  const known = ownCode(code.toUpperCase());
  if (known !== undefined)
    return told(code.toUpperCase(), textOfError(known), { code: known, ...ERROR_CATALOGUE[known] });
  if (/^[0-9]+$/.test(code)) return explainExit(Number(code));
  const hazard = HAZARD_IDS.find((id) => id.toUpperCase() === code.toUpperCase());
  if (hazard !== undefined) return explainHazard(hazard);
  return explainCheck(code);
}

function ownCode(code: string): ErrorCode | undefined {
  return CODES.find((known) => known === code);
}

/** The catalogue's own keys. */
const CODES = Object.keys(ERROR_CATALOGUE) as readonly ErrorCode[];

function textOfError(code: ErrorCode): string {
  const { kind, exit, means, remedy } = ERROR_CATALOGUE[code];
  return `${code} (${kind}, exit ${exit})\n  means  ${means}\n  do     ${remedy}\n`;
}

function explainExit(exit: number): CommandEnd {
  if (exit === 0) return told('exit 0', `exit 0\n  means  ${PASSED}\n  do     nothing\n`, { exit, means: PASSED });
  const codes = CODES.filter((code) => ERROR_CATALOGUE[code].exit === exit);
  if (codes.length === 0)
    throw unknown(String(exit), [...new Set(CODES.map((code) => String(ERROR_CATALOGUE[code].exit)))]);
  return told(`exit ${exit}`, codes.map(textOfError).join(''), {
    exit,
    codes: codes.map((code) => ({ code, ...ERROR_CATALOGUE[code] })),
  });
}

const HAZARD_IDS = Object.keys(HAZARDS) as readonly Hazard[];

async function explainHazard(hazard: Hazard): Promise<CommandEnd> {
  const { CHECKS } = await import('../probe/checks/list.ts');
  const seenBy = CHECKS.filter(({ hazards }) => hazards?.includes(hazard) === true).map(({ id }) => id);
  const checks = seenBy.length === 0 ? 'none names it' : seenBy.join(', ');
  const text = `${hazard}: ${HAZARDS[hazard]}\n  seen by  ${checks}\n`;
  return told(hazard, text, { hazard, means: HAZARDS[hazard], checks: seenBy });
}

async function explainCheck(id: string): Promise<CommandEnd> {
  const { CHECKS } = await import('../probe/checks/list.ts');
  const checks: readonly CheckText[] = [...CHECKS, ...READINESS_CHECKS, ...ROTATION_CHECKS];
  const check = checks.find((candidate) => candidate.id === listedId(id));
  if (check === undefined) throw unknown(id, [...CODES, ...checks.map((candidate) => candidate.id)]);
  const { title, why, remedy, critical, hazards = [] } = check;
  const maybe = hazards.map((hazard) => `  may be ${hazard}: ${HAZARDS[hazard]}\n`).join('');
  const text = `${id}: ${title}${critical ? '' : ' (not critical)'}\n  why    ${why}\n  do     ${remedy}\n${maybe}`;
  return told(id, text, { check: id, title, why, remedy, critical, ...(hazards.length === 0 ? {} : { hazards }) });
}

function told(what: string, text: string, result: unknown): CommandEnd {
  return { command: 'explain', verdict: 'pass', summary: what, text, result };
}

function unknown(code: string, known: readonly string[]): RotctlError {
  const near = nearest(code, known);
  const hint = near === undefined ? 'give an error code, an exit code, or the id of a check' : `did you mean ${near}?`;
  return new RotctlError('USAGE', `there is no code ${JSON.stringify(code)}`, { hint });
}
