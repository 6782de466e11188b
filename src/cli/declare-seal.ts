import { Option } from 'commander';
import type { Add, Call } from './declaration.ts';
import type { SealRequest } from './seal.ts';

/** The sealed store. */
export const addSeal: Add = (program, declare) => {
  declare(program, {
    usage: 'seal <client>',
    description:
      'Keep the present secret of a client sealed (age) in the vault folder, from which rotations read it; for a client whose secret can be read nowhere else.',
    examples: ['rotctl seal wallet --secret-file /run/keys/wallet', 'rotctl seal wallet --secret-fd 3'],
    options: [
      new Option('--secret-file <file>', 'a file that holds the secret and that only you can read'),
      new Option('--secret-fd <number>', 'a file descriptor that gives the secret, such as 3 with 3< FILE'),
    ],
    rehearse: async (call) => (await import('./seal.ts')).rehearseSeal(call.platform, call.flags, requestOf(call)),
    action: async (call) => (await import('./seal.ts')).seal(call.platform, call.flags, requestOf(call)),
  });
};

function requestOf({ args, options }: Call): SealRequest {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { client: args[0] ?? '', secretFile: text(options.secretFile), secretFd: text(options.secretFd) };
}
