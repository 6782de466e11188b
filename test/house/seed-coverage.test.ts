import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { ADVICE_TRIGGERS } from '../../src/drill/advice/triggers.ts';
import { DEFAULT_GATE_NAMES } from '../../src/fleet/deploy-fields.ts';
import { isForward, MOVING_PHASES, type MovingPhase, PHASES } from '../../src/machine/phase.ts';
import { CHECKS } from '../../src/probe/checks/list.ts';
import { REFUSALS } from '../../src/protocol/outcome.ts';
import { PROTOCOLS } from '../../src/protocol/protocol.ts';
import { readRunbook } from '../../src/runbook/read.ts';
import type { Runbook } from '../../src/runbook/runbook.ts';
import { makeWorld } from '../cli/world.ts';
import { sourceFiles } from './source.ts';

const page = readFileSync('spec/seed-coverage.md', 'utf8');
const names = [...new Set([...page.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name))];
const sources = sourceFiles()
  .map(({ text }) => text)
  .join('\n');

const runbooks = ['signer-hmac', 'signer-mtls', 'gate-hmac'].map((name): Runbook => {
  const file = `runbooks/${name}.yaml`;
  return readRunbook(readFileSync(file, 'utf8'), file);
});
const stepsOf = ({ program }: Runbook, which: (phase: MovingPhase) => boolean) =>
  MOVING_PHASES.filter(which).flatMap((phase) => program[phase]);
const all = runbooks.flatMap((runbook) => stepsOf(runbook, () => true));
const steps = new Set(all.map(({ id }) => id));
const proofs = new Set<string>(all.flatMap((step) => step.proofs.map(({ proves }) => proves)));
const preconditions = new Set<string>(runbooks.flatMap((runbook) => runbook.preconditions));
const checks = new Set(CHECKS.map(({ id }) => id));
const targets = new Set([...readFileSync('Makefile', 'utf8').matchAll(/^([a-z-]+):/gm)].map(([, target]) => target));
/** Of the systems that are rotated, with what the runbooks themselves call their parts. */
const SYSTEMS: readonly string[] = [
  'tool-gate',
  'langgraph',
  'common.auth.sign_gate_request',
  'signatures[]',
  'rotctl',
];
const variables = new Set<string>([
  ...Object.values(DEFAULT_GATE_NAMES),
  ...ADVICE_TRIGGERS.map(({ name }) => name),
  'REQUIRE_SIGNATURE',
]);

const { platform } = makeWorld();
const program = buildProgram(platform, () => {});

/** The flags that a command takes, those of the whole program among them; `undefined` where there is no such command. */
function flagsOf(words: readonly string[]): string[] | undefined {
  const found = words.reduce<Command | undefined>(
    (command, word) => command?.commands.find((one) => one.name() === word),
    program,
  );
  return found === undefined
    ? undefined
    : [program, found].flatMap(({ options }) => options.map(({ long }) => long ?? ''));
}

function isCommand(name: string): boolean {
  const [first, ...words] = name.split(' ');
  if (first !== 'rotctl' || words.length === 0) return false;
  const end = words.findIndex((word) => !/^[a-z]/.test(word));
  const flags = flagsOf(end === -1 ? words : words.slice(0, end));
  return flags !== undefined && words.every((word) => !word.startsWith('--') || flags.includes(word));
}

/** A field of `rotctl.yaml`, or one below it: `logs.own`. */
function isField(name: string): boolean {
  let place: unknown = JSON.parse(readFileSync('spec/rotctl.schema.json', 'utf8'));
  for (const part of name.split('.')) {
    const { properties } = place as { properties?: Record<string, unknown> };
    if (properties === undefined || !Object.hasOwn(properties, part)) return false;
    place = properties[part];
  }
  return true;
}

/** What a name on the page may be, each with how it is known to exist. */
const KINDS: Readonly<Record<string, (name: string) => boolean>> = {
  file: (name) => /^(?:test|spec|runbooks)\/\S+$/.test(name) && existsSync(name),
  step: (name) => steps.has(name),
  check: (name) => checks.has(name) || (/^[a-z]+\.[a-z-]+$/.test(name) && sources.includes(`'${name}'`)),
  precondition: (name) => preconditions.has(name),
  proof: (name) => proofs.has(name),
  phase: (name) => PHASES.some((phase) => phase === name),
  generation: (name) => ['current', 'next', 'new', 'old'].includes(name),
  target: (name) => name.startsWith('make ') && targets.has(name.slice('make '.length)),
  command: isCommand,
  flag: (name) => flagsOf(['advise'])?.includes(name) === true,
  variable: (name) => variables.has(name.replace(/(?:=| >= ).*$/, '')),
  field: isField,
  code: (name) => REFUSALS.some((code) => code === name),
  protocol: (name) => PROTOCOLS.some((protocol) => protocol === name),
  text: (name) => ['invalid request signature', 'scorecard.json', 'incident'].includes(name) && sources.includes(name),
  system: (name) => SYSTEMS.includes(name),
};

const kindsOf = (name: string) => Object.keys(KINDS).filter((kind) => KINDS[kind]?.(name) === true);

it('names nothing that does not exist', () => {
  expect(names.length).toBeGreaterThan(150);
  expect(names.filter((name) => kindsOf(name).length === 0)).toEqual([]);
});

it.each([
  ['file', 'test/probe/no-such.test.ts'],
  ['step', 'add-nothing'],
  ['check', 'gate.no-such'],
  ['target', 'make nothing'],
  ['command', 'rotctl nothing'],
  ['command', 'rotctl check --nothing'],
  ['variable', 'INTERSERVICE_HMAC_NOTHING=true'],
  ['field', 'logs.nothing'],
])('would notice a %s that is not there: %s', (_, name) => {
  expect(kindsOf(name)).toEqual([]);
});

describe.each(runbooks)('$name', (runbook) => {
  it('has each precondition and each step forward named on the page', () => {
    const wanted = [...runbook.preconditions, ...stepsOf(runbook, isForward).map(({ id }) => id)];
    expect(wanted.filter((name) => !names.includes(name))).toEqual([]);
  });
});

it('names each step of the ways back of gates and of certificates', () => {
  const told = runbooks.filter(({ scheme }) => scheme !== 'keyring');
  const back = told.flatMap((runbook) => stepsOf(runbook, (phase) => !isForward(phase)).map(({ id }) => id));
  expect(back.length).toBeGreaterThan(30);
  expect(back.filter((name) => !names.includes(name))).toEqual([]);
});

it('shows each line by a test, or says that nothing does it yet', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:line|---) \|/.test(line));
  expect(rows.length).toBeGreaterThan(40);
  const unshown = rows.filter((row) => {
    const [, , by = '', shown = ''] = row.split(/(?<!\\) \| |^\| | \|$/);
    return !by.includes('not yet') && !/`test\/\S+\.test\.ts`/.test(shown);
  });
  expect(unshown).toEqual([]);
});
