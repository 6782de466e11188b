import { Option } from 'commander';
import { type Add, type Call, collect, texts } from './declaration.ts';
import type { CommandEnd } from './result.ts';
import type { RotateRequest } from './rotate.ts';

const planned = (): Option =>
  new Option('--plan <file>', 'carry out this saved plan; refused when it does not fit any more');
const breaking = (): Option[] => [
  new Option('--break-lock', 'take over a lock whose holder cannot be proven dead; needs --reason'),
  new Option('--reason <text>', 'why, for the ledger'),
];
const waiting = (): Option =>
  new Option('--wait', 'wait at time gates, with a countdown, instead of ending there with 15');

function rotation(command: RotateRequest['command']): (call: Call) => Promise<CommandEnd> {
  return async ({ platform, flags, options }) => {
    const { rotate } = await import('./rotate.ts');
    return rotate(platform, flags, {
      command,
      wait: options.wait === true,
      reinstate: options.reinstate === true,
      reason: typeof options.reason === 'string' ? options.reason : undefined,
      compromised: options.compromised === true,
      secretFiles: texts(options.secretFile),
      secretFds: texts(options.secretFd),
      breakLock: options.breakLock === true,
      plan: typeof options.plan === 'string' ? options.plan : undefined,
      unsafeOrder: options.unsafeOrder === true,
    });
  };
}

/** The commands that change a fleet. */
export const addRotations: Add = (program, declare) => {
  declare(program, {
    usage: 'overlap',
    description:
      'Open the overlap: every replica accepts current and next, proven on each; then move the clients to next.',
    examples: [
      'rotctl overlap',
      'rotctl overlap --dry-run',
      'rotctl overlap --plan plan.json',
      'rotctl overlap --secret-file client-a=/run/keys/client-a.next',
    ],
    options: [
      new Option('--secret-file <client=file>', 'take next from a file that only you can read; may be repeated')
        .argParser(collect)
        .default([], 'next is generated'),
      new Option(
        '--secret-fd <client=number>',
        'take next from a file descriptor, such as 3 with 3< FILE; may be repeated',
      )
        .argParser(collect)
        .default([], 'next is generated'),
      new Option('--compromised', 'the old secret is known to others: no waiting, no soak, no way back to it'),
      waiting(),
      planned(),
      new Option('--unsafe-order', 'begin although the runbook is not proven safe; needs --reason, ends in no PASS'),
      ...breaking(),
    ],
    rehearse: 'itself',
    action: rotation('overlap'),
  });
  declare(program, {
    usage: 'retire',
    description: 'Close the overlap: remove current from every replica, prove it refused, soak, and destroy it.',
    examples: ['rotctl retire', 'rotctl retire --wait'],
    options: [waiting(), planned(), ...breaking()],
    rehearse: 'itself',
    action: rotation('retire'),
  });
  declare(program, {
    usage: 'rollback',
    description: 'Go back to current, from any phase before the destruction of the old secret.',
    examples: ['rotctl rollback', 'rotctl rollback --reinstate --reason "client-b still signs with the old secret"'],
    options: [
      new Option('--reinstate', 're-open the overlap after current was retired; needs --reason'),
      waiting(),
      planned(),
      ...breaking(),
    ],
    rehearse: 'itself',
    action: rotation('rollback'),
  });
  declare(program, {
    usage: 'resume',
    description: 'Go on after a stop or a crash, towards where the last command was going.',
    examples: ['rotctl resume', 'rotctl resume --wait'],
    options: [waiting(), planned(), ...breaking()],
    rehearse: 'itself',
    action: rotation('resume'),
  });
};
