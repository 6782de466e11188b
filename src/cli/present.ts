import { join, resolve } from 'node:path';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { LedgerValue } from '../ledger/entry.ts';
import type { CommandResult } from '../report/result.ts';
import { renderChecks, verdictLine } from '../report/text.ts';
import { paletteFor } from './colour.ts';
import { clearLine } from './live-line.ts';
import { type Places, withPlaces } from './next-command.ts';
import type { Platform } from './platform.ts';
import type { OutputFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

type Streams = Pick<Platform, 'stdout' | 'stderr' | 'env' | 'cwd' | 'writeReport' | 'clock'>;

/** The exit code of an end that names none. */
const EXIT_OF: Readonly<Record<CommandEnd['verdict'], number>> = {
  pass: 0,
  rehearsed: 0,
  advised: 0,
  fail: 1,
  unknown: 12,
  stopped: 14,
};

/**
 * Tells how a command ended: its result on stdout (text, or one JSON document), a failure with its hint and the verdict
 * line, which is always the last, on stderr, and with `--out` the same as files.
 *
 * @returns the exit code
 */
export async function present(
  platform: Streams,
  flags: OutputFlags & Partial<Places>,
  end: CommandEnd,
): Promise<number> {
  const result = resultOf(end, flags);
  const lost = await writeReports(platform, flags, result);
  const told =
    lost === undefined || end.error !== undefined
      ? end
      : { ...end, verdict: 'fail' as const, error: lost, exitCode: lost.exitCode };
  const shown = told === end ? result : resultOf(told, flags);
  if (flags.json) platform.stdout.write((await import('../report/json.ts')).renderJson(shown, end.jsonLine === true));
  else await writeText(platform, flags, told, shown);
  clearLine(platform, flags);
  if (told.error !== undefined) platform.stderr.write(failureText(told.error, shown.next));
  // What a command has printed of itself does not hold it.
  else if (told.text !== undefined && shown.next !== undefined && shown.exitCode !== 0)
    platform.stderr.write(`next: ${shown.next}\n`);
  if (lost !== undefined && lost !== told.error) platform.stderr.write(failureText(lost, undefined));
  await writeVerdict(platform, flags, shown);
  return shown.exitCode;
}

function resultOf(end: CommandEnd, { fleet = '', fleetGiven = false, ledger }: Partial<Places>): CommandResult {
  const { result, checks = [], exitCode, text: _, matrix: _matrix, jsonLine: _line, next, ...rest } = end;
  const goOn = next ?? end.error?.next ?? (end.error === undefined ? undefined : lookUp(end));
  return {
    ...rest,
    checks,
    exitCode: exitCode ?? end.error?.exitCode ?? EXIT_OF[end.verdict],
    ...(goOn === undefined ? {} : { next: withPlaces(goOn, { fleet, fleetGiven, ledger }) }),
    // Commands make their results of plain values only.
    ...(result === undefined ? {} : { result: result as LedgerValue }),
  };
}

async function writeText(platform: Streams, flags: OutputFlags, end: CommandEnd, result: CommandResult): Promise<void> {
  if (end.text !== undefined) {
    platform.stdout.write(end.text.endsWith('\n') || end.text === '' ? end.text : `${end.text}\n`);
    return;
  }
  const palette = await paletteFor(platform, flags, platform.stdout);
  const bad = result.checks.filter(({ verdict }) => flags.verbose || verdict === 'fail' || verdict === 'unknown');
  const facts: [string, string | undefined][] = [
    ['rotation', end.rotation],
    ['phase', end.phase],
    ['rollback', end.rollback],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(9)} ${escapeForeign(value)}`],
  );
  if (bad.length > 0) lines.unshift(renderChecks(bad, { palette, verbose: flags.verbose }));
  if (!flags.quiet && end.matrix !== undefined && end.matrix.length > 0) {
    const { renderMatrix } = await import('../report/matrix.ts');
    lines.unshift(renderMatrix(end.matrix, { palette, width: platform.stdout.columns }));
  }
  if (end.error === undefined && result.next !== undefined) lines.push(`next      ${result.next}`);
  if (lines.length > 0) platform.stdout.write(`${lines.join('\n')}\n`);
}

/** Where to look when a failure names no command of its own. */
function lookUp({ command, error }: CommandEnd): string {
  const known = /^[a-z-]+$/.test(command) && command !== 'rotctl';
  if (error?.code === 'USAGE')
    return known ? `rotctl ${command.replace(/^(runbook|ledger|practice)-/, '$1 ')} --help` : 'rotctl --help';
  return `rotctl explain ${error?.code ?? 'INTERNAL'}`;
}

/** A failure for people: where, what, what to do, and last the next command. */
function failureText(error: RotctlError, next: string | undefined): string {
  const goOn = next ?? error.next;
  const lines = [
    `${error.position === undefined ? 'error' : escapeForeign(error.position, 400)}: ${escapeForeign(error.message, 2000)}`,
    `hint: ${error.hint}`,
    ...(goOn === undefined ? [] : [`next: ${goOn}`]),
  ];
  return `${lines.join('\n')}\n`;
}

async function writeVerdict(platform: Streams, flags: OutputFlags, result: CommandResult): Promise<void> {
  const said = result.error !== undefined && result.error.message === result.summary;
  const summary = said ? `${result.command} ended with ${result.error?.code}` : result.summary;
  platform.stderr.write(`${verdictLine({ ...result, summary }, await paletteFor(platform, flags, platform.stderr))}\n`);
}

/** Writes what `--out` asks for. A report that cannot be written is a failure of its own, which is returned. */
async function writeReports(
  platform: Streams,
  flags: OutputFlags,
  result: CommandResult,
): Promise<RotctlError | undefined> {
  if (flags.out === undefined) return undefined;
  const folder = resolve(platform.cwd, flags.out);
  const [{ renderJson }, { renderJunit }] = await Promise.all([
    import('../report/json.ts'),
    import('../report/junit.ts'),
  ]);
  const { command, verdict, exitCode, summary } = result;
  const at = new Date(platform.clock.now()).toISOString();
  const brief = { schema: 'rotctl.verdict.v1', command, verdict, exitCode, summary, at };
  try {
    await platform.writeReport(join(folder, `${command}.json`), renderJson(result));
    await platform.writeReport(join(folder, 'junit.xml'), renderJunit(result));
    await platform.writeReport(join(folder, 'verdict.json'), `${JSON.stringify(brief, undefined, 2)}\n`);
    return undefined;
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
}
