import { InvalidArgumentError, Option } from 'commander';
import { RotctlError } from '../errors/rotctl-error.ts';
import { type Add, collect, group, texts } from './declaration.ts';

/** The most targets of a kind that can be asked about. */
const MOST = 100;

/** The command that shows what is ahead. */
export const addPlans: Add = (program, declare) => {
  declare(program, {
    usage: 'plan [command]',
    description:
      'Show what overlap, retire or rollback would do, or all that is ahead, with the proof that it is safe. Sends nothing, changes nothing.',
    examples: ['rotctl plan', 'rotctl plan overlap -o plan.json', 'rotctl plan rollback --json'],
    options: [
      new Option('-o, --output <file>', 'save the plan, for --plan FILE of the command that it is of'),
      new Option('--compromised', 'as overlap --compromised'),
      new Option('--reinstate', 'as rollback --reinstate'),
    ],
    action: async ({ platform, flags, args, options }) => {
      const command = PLANNED.find((name) => name === args[0]);
      if (args[0] !== undefined && command === undefined) {
        throw new RotctlError('USAGE', `there is no plan of ${JSON.stringify(args[0])}`, {
          hint: `${PLANNED.join(', ')}, or none of them for the whole rotation`,
        });
      }
      const { plan } = await import('./plan.ts');
      return plan(platform, flags, {
        command,
        compromised: options.compromised === true,
        reinstate: options.reinstate === true,
        file: typeof options.output === 'string' ? options.output : undefined,
      });
    },
  });
};

const PLANNED = ['overlap', 'retire', 'rollback'] as const;

/** The command that proves runbooks. */
export const addRunbooks: Add = (program, declare) => {
  const runbook = group(program, 'runbook', 'Prove runbooks safe before they run.', [
    'rotctl runbook check signer-hmac',
    'rotctl runbook check my.yaml --replicas 5 --templates 0',
  ]);
  declare(runbook, {
    usage: 'check <file...>',
    description:
      'Prove each runbook safe in every order of its steps, of crashes, restarts, late requests and operators’ moves, or print the shortest sequence that breaks it. Reads the files alone.',
    examples: [
      'rotctl runbook check signer-hmac gate-hmac signer-mtls',
      'rotctl runbook check my.yaml --without scale-out --without reconcile',
      'rotctl runbook check my.yaml --replicas 2 --clients 1 --whole --json',
    ],
    options: [
      new Option('--replicas <n>', 'of a fleet with so many replicas').argParser(sizeFrom(1)).default(3),
      new Option('--clients <n>', 'and so many clients').argParser(sizeFrom(1)).default(3),
      new Option('--templates <n>', 'and so many templates that instances are made from; may be 0')
        .argParser(sizeFrom(0))
        .default(1),
      new Option('--without <action>', 'rule this out: crash, client-restart, …; may be repeated')
        .argParser(collect)
        .default([], 'nothing is ruled out'),
      new Option('--whole', 'explore the fleet as it is, not the small one that stands for it'),
    ],
    schema: 'runbook-check',
    action: async ({ platform, flags, args, options }) => {
      const { checkRunbooks } = await import('./runbook-check.ts');
      return checkRunbooks(platform, flags, {
        files: args,
        sizes: {
          replicas: Number(options.replicas),
          clients: Number(options.clients),
          templates: Number(options.templates),
        },
        without: texts(options.without),
        whole: options.whole === true,
      });
    },
  });
};

function sizeFrom(least: number): (text: string) => number {
  return (text) => {
    if (/^[0-9]{1,4}$/.test(text) && Number(text) >= least && Number(text) <= MOST) return Number(text);
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${MOST}`);
  };
}
