import { ALWAYS_ON, ENVIRONMENT_MEANS } from '../machine/safety/environment.ts';
import type { Beginning, ListedKind } from '../machine/step.ts';
import type { Safety, Surrounding } from '../runner/safety.ts';
import { renderCounterexample, type TraceOptions } from './counterexample.ts';
import { type Palette, PLAIN } from './palette.ts';
import { textWidth, wrap } from './wrap.ts';

type Size = Readonly<Record<ListedKind, number>>;

/** The answer to whether a runbook is safe, in one line: `safe in every one of 1187 states`. */
export function sayAnswer({ answer }: Safety): string {
  const { verdict, states, counterexample } = answer;
  switch (verdict) {
    case 'safe':
      return `proven safe in every one of ${states} states`;
    case 'unsafe':
      return `unsafe: ${counterexample?.invariant ?? 'an invariant'} breaks`;
    case 'unknown':
      return states === 0 ? 'not proven' : `not proven: more than ${states} states, too many to look at`;
  }
}

/** What was explored: `explored 1187 states at 2 replicas × 2 clients × 1 template, which stand for 3 × 3 × 1`. */
export function sayExplored({ answer, inventory }: Safety): string {
  const { states, explored, reduced } = answer;
  const [first] = explored;
  if (first === undefined) return 'explored nothing: batches fall in too many different ways';
  const begins = new Map(explored.map(({ beginning }) => [JSON.stringify(beginning), beginning]));
  const alike = explored.filter(
    ({ beginning }) => JSON.stringify(beginning) === JSON.stringify(first.beginning),
  ).length;
  const ways = alike === 1 ? '' : `, in ${alike} ways in which the batches can fall`;
  const asked = `${inventory.replicas.length} × ${inventory.clients.length} × ${inventory.templates.length}`;
  const stands = reduced ? `, which stand for ${asked}` : ', the whole of it';
  return `explored ${states} states at ${saySize(first)}${sayBeginnings([...begins.values()])}${ways}${stands}`;
}

function sayBeginnings(beginnings: readonly (Beginning | undefined)[]): string {
  const said = beginnings.flatMap((beginning) => (beginning === undefined ? [] : [sayBeginning(beginning)]));
  return said.length === 0 ? '' : ` that begin with ${said.join(', or with ')}`;
}

function sayBeginning({ strict, keyIds }: Beginning): string {
  return `${keyIds === 'own' ? 'own' : 'default'} key ids${strict ? ' that are enforced' : ''}`;
}

/** A drill's sentence on its runbook. */
export function sayProof(safety: Safety): string {
  const { answer, runbook } = safety;
  const [first] = answer.explored;
  const stand = first === undefined ? '' : ` (${saySize(first)} ${answer.reduced ? 'stand for' : 'are'} this fleet)`;
  return `runbook ${runbook.name}: ${sayAnswer(safety)}${stand}`;
}

function saySize({ replicas, clients, templates }: Size): string {
  return [count(replicas, 'replica'), count(clients, 'client'), count(templates, 'template')].join(' × ');
}

function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : 's'}`;
}

/** What to do about a search that was given up. */
const TOO_MUCH =
  'there is too much to look at, so that nothing is known: let a fleet stand for it that is small (without --whole), and steps go in fewer different batches';

/** The answer for one runbook, with the counterexample where there is one. */
export function renderSafety(safety: Safety, title: string, options: TraceOptions = {}): string {
  const { palette = PLAIN, columns = 80 } = options;
  const { verdict, counterexample } = safety.answer;
  const shade = { safe: palette.good, unsafe: palette.bad, unknown: palette.doubt }[verdict];
  const word = { safe: 'SAFE', unsafe: 'UNSAFE', unknown: 'UNKNOWN' }[verdict];
  return [
    ...wrap(`${word}  `, title, textWidth(columns)).map((line, index) =>
      index === 0 ? `${shade(word)}${line.slice(word.length)}` : line,
    ),
    ...(counterexample === undefined ? [] : [renderCounterexample(counterexample, options)]),
    ...(verdict === 'unknown' ? wrap('  advice  ', TOO_MUCH, textWidth(columns)) : []),
    ...wrap('  ', sayExplored(safety), textWidth(columns)),
  ].join('\n');
}

/**
 * What might happen during what was explored, and what might not: the names alone, or one by one with `full`, each with
 * what it means and why it was left in or out.
 */
export function renderSurroundings(
  surroundings: readonly Surrounding[],
  options: { readonly palette?: Palette; readonly columns?: number; readonly full?: boolean } = {},
): string {
  const { palette = PLAIN, columns = 80, full = false } = options;
  const width = textWidth(columns);
  const names = (wanted: boolean): string =>
    surroundings.flatMap(({ action, on }) => (on === wanted ? [action] : [])).join(', ') || 'nothing';
  const rows = full
    ? surroundings.flatMap((one) => oneByOne(one, surroundings, width, palette))
    : [...wrap('  on      ', names(true), width), ...wrap('  off     ', names(false), width)];
  const always = ALWAYS_ON.flatMap((text) => wrap('  always  ', text, width));
  return ['what may happen meanwhile, in any order:', ...rows, ...always].join('\n');
}

function oneByOne(
  { action, on, why }: Surrounding,
  all: readonly Surrounding[],
  width: number,
  palette: Palette,
): string[] {
  const widest = Math.max(...all.map((one) => one.action.length));
  const text = `${ENVIRONMENT_MEANS[action]}${why === '' ? '' : ` (${why})`}`;
  const lines = wrap(`  ${on ? 'on ' : 'off'}     ${action.padEnd(widest)}  `, text, width);
  return on ? lines : lines.map((line) => palette.faint(line));
}
