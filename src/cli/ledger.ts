import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Entry } from '../ledger/entry.ts';
import type { LedgerProblem, TornTail } from '../ledger/inspect.ts';
import { readSnapshot, type Snapshot, verifyLedger } from '../ledger/verify.ts';
import { fleetPath, ledgerPath } from './load.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

type Looking = Pick<Platform, 'cwd' | 'ledgerDisk'>;

/** Prints the ledger's entries, one a line; of a broken ledger, those before the break. */
export async function showLedger(
  platform: Looking,
  flags: GlobalFlags,
  { last }: { readonly last: number | undefined },
): Promise<CommandEnd> {
  const { path, snapshot } = await readLedger(platform, flags);
  const entries = last === undefined ? snapshot.entries : snapshot.entries.slice(-last);
  const lines = entries.map((entry) => lineOf(entry, flags.verbose));
  return {
    ...endOf('ledger-show', path, snapshot),
    text: lines.map((line) => `${line}\n`).join(''),
    result: { ledger: path, entries },
  };
}

/** Prints the ledger's entries as JSON lines; refuses a broken ledger. @throws RotctlError `LEDGER_BROKEN` */
export async function exportLedger(platform: Looking, flags: GlobalFlags): Promise<CommandEnd> {
  const { path, snapshot } = await readLedger(platform, flags);
  refuseBroken(path, snapshot);
  const text = snapshot.entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  return { ...endOf('ledger-export', path, snapshot), text, result: { ledger: path, entries: snapshot.entries } };
}

/** Verifies the chain; every problem is named. Exit 1 when it does not hold. */
export async function checkLedger(platform: Looking, flags: GlobalFlags): Promise<CommandEnd> {
  const path = ledgerPath(flags, fleetPath(platform, flags));
  const verified = await verifyLedger(path, { disk: await platform.ledgerDisk() });
  if (!verified.ok) {
    const { problems } = verified;
    return {
      command: 'ledger-verify',
      verdict: 'fail',
      exitCode: 1,
      summary: `the ledger is broken: ${count(problems.length, 'problem')}`,
      text: problems.map((problem) => `${problemLine(path, problem)}\n`).join(''),
      result: { ledger: path, problems },
    };
  }
  const { entries, head, torn, clockBack } = verified;
  const notes = [
    ...(torn === undefined ? [] : [tornLine(torn)]),
    ...(clockBack.length === 0 ? [] : [`stamped earlier than the entry before: ${clockBack.join(', ')}`]),
  ];
  return {
    command: 'ledger-verify',
    verdict: 'pass',
    summary: `the ledger is whole: ${count(entries, 'entry', 'entries')}, head ${head.hash.slice(0, 19)}`,
    text: notes.map((note) => `${note}\n`).join(''),
    result: { ledger: path, entries, head, clockBack, ...(torn === undefined ? {} : { torn }) },
  };
}

/** A ledger as it stands, with where it is. Nothing is written. */
export async function readLedger(
  platform: Looking,
  flags: Pick<GlobalFlags, 'ledger' | 'fleet'>,
): Promise<{ path: string; snapshot: Snapshot }> {
  const path = ledgerPath(flags, fleetPath(platform, flags));
  return { path, snapshot: await readSnapshot(path, { disk: await platform.ledgerDisk() }) };
}

/** @throws RotctlError `LEDGER_BROKEN` with the first problem, `INPUT_UNREADABLE` when there is no ledger */
export function refuseBroken(path: string, { exists, problems }: Snapshot): void {
  const [first] = problems;
  if (first !== undefined) {
    const at = first.line === 0 ? { file: path } : { file: path, line: first.line };
    throw new RotctlError('LEDGER_BROKEN', first.what, { at, next: 'rotctl ledger verify' });
  }
  if (!exists)
    throw new RotctlError('INPUT_UNREADABLE', 'there is no ledger', {
      at: { file: path },
      hint: 'name it with --ledger FILE',
    });
}

/** What a crash left at a ledger's end, in words. */
export function tornLine({ bytes, seq }: TornTail): string {
  return `a crash left ${count(bytes, 'byte')} of entry ${seq} at the end; the next command that writes puts them aside`;
}

/** One problem of a ledger, with its place. */
export function problemLine(path: string, { line, what }: LedgerProblem): string {
  return `${line === 0 ? path : `${path}:${line}`}: ${escapeForeign(what, 400)}`;
}

function endOf(
  command: string,
  path: string,
  { exists, entries, problems, torn }: Snapshot,
): Pick<CommandEnd, 'command' | 'verdict' | 'summary' | 'exitCode'> {
  const broken = problems[0];
  if (broken !== undefined)
    return { command, verdict: 'fail', exitCode: 2, summary: `the ledger is broken: ${problemLine(path, broken)}` };
  if (!exists) return { command, verdict: 'pass', summary: 'there is no ledger yet' };
  return {
    command,
    verdict: 'pass',
    summary: `${count(entries.length, 'entry', 'entries')}${torn === undefined ? '' : `; ${tornLine(torn)}`}`,
  };
}

function lineOf({ seq, at, rotation, phase, kind, step, data }: Entry, verbose: boolean): string {
  const { verdict, reason, targets, trigger, proof } = data;
  const words = [trigger, proof, Array.isArray(targets) ? targets.join(', ') : undefined, verdict, reason].filter(
    (part) => typeof part === 'string',
  );
  const rest = verbose ? JSON.stringify(data) : words.join('; ');
  return escapeForeign(
    `${String(seq).padStart(5)}  ${at}  ${rotation}  ${phase}  ${kind}${step === null ? '' : ` ${step}`}  ${rest}`.trimEnd(),
    verbose ? 100_000 : 400,
  );
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
