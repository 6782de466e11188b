import { Command, type Option } from 'commander';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** A command line that was understood: which command it is, and how to run it. */
export interface Chosen {
  readonly command: string;
  readonly flags: GlobalFlags;
  run(): Promise<CommandEnd>;
}

/** What an action gets: the platform, the flags of every command, and its own arguments and options. */
export interface Call {
  readonly platform: Platform;
  readonly flags: GlobalFlags;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** One command, as data. */
export interface Declaration {
  /** Name and arguments in commander's notation: `explain <code>`. */
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly options?: readonly Option[];
  /**
   * What `--dry-run` does: the action heeds it itself, or this tells what would be done. A command that changes nothing has
   * neither, and refuses the flag.
   */
  readonly rehearse?: 'itself' | ((call: Call) => Promise<CommandEnd>);
  /** The name in the JSON schema, where it is not the command's own. */
  readonly schema?: string;
  readonly action: (call: Call) => Promise<CommandEnd>;
}

/** Declares a command in the tree: its `action` runs when the command was chosen. */
export type Declare = (parent: Command, declared: Declaration) => void;

/** Adds some commands to the tree. */
export type Add = (program: Command, declare: Declare) => void;

const HELP_WIDTH = 100;

/** A new command or group below `parent`, with what all have in common. */
export function below(parent: Command, usage: string, description: string, examples: readonly string[]): Command {
  return parent.command(usage).description(description).addHelpText('after', examplesText(examples));
}

/** A command that only holds others. */
export function group(parent: Command, name: string, description: string, examples: readonly string[]): Command {
  return below(parent, name, description, examples);
}

/** The root of the tree, which hands its settings on to everything below. */
export function root(name: string, write: (text: string) => void): Command {
  return new Command(name)
    .exitOverride()
    .showSuggestionAfterError(true)
    .allowExcessArguments(false)
    .configureHelp({ showGlobalOptions: true, helpWidth: HELP_WIDTH })
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} });
}

/** The last part of a help text. */
export function examplesText(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** Collects the values of an option that may be repeated. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** The values of an option that may be repeated. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
