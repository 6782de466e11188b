import { type Command, CommanderError, Option } from 'commander';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import {
  below,
  type Call,
  type Chosen,
  collect,
  type Declaration,
  type Declare,
  examplesText,
  root,
  texts,
} from './declaration.ts';
import { addAdvice } from './declare-advice.ts';
import { addRotations } from './declare-changes.ts';
import { addConfirm } from './declare-confirm.ts';
import { addGameDay } from './declare-game-day.ts';
import { addInit } from './declare-init.ts';
import { addCompletion, addPractice } from './declare-local.ts';
import { addPlans, addRunbooks } from './declare-proofs.ts';
import { addLedger, addReading } from './declare-records.ts';
import { addSeal } from './declare-seal.ts';
import { addChecks, addDrill } from './declare-trials.ts';
import type { Platform } from './platform.ts';
import { type GlobalFlags, MATERIALS } from './request.ts';
import type { CommandEnd } from './result.ts';

const DEFAULT_FLEET = 'rotctl.yaml';

/**
 * Reads a command line. What the command needs is loaded when it is run.
 *
 * @returns `undefined` when help or the version was asked for, and printed
 * @throws RotctlError `USAGE` with the nearest thing that exists
 */
export function choose(argv: readonly string[], platform: Platform): Chosen | undefined {
  let chosen: Chosen | undefined;
  const program = buildProgram(platform, (found) => {
    chosen = found;
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw mistake(error);
  }
  return chosen;
}

/** The command that a line which could not be read was meant for, as its JSON schema names it. */
export function commandIn(argv: readonly string[], platform: Platform): string {
  let at = buildProgram(platform, () => {});
  const words: string[] = [];
  for (const word of argv) {
    const below = at.commands.find((command) => command.name() === word);
    if (below === undefined) continue;
    at = below;
    words.push(word);
  }
  return words.length === 0 ? 'usage' : words.join('-');
}

/** Makes the whole tree of commands; `take` is called with the one that a parse chooses. */
export function buildProgram(platform: Platform, take: (chosen: Chosen) => void): Command {
  const program = root('rotctl', (text) => platform.stdout.write(text))
    .description('Rotate a shared secret or a certificate under live traffic, each step proven on every replica.')
    .version(`rotctl ${platform.version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help for a command')
    .helpCommand('help [command]', 'print help for a command');
  for (const option of globalOptions()) program.addOption(option);
  program.addHelpText(
    'after',
    examplesText(['rotctl drill', 'rotctl check --fleet staging.yaml', 'rotctl overlap', 'rotctl status']),
  );
  const declare: Declare = (parent, declared) => {
    const { usage, description, examples, options = [], schema } = declared;
    const command = below(parent, usage, description, examples);
    for (const option of options) command.addOption(option);
    command.action(() => {
      const flags = globalFlags(command.optsWithGlobals(), platform.env);
      const call = { platform, flags, args: command.args, options: command.opts() };
      take({ command: schema ?? command.name(), flags, run: () => perform(declared, call) });
    });
  };
  for (const add of [
    addDrill,
    addGameDay,
    addInit,
    addChecks,
    addPlans,
    addRotations,
    addConfirm,
    addRunbooks,
    addReading,
    addAdvice,
    addLedger,
    addSeal,
    addPractice,
    addCompletion,
  ])
    add(program, declare);
  return program;
}

/** Runs a command, or rehearses it. @throws RotctlError `USAGE` for a rehearsal of what changes nothing */
async function perform({ usage, action, rehearse }: Declaration, call: Call): Promise<CommandEnd> {
  if (!call.flags.dryRun || rehearse === 'itself') return action(call);
  if (rehearse !== undefined) return rehearse(call);
  const [name = usage] = usage.split(' ');
  throw new RotctlError('USAGE', `${name} takes no --dry-run: it changes nothing anyway`, {
    hint: 'leave --dry-run out',
  });
}

function globalOptions(): Option[] {
  return [
    new Option('--fleet <file>', `the fleet file (default: ROTCTL_FLEET, or ${DEFAULT_FLEET})`),
    new Option('--ledger <file>', 'the ledger (default: rotation-ledger.yaml beside the fleet file)'),
    new Option('--client <id>', 'only this client; may be repeated').argParser(collect).default([], 'all clients'),
    new Option('--material <kind>', 'what rotates: secrets, or certificates with --material mtls').choices(MATERIALS),
    new Option(
      '--runbook <name|file>',
      'the runbook (default: that of the open rotation, or the one for the material: signer-hmac, gate-hmac or signer-mtls)',
    ),
    new Option('--json', 'print one JSON document on stdout'),
    new Option('--dry-run', 'change nothing: try what can be tried, and say what would be done'),
    new Option('--out <dir>', 'also write verdict.json, junit.xml and the JSON result here'),
    new Option('--quiet', 'print the result and the verdict alone'),
    new Option('--verbose', 'say more: each target, and how it was tried'),
    new Option('--no-color', 'no colour and no live line'),
  ];
}

function globalFlags(options: Readonly<Record<string, unknown>>, env: Platform['env']): GlobalFlags {
  const { fleet, ledger, client, runbook, material, out } = options;
  const fromEnv = env.ROTCTL_FLEET === '' ? undefined : env.ROTCTL_FLEET;
  return {
    fleet: text(fleet) ?? fromEnv ?? DEFAULT_FLEET,
    fleetGiven: fleet !== undefined,
    ledger: text(ledger),
    clients: texts(client),
    runbook: text(runbook),
    material: MATERIALS.find((known) => known === material),
    json: options.json === true,
    out: text(out),
    dryRun: options.dryRun === true,
    yes: options.yes === true,
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    color: options.color !== false,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A mistake in the command line, in our words: `(Did you mean …?)` becomes the hint. */
function mistake(error: CommanderError): RotctlError {
  if (error.code === 'commander.help')
    return new RotctlError('USAGE', 'no command was given', { hint: 'read `rotctl --help`' });
  const [what = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n');
  const meant = /^\(Did you mean (.*)\?\)$/.exec(suggestion)?.[1];
  return new RotctlError(
    'USAGE',
    escapeForeign(what, 300),
    meant === undefined ? {} : { hint: `did you mean ${meant}?` },
  );
}
