import type { Command } from 'commander';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { CommandEnd } from './result.ts';

/** A path of command words, and what may follow it. */
interface Choice {
  readonly path: string;
  readonly words: readonly string[];
}

/** Prints a completion script, made from the tree of commands. @throws RotctlError `USAGE` for another shell */
export function completion(program: Command, shell: string): CommandEnd {
  const choices = choicesOf(
    program,
    '',
    program.options.flatMap(({ long }) => long ?? []),
  );
  const text = scriptFor(shell, choices);
  return {
    command: 'completion',
    verdict: 'pass',
    summary: `completion for ${shell}`,
    text,
    result: { shell, script: text },
  };
}

function scriptFor(shell: string, choices: readonly Choice[]): string {
  switch (shell) {
    case 'bash':
      return bash(choices);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(choices)}`;
    case 'fish':
      return fish(choices);
    default:
      throw new RotctlError('USAGE', `there is no completion for ${JSON.stringify(shell)}`, {
        hint: 'bash, zsh or fish',
      });
  }
}

function choicesOf(command: Command, path: string, everywhere: readonly string[]): Choice[] {
  const own = command.options.flatMap(({ long }) => long ?? []);
  const words = [...command.commands.map((below) => below.name()), ...own, ...everywhere, '--help'];
  const below = command.commands.flatMap((child) => choicesOf(child, `${path} ${child.name()}`.trim(), everywhere));
  return [{ path, words: [...new Set(words)] }, ...below];
}

function bash(choices: readonly Choice[]): string {
  const cases = choices.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
  return `_rotctl() {
  local path='' word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case $path in
${cases}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _rotctl rotctl
`;
}

function fish(choices: readonly Choice[]): string {
  const lines = choices.flatMap(({ path, words }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    return words.map((word) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c rotctl -n '${condition}' ${what}`;
    });
  });
  return `${lines.join('\n')}\n`;
}
