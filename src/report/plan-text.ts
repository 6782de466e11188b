import type { Change } from '../runner/plan/changes.ts';
import type { Plan, PlannedTask, PlannedTrigger, PlanPart } from '../runner/plan/plan.ts';
import type { Duration } from '../runner/plan/time.ts';
import { formatDuration } from './duration.ts';
import { type Palette, PLAIN } from './palette.ts';
import { renderSafety, renderSurroundings } from './safety-text.ts';
import { textWidth, wrap } from './wrap.ts';

/** How a plan is shown. */
export interface PlanTextOptions {
  readonly palette?: Palette;
  readonly columns?: number;
  /** What each proof is, and the requests and the time of each step. */
  readonly verbose?: boolean;
}

/** A plan for people: the answer to whether it is safe, what each command would do, in order, and what was not tried. */
export function renderPlan(plan: Plan, options: PlanTextOptions = {}): string {
  const { palette = PLAIN, columns = 80, verbose = false } = options;
  const width = textWidth(columns);
  const { safety, fleet, rotation, phase } = plan;
  const step = safety.answer.counterexample?.step;
  const at = step === undefined ? undefined : safety.runbook.positions.get(step);
  const about = rotation === undefined ? 'a new rotation' : `rotation ${rotation}, ${phase}`;
  return [
    ...wrap('plan  ', `${fleet.name} (${fleet.environment}), runbook ${safety.runbook.name}: ${about}`, width),
    '',
    renderSafety(safety, `on ${fleet.name}`, { palette, columns, verbose, at }),
    renderSurroundings(safety.surroundings, { palette, columns, full: true }),
    ...materialLines(plan),
    ...placeLines(plan),
    ...plan.parts.flatMap((part) => ['', ...partLines(part, { palette, width, verbose }, plan.statuses)]),
    '',
    ...notesOf(plan, width),
  ].join('\n');
}

function materialLines({ material }: Plan): string[] {
  if (material.size === 0) return [];
  const widest = Math.max(...[...material.keys()].map((client) => client.length));
  const rows = [...material].flatMap(([client, { current, next }]) => [
    `  ${client.padEnd(widest)}  current  ${current}`,
    `  ${' '.repeat(widest)}  next     ${next}`,
  ]);
  return ['', 'keys, by their fingerprints:', ...rows];
}

/** Where connections will go: of what is written as an address, nothing needs to be said. */
function placeLines({ pins }: Plan): string[] {
  const told = pins.filter(({ url, address }) => address === undefined || !url.includes(address));
  if (told.length === 0) return [];
  const widest = Math.max(...told.map(({ name }) => name.length));
  const rows = told.map(
    ({ name, url, address, reason }) => `  ${name.padEnd(widest)}  ${url}  ${address ?? reason ?? 'not found'}`,
  );
  return ['', 'addresses, to which the plan is bound:', ...rows];
}

interface Look {
  readonly palette: Palette;
  readonly width: number;
  readonly verbose: boolean;
}

function partLines(part: PlanPart, look: Look, statuses: Plan['statuses']): string[] {
  const { command, goal, moves, requests, duration } = part;
  const title = `rotctl ${command}, until ${goal}: about ${requests} requests, ${sayDuration(duration)}`;
  const lines = wrap('', title, look.width).map(look.palette.strong);
  let phase = '';
  for (const move of grouped(moves)) {
    if (move.kind === 'trigger') {
      if (move.waitMs !== undefined && move.waitMs > 0)
        lines.push(`  waits ${formatDuration(move.waitMs)} at the time gate before ${move.trigger}`);
      continue;
    }
    if (move.phase !== phase) lines.push(`  ${move.phase}`);
    phase = move.phase;
    lines.push(...rollLines(move, look));
  }
  if (moves.length === 0) lines.push('  nothing is left to do');
  return [...lines, ...trafficLines(part, statuses, look)];
}

/** What whoever watches the service will see of it: how many requests with which status, in the order in which they come. */
function trafficLines({ traffic }: PlanPart, statuses: Plan['statuses'], { width }: Look): string[] {
  const rows = traffic.map(({ when, answers, leastMs, mostMs }) => {
    const time =
      leastMs === undefined || mostMs === undefined ? '' : ` (${formatDuration(leastMs)} to ${formatDuration(mostMs)})`;
    const seen = Object.entries(statuses(answers)).map(([status, count]) => `${count} × ${status}`);
    return `${when}${time}: ${seen.join(', ')}`;
  });
  return rows.length === 0 ? [] : ['  answers', ...rows.flatMap((row) => wrap('    ', row, width))];
}

function sayDuration({ leastMs, mostMs }: Duration): string {
  return `at least ${formatDuration(leastMs)}, at most ${formatDuration(mostMs)} with everything at its deadline`;
}

/** The tasks of batches that all go through the same steps with the same changes. */
interface Roll {
  readonly kind: 'roll';
  readonly phase: string;
  readonly batches: readonly (readonly string[])[];
  /** The tasks of the first batch. */
  readonly tasks: readonly PlannedTask[];
}

/** Puts the batches together that differ in their targets alone. */
function grouped(moves: PlanPart['moves']): (Roll | PlannedTrigger)[] {
  const found: (Roll | PlannedTrigger)[] = [];
  for (const batch of batchesOf(moves)) {
    const last = found.at(-1);
    if (!Array.isArray(batch)) found.push(batch as PlannedTrigger);
    else {
      const tasks = batch as readonly PlannedTask[];
      const targets = tasks[0]?.task.targets ?? [];
      if (last?.kind === 'roll' && sameOf(last.tasks) === sameOf(tasks)) {
        found[found.length - 1] = { ...last, batches: [...last.batches, targets] };
      } else found.push({ kind: 'roll', phase: tasks[0]?.phase ?? '', batches: [targets], tasks });
    }
  }
  return found;
}

function batchesOf(moves: PlanPart['moves']): (readonly PlannedTask[] | PlannedTrigger)[] {
  const found: (PlannedTask[] | PlannedTrigger)[] = [];
  for (const move of moves) {
    const last = found.at(-1);
    if (move.kind === 'trigger') found.push(move);
    else if (Array.isArray(last) && last[0]?.task.targets === move.task.targets) last.push(move);
    else found.push([move]);
  }
  return found;
}

/** What must be the same of two batches that are shown as one: everything but whom it is about. */
function sameOf(tasks: readonly PlannedTask[]): string {
  return JSON.stringify(
    tasks.map(({ phase, task, changes, leftOut }) => [phase, task.step.id, leftOut, changesOf(changes)]),
  );
}

/** Changes without their targets, each once. */
function changesOf(changes: readonly Change[]): string[] {
  return [...new Set(changes.map(({ target: _, ...change }) => JSON.stringify(change)))];
}

function rollLines({ tasks, batches }: Roll, look: Look): string[] {
  const names = batches.map((batch) => batch.join(' with '));
  const [only = ''] = names;
  if (names.length === 1) return tasks.flatMap((task) => taskLines(task, '    ', ` on ${only}`, look));
  const some = tasks.length === 1 ? '' : ', each through all of these';
  return [
    ...wrap('    ', `one after the other${some}: ${names.join(', ')}`, look.width),
    ...tasks.flatMap((task) => taskLines(task, '      ', '', look)),
  ];
}

function taskLines(planned: PlannedTask, indent: string, on: string, { palette, width, verbose }: Look): string[] {
  const { task, changes, leftOut, cost } = planned;
  const lines = wrap(indent, `${palette.strong(task.step.id)}${on}`, width);
  if (leftOut !== undefined)
    return [...lines, ...wrap(`${indent}  `, `left out: ${leftOut}`, width).map(palette.faint)];
  for (const each of changesOf(changes)) {
    const { setting, from, to } = JSON.parse(each) as Omit<Change, 'target'>;
    if (from === undefined || to === undefined) lines.push(...wrap(`${indent}  `, setting, width));
    else if (from === to)
      lines.push(...wrap(`${indent}    `, `${setting} ${inShort(to)}, as it is`, width).map(palette.faint));
    else {
      lines.push(...wrap(`${indent}  - `, `${setting} ${inShort(from)}`, width).map(palette.bad));
      lines.push(...wrap(`${indent}  + `, `${setting} ${inShort(to)}`, width).map(palette.good));
    }
  }
  const proofs = [...new Set(task.step.proofs.map(proofInShort))];
  if (proofs.length > 0) lines.push(...wrap(`${indent}  proves `, proofs.join(', '), width));
  return verbose ? [...lines, ...costLines(task, `${indent}  `, cost, { palette, width })] : lines;
}

/** The key that is not made yet is named once, above. */
function inShort(names: string): string {
  return names.replaceAll(/next \(.*?\)/g, 'next');
}

function proofInShort(proof: PlannedTask['task']['step']['proofs'][number]): string {
  const under = 'keyIds' in proof ? ' under the key id of before' : '';
  return 'generation' in proof ? `${proof.proves} ${proof.generation}${under}` : proof.proves;
}

function costLines(
  { targets }: PlannedTask['task'],
  indent: string,
  { requests, leastMs, mostMs }: PlannedTask['cost'],
  { palette, width }: Pick<Look, 'palette' | 'width'>,
): string[] {
  const each = targets.length === 1 ? '' : ` for ${targets.length} targets`;
  const about = `about ${requests} requests${each}, ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
  return wrap(indent, about, width).map(palette.faint);
}

function saySender({ userAgent, addresses, perSecond }: Plan['sender']): string {
  const known = [...new Set(addresses.map(({ address }) => address ?? 'an address that is not known'))];
  const rate = perSecond === undefined ? 'one after the other' : `at most ${perSecond} a second to one replica`;
  return `User-Agent ${userAgent} from ${known.join(', ')}, ${rate}; refused ones are sent on purpose`;
}

/** How configurations are reached, where that is not by files here, and who changes together. */
function deployLines({ deploys: { drivers, together } }: Plan, width: number): string[] {
  const elsewhere = drivers.filter(({ by }) => by !== 'env-file' && by !== 'json-file');
  return [
    ...elsewhere.flatMap(({ by, targets }) => wrap('  deploys  ', `${targets.join(', ')} by ${by}`, width)),
    ...together.flatMap((one) => wrap('  deploys  ', one, width)),
  ];
}

function notesOf(plan: Plan, width: number): string[] {
  const { causes, preconditions, canaryPerSecond, repeats, awaited, refused } = plan;
  const lines = [
    ...deployLines(plan, width),
    ...wrap('  probes   ', `each accepted one causes: ${causes}`, width),
    ...wrap(
      '           ',
      `requests are counted for a fleet that answers as expected at once; while a replica comes round, a round of its probes is taken up to ${repeats} times`,
      width,
    ),
    ...wrap('  seen as  ', saySender(plan.sender), width),
    ...wrap('  canary   ', `${canaryPerSecond} requests a second beside them, all the while`, width),
  ];
  for (const one of [...awaited, ...(refused === undefined ? [] : [refused])])
    lines.push(...wrap('  clients  ', one, width));
  if (plan.blocked !== undefined) lines.push(...wrap('  policy   ', `not now: ${plan.blocked}`, width));
  if (preconditions.length > 0) {
    const tried = `${preconditions.join(', ')}: not tried by a plan; \`rotctl check\` does`;
    lines.push(...wrap('  before   ', tried, width));
  }
  return lines;
}
