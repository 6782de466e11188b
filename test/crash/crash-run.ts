import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Entry } from '../../src/ledger/entry.ts';
import type { MovingPhase, Phase } from '../../src/machine/phase.ts';
import { tasksOf } from '../../src/machine/roll.ts';
import type { Program } from '../../src/machine/step.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import { parseOwed } from '../../src/runner/owed.ts';
import { locksIn, type Material, type PracticeFleet } from '../support/practice-fleet.ts';

const CLIENTS = ['client-a', 'client-b'];
const TEMPLATES = ['signer-image'];
/** The replica that a failing overlap fails on: not the first, so that there is something to take back. */
const FAULTY = 'signer-b';

/** The commands that are broken off. `failing-overlap` meets a replica that misses `next`, and is taken back by itself. */
export type Command = 'overlap' | 'retire' | 'rollback' | 'failing-overlap';

/** When within the append of an entry the process dies; see `crash-main`. */
export type Moment = 'before' | 'torn' | 'durable' | 'named';

/** Where a process is killed: at the n-th entry of a kind that it appends. */
export interface Point {
  readonly kinds: string;
  readonly nth: number;
  readonly moment: Moment;
}

/** What rotates, and how it stands in the fleet. */
export interface Rotated {
  readonly program: Program;
  /** What the first command of a rotation needs to be of this. */
  readonly words: readonly string[];
  /** Remembers how it stands before a command; what it returns expects that the command has led from there to its end. */
  watch(fleet: PracticeFleet, command: Command): () => void;
}

interface Way {
  readonly args: readonly string[];
  /** The phases whose every task must be done, once and in order, at the end. */
  readonly phases: readonly MovingPhase[];
  readonly end: Phase;
  /** Exit codes of an unbroken run, and of a resumed one. */
  readonly codes: readonly number[];
}

const WAYS: Readonly<Record<Command, Way>> = {
  overlap: { args: ['overlap'], phases: ['opening', 'moving'], end: 'switched', codes: [0] },
  retire: { args: ['retire', '--wait'], phases: ['retiring', 'destroying'], end: 'destroyed', codes: [0] },
  rollback: { args: ['rollback'], phases: ['returning', 'closing'], end: 'rolled-back', codes: [0] },
  // Taken up before the replica was reached, it fails and is taken back; taken up after, only the rest is left.
  'failing-overlap': { args: ['overlap'], phases: ['closing'], end: 'rolled-back', codes: [0, 10] },
};

/** How a process of a trial is killed: at a point, or so many milliseconds after its start. */
export type Kill = Point | number;

/** A point as a title shows it. */
export function describePoint({ kinds, nth, moment }: Point): string {
  return `${moment} ${kinds} ${nth}`;
}

/** How many tasks an unbroken run of the command has: for each it writes one intent and one outcome. */
export function tasksIn(
  fleet: Pick<PracticeFleet, 'replicas'>,
  command: Command,
  { program }: Pick<Rotated, 'program'> = SECRETS,
): number {
  const inventory = { templates: TEMPLATES, replicas: fleet.replicas, clients: CLIENTS };
  const whole = WAYS[command].phases.reduce((sum, phase) => sum + tasksOf(program[phase], inventory).length, 0);
  return command === 'failing-overlap' ? failingTask(fleet) + whole : whole;
}

/** The how-manieth task of a failing overlap is the one that fails; those after it take it back. */
export function failingTask({ replicas }: Pick<PracticeFleet, 'replicas'>): number {
  const opening = tasksOf(SECRETS.program.opening, { templates: TEMPLATES, replicas, clients: CLIENTS });
  return opening.findIndex(({ step, targets }) => step.action === 'reload' && targets.includes(FAULTY)) + 1;
}

/**
 * Runs a command, killed on its way; takes it up with `resume --wait`, killed on its way too for each further kill; and
 * compares where it ends with where an unbroken run ends.
 */
export async function crashAndResume(
  fleet: PracticeFleet,
  command: Command,
  kills: readonly Kill[],
  rotated: Rotated = SECRETS,
): Promise<void> {
  const expectMaterial = rotated.watch(fleet, command);
  const entries = await entriesOf(fleet);
  const way = WAYS[command];
  const args = way.args[0] === 'overlap' ? [...way.args, ...rotated.words] : way.args;
  if (command === 'failing-overlap') await fleet.ctl('fault', 'plant', 'misses-next', FAULTY);
  for (const kill of kills) await killed(fleet, await nextArgs(fleet, args, entries), kill);
  const ended = await fleet.rotctl(await nextArgs(fleet, args, entries));
  if (command === 'failing-overlap') await fleet.ctl('fault', 'lift', 'misses-next', FAULTY);
  expect(way.codes, `${ended.stdout}${ended.stderr}`).toContain(ended.code);
  await expectEnd(fleet, command, expectMaterial, rotated);
}

/**
 * The fleet is where the command leads to: the phase, every task done once and in order, the ledger whole, no lock left,
 * the material as it should be, and no valid request refused.
 *
 * @param expectMaterial what watching the material gave before the command
 */
export async function expectEnd(
  fleet: PracticeFleet,
  command: Command,
  expectMaterial: () => void,
  { program }: Pick<Rotated, 'program'> = SECRETS,
): Promise<void> {
  await expectWhole(fleet, WAYS[command], program);
  expectMaterial();
  for (const { id, refused, byCode } of await fleet.clients())
    expect({ id, refused, byCode }).toMatchObject({ refused: 0 });
}

async function killed(fleet: PracticeFleet, args: readonly string[], kill: Kill): Promise<void> {
  if (typeof kill === 'number') {
    const running = fleet.start(args);
    const timer = setTimeout(() => running.process.kill('SIGKILL'), kill);
    await running.ended;
    clearTimeout(timer);
    return;
  }
  const at = `${kill.kinds}:${kill.nth}:${kill.moment}`;
  const ended = await fleet.rotctl(args, { entry: 'crash-main', env: { CRASH_AT: at } });
  expect(ended.signal, `no crash at ${at}: exit ${ended.code}\n${ended.stdout}${ended.stderr}`).toBe('SIGKILL');
}

/** What is typed next: `resume` once the command has begun; before that there is nothing to resume, and it is given again. */
async function nextArgs(
  fleet: PracticeFleet,
  args: readonly string[],
  before: readonly Entry[],
): Promise<readonly string[]> {
  const now = await entriesOf(fleet);
  const begun = headers(now) > headers(before) || now.at(-1)?.phase !== before.at(-1)?.phase;
  return begun ? ['resume', '--wait'] : args;
}

function headers(entries: readonly Entry[]): number {
  return entries.filter(({ kind }) => kind === 'header').length;
}

/** The ledger verifies, no lock is in the way, and each task of the phases was done once, in order, after an intent. */
async function expectWhole(fleet: PracticeFleet, { phases, end }: Way, program: Program): Promise<void> {
  const verified = await fleet.rotctl(['ledger', 'verify']);
  expect(verified.code, verified.stdout).toBe(0);
  expect(locksIn(fleet)).toBe(false);
  const all = await entriesOf(fleet);
  const rotation = all.findLast(({ data }) => 'material' in data)?.rotation;
  const own = all.filter((entry) => entry.rotation === rotation);
  expect(own.at(-1)?.phase).toBe(end);
  const inventory = { templates: TEMPLATES, replicas: fleet.replicas, clients: CLIENTS };
  for (const phase of phases) {
    const planned = tasksOf(program[phase], inventory).map(({ step, targets }) => `${step.id} ${targets.join(',')}`);
    expect(outcomesOf(own, phase)).toEqual(planned);
  }
  expectRecorded(own, end);
  let intended = '';
  for (const { kind, step, data } of own) {
    const what = `${step} ${data.targets}`;
    if (kind === 'intent') intended = what;
    if (kind === 'outcome') expect(what).toBe(intended);
  }
}

/**
 * What is recorded beside the steps is there too: the configuration before, and after a rollback the same one; and no
 * replay check is owed, unless a failure ended the command before its time had come.
 */
function expectRecorded(own: readonly Entry[], end: Phase): void {
  const stateAt = (when: string) => own.find(({ data }) => data.when === when)?.data.state;
  expect(stateAt('before')).toBeDefined();
  if (end === 'rolled-back') expect(stateAt('after')).toEqual(stateAt('before'));
  else expect(parseOwed(own)).toEqual([]);
}

function outcomesOf(own: readonly Entry[], phase: Phase): string[] {
  const done = own.filter(({ kind, data, phase: at }) => at === phase && kind === 'outcome' && data.result === 'done');
  return done.map(({ step, data }) => `${step} ${data.targets}`);
}

/** The ledger's entries, as `rotctl` reads them; none without a ledger. */
export async function entriesOf(fleet: PracticeFleet): Promise<Entry[]> {
  if (!existsSync(fleet.ledger)) return [];
  const { code, stdout, stderr } = await fleet.rotctl(['ledger', 'export']);
  expect(code, stderr).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const RUNBOOK = new URL('../../runbooks/signer-hmac.yaml', import.meta.url).pathname;

/** The secrets of clients, in the configuration files of signers and clients. */
export const SECRETS: Rotated = {
  program: readRunbook(readFileSync(RUNBOOK, 'utf8'), RUNBOOK).program,
  words: [],
  watch(fleet, command) {
    const before = fleet.material();
    return () => expectMaterial(fleet.material(), before, command);
  },
};

/** The configuration files hold exactly what the command leads to from what stood there before. */
function expectMaterial(after: Material, before: Material, command: Command): void {
  for (const id of CLIENTS) {
    const lists = Object.values(after.signers).map((signer) => signer[id]);
    const [first = []] = Object.values(before.signers).map((signer) => signer[id]);
    const [current, next] = first;
    const signs = after.clients[id];
    switch (command) {
      case 'overlap':
        expect(signs).toMatch(/^[0-9A-Za-z_-]{43,}$/);
        expect(signs).not.toBe(current);
        expectAll(lists, [current, signs]);
        break;
      case 'retire':
        expect(signs).toBe(next);
        expectAll(lists, [next]);
        break;
      default:
        expect(signs).toBe(current);
        expectAll(lists, [current]);
    }
  }
}

function expectAll(lists: readonly unknown[], wanted: readonly (string | undefined)[]): void {
  expect(lists).toEqual(lists.map(() => wanted));
}
