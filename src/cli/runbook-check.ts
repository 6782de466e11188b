import { basename, extname } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import { ENVIRONMENT, type EnvironmentAction } from '../machine/safety/environment.ts';
import type { Inventory, ListedKind } from '../machine/step.ts';
import type { Finding } from '../probe/finding.ts';
import { safetyDocument } from '../report/safety-json.ts';
import { renderSafety, renderSurroundings, sayAnswer } from '../report/safety-text.ts';
import type { Runbook } from '../runbook/runbook.ts';
import {
  objectionTo,
  positionOf,
  proveFromAnyBeginning,
  type Safety,
  type Surrounding,
  UnsafeRunbook,
} from '../runner/safety.ts';
import { paletteFor } from './colour.ts';
import { loadRunbook } from './load.ts';
import type { Platform } from './platform.ts';
import { openWatch } from './progress.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What was typed for `runbook check`. */
export interface RunbookCheckRequest {
  /** Files, or names of shipped runbooks. */
  readonly files: readonly string[];
  readonly sizes: Readonly<Record<ListedKind, number>>;
  /** What may not happen, as typed. */
  readonly without: readonly string[];
  readonly whole: boolean;
}

/** One file that was looked at: the answer, or why it could not be read. */
interface Looked {
  readonly file: string;
  readonly safety?: Safety;
  readonly error?: RotctlError;
  readonly ms: number;
}

/** From when on a search is worth a word, in milliseconds. */
const LONG_MS = 1000;

/**
 * Proves runbooks safe on fleets of a given size, or prints the shortest sequence that breaks them. Every file is looked
 * at; exit 2 when one is unsafe or cannot be read, 12 when one could not be told.
 */
export async function checkRunbooks(
  platform: Platform,
  flags: GlobalFlags,
  request: RunbookCheckRequest,
): Promise<CommandEnd> {
  const surroundings = surroundingsFor(request.without);
  const looked: Looked[] = [];
  for (const file of request.files) looked.push(await lookAt(platform, flags, request, file, surroundings));
  const palette = await paletteFor(platform, flags, platform.stdout);
  const options = { palette, columns: platform.stdout.columns, verbose: flags.verbose };
  const parts = looked.map(({ file, safety, error }) =>
    safety === undefined
      ? `${palette.bad('UNREADABLE')}  ${palette.strong(file)}\n  ${error?.position ?? file}: ${error?.message ?? ''}`
      : renderSafety(safety, titleOf(file, safety.runbook), { ...options, at: positionOf(safety) }),
  );
  const error = looked.map(errorOf).find((one) => one !== undefined);
  const findings = looked.map(findingOf);
  const isUnknown = findings.some(({ verdict }) => verdict === 'unknown');
  const next = error?.next;
  return {
    command: 'runbook-check',
    verdict: error !== undefined ? 'fail' : isUnknown ? 'unknown' : 'pass',
    ...(error === undefined ? {} : { error, exitCode: error.exitCode }),
    summary: summaryOf(looked),
    checks: findings,
    text: [...parts, renderSurroundings(surroundings, { ...options, full: flags.verbose })].join('\n\n'),
    result: { runbooks: looked.map(documentOf) },
    ...(next === undefined ? {} : { next }),
  };
}

/** @throws RotctlError `USAGE` for a name that is none */
function surroundingsFor(without: readonly string[]): Surrounding[] {
  const stranger = without.find((name) => !(ENVIRONMENT as readonly string[]).includes(name));
  if (stranger !== undefined) {
    throw new RotctlError('USAGE', `--without takes no ${JSON.stringify(stranger)}`, {
      hint: `one of ${ENVIRONMENT.join(', ')}`,
    });
  }
  const byHand = (['crash', 'client-restart'] as const).find((action) => without.includes(action));
  if (byHand !== undefined && !without.includes('left-out')) {
    throw new RotctlError('USAGE', `--without ${byHand} needs --without left-out`, {
      hint: 'a step that is left out is done by hand at any time, which is such a restart',
    });
  }
  return ENVIRONMENT.map((action: EnvironmentAction) => {
    const on = !without.includes(action);
    return { action, on, why: on ? '' : 'left out by --without' };
  });
}

async function lookAt(
  platform: Platform,
  flags: GlobalFlags,
  { sizes, whole }: RunbookCheckRequest,
  file: string,
  surroundings: readonly Surrounding[],
): Promise<Looked> {
  const started = platform.clock.monotonic();
  const passed = (): number => Math.round(platform.clock.monotonic() - started);
  const watch = await openWatch(platform, flags);
  let due = LONG_MS;
  try {
    const runbook = await loadRunbook(platform, file);
    const tell = (states: number): void => {
      if (passed() < due) return;
      due *= 2;
      watch.print(`exploring ${runbook.name}: ${states} states so far`);
    };
    const searcher = { clock: platform.clock, signal: platform.interrupted, tell };
    const safety = await proveFromAnyBeginning(runbook, inventoryOf(sizes), surroundings, searcher, { whole });
    return { file, safety, ms: passed() };
  } catch (error) {
    if (!(error instanceof RotctlError) || error.code === 'STOPPED') throw error;
    return { file, error, ms: passed() };
  }
}

function inventoryOf(sizes: RunbookCheckRequest['sizes']): Inventory {
  const names = (kind: ListedKind, one: string): string[] =>
    Array.from({ length: sizes[kind] }, (_, index) => `${one}-${index + 1}`);
  return {
    replicas: names('replicas', 'replica'),
    clients: names('clients', 'client'),
    templates: names('templates', 'template'),
  };
}

function titleOf(file: string, { name, title }: Runbook): string {
  const stem = basename(file, extname(file));
  return `${stem === name ? file : `${file} (${name})`}: ${title}`;
}

function errorOf({ safety, error }: Looked): RotctlError | undefined {
  return safety?.answer.verdict === 'unsafe' ? new UnsafeRunbook(safety) : error;
}

function findingOf({ file, safety, error, ms }: Looked): Finding {
  const base = { id: 'runbook.safe', critical: true, target: file, expected: 'safe', ms };
  if (safety === undefined) {
    return { ...base, verdict: 'fail', seen: 'unreadable', reason: error?.message ?? 'unreadable', samples: 0 };
  }
  const { verdict, states } = safety.answer;
  const seen = sayAnswer(safety);
  if (verdict === 'safe') return { ...base, verdict: 'pass', seen, samples: states };
  const { message } = objectionTo(safety);
  return { ...base, verdict: verdict === 'unsafe' ? 'fail' : 'unknown', seen, reason: message, samples: states };
}

function summaryOf(looked: readonly Looked[]): string {
  const count = (verdict: string): number => looked.filter(({ safety }) => safety?.answer.verdict === verdict).length;
  const unreadable = looked.filter(({ safety }) => safety === undefined).length;
  const parts = [
    [count('safe'), 'safe'],
    [count('unsafe'), 'unsafe'],
    [count('unknown'), 'unknown'],
    [unreadable, 'unreadable'],
  ] as const;
  const said = parts.flatMap(([n, word]) => (n === 0 ? [] : [`${n} ${word}`])).join(', ');
  return `${looked.length} ${looked.length === 1 ? 'runbook' : 'runbooks'}: ${said}`;
}

function documentOf({ file, safety, error }: Looked): object {
  if (safety !== undefined) return { file, ...safetyDocument(safety) };
  const { line, column } = error?.at ?? {};
  return { file, verdict: 'unreadable', error: { code: error?.code, message: error?.message, line, column } };
}
