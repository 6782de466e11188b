import { Option } from 'commander';
import { type Add, collect, group, texts } from './declaration.ts';
import { PRACTICE_STORES } from './platform.ts';

/** The practice fleet. */
export const addPractice: Add = (program, declare) => {
  const practice = group(program, 'practice', 'Keep a local practice fleet to play with.', [
    'rotctl practice up',
    'rotctl check --fleet practice/rotctl.yaml',
    'rotctl practice down',
  ]);
  const home = (): Option => new Option('--home <dir>', 'the folder of the fleet').default('practice');
  declare(practice, {
    usage: 'up',
    description: 'Start a practice fleet with live clients; it ends after fifteen minutes without a command.',
    examples: [
      'rotctl practice up',
      'rotctl practice up --fault misses-next@signer-b',
      'rotctl practice up --protocol gate-v1 --home practice-gate',
    ],
    options: [
      home(),
      new Option('--protocol <name>', 'signers, or gates with their services')
        .choices(['keyring-v1', 'gate-v1'])
        .default('keyring-v1'),
      new Option('--store <kind>', 'the replay store').choices(PRACTICE_STORES).default('auto'),
      new Option('--fault <name@replica>', 'plant this fault; may be repeated').argParser(collect).default([], 'none'),
    ],
    schema: 'practice-up',
    rehearse: async ({ options }) =>
      (await import('./rehearsed.ts')).wouldDo('practice-up', [`start a practice fleet in ${options.home}`]),
    action: async ({ platform, options }) => {
      const { practiceUp } = await import('./practice.ts');
      const store = PRACTICE_STORES.find((kind) => kind === options.store) ?? 'auto';
      const protocol = options.protocol === 'gate-v1' ? 'gate-v1' : 'keyring-v1';
      return practiceUp(platform, { home: String(options.home), protocol, store, faults: texts(options.fault) });
    },
  });
  declare(practice, {
    usage: 'status',
    description: 'Say whether the practice fleet runs, and what its clients have seen.',
    examples: ['rotctl practice status'],
    options: [home()],
    schema: 'practice-status',
    action: async ({ platform, options }) =>
      (await import('./practice.ts')).practiceStatus(platform, String(options.home)),
  });
  declare(practice, {
    usage: 'down',
    description: 'End the practice fleet and all of its processes; its folder stays.',
    examples: ['rotctl practice down'],
    options: [home()],
    schema: 'practice-down',
    rehearse: async ({ options }) =>
      (await import('./rehearsed.ts')).wouldDo('practice-down', [`end the practice fleet in ${options.home}`]),
    action: async ({ platform, options }) =>
      (await import('./practice.ts')).practiceDown(platform, String(options.home)),
  });
};

/** Completion scripts. */
export const addCompletion: Add = (program, declare) => {
  declare(program, {
    usage: 'completion <shell>',
    description: 'Print a completion script for bash, zsh or fish.',
    examples: ['rotctl completion bash > ~/.local/share/bash-completion/completions/rotctl'],
    action: async ({ args }) => (await import('./completion.ts')).completion(program, args[0] ?? ''),
  });
};
