import { Option } from 'commander';
import type { Add } from './declaration.ts';

/** The command by which somebody answers by name for what cannot be seen. */
export const addConfirm: Add = (program, declare) => {
  declare(program, {
    usage: 'confirm',
    description:
      'Record, with a name, that a client signs with next (or current) alone, that a replica is destroyed, or that a move is approved.',
    examples: [
      'rotctl confirm --client billing --generation next --by "A. Jones" --note "all 4 pods restarted, CHG-1812"',
      'rotctl confirm --replica signer-3 --gone --by "A. Jones"',
      'rotctl confirm --approve retire --by "B. Smith"',
    ],
    options: [
      new Option('--generation <generation>', 'what the client named with --client signs with').choices([
        'current',
        'next',
      ]),
      new Option('--replica <name>', 'a replica that is drained and destroyed; needs --gone'),
      new Option('--gone', 'that replica will never come back'),
      new Option('--approve <move>', 'that this move of the open rotation may be made').choices([
        'move-clients',
        'retire',
        'destroy',
      ]),
      new Option('--by <name>', 'who answers for it'),
      new Option('--note <text>', 'how they know, for the record'),
    ],
    action: async ({ platform, flags, options }) => {
      const { confirm } = await import('./confirm.ts');
      const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
      return confirm(platform, flags, {
        generation: options.generation === 'current' || options.generation === 'next' ? options.generation : undefined,
        replica: text(options.replica),
        gone: options.gone === true,
        approve: text(options.approve),
        by: text(options.by),
        note: text(options.note),
      });
    },
  });
};
