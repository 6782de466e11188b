import { Option } from 'commander';
import type { Add } from './declaration.ts';

/** The flags of the seven triggers, with what each asks for. */
const FLAGS: readonly (readonly [flag: string, value: string, asks: string])[] = [
  ['--services', '<n>', 'services that authenticate each other (AUTH_SERVICES; met from 8)'],
  ['--teams', '<n>', 'teams that own them (AUTH_TEAMS; met from 3)'],
  ['--rotations', '<n>', 'rotations in a quarter, where no ledger counts them (HMAC_ROTATIONS_PER_QUARTER; from 4)'],
  ['--incidents', '<n>', 'auth incidents in 90 days, where no ledger counts them (HMAC_INCIDENTS_90D; from 1)'],
  [
    '--external-verifiers',
    '<n>',
    'outside verifiers that need non-shared secrets (EXTERNAL_VERIFIER_DEPENDENCIES; from 1)',
  ],
  ['--zero-trust', '<true|false>', 'whether a zero-trust mandate holds (ZERO_TRUST_TARGET; met when true)'],
  ['--auditability', '<score>', 'pressure to be auditable, 0 to 1 (AUDITABILITY_SCORE; met from 0.80)'],
];

/** The advice on whether to stay on shared secrets. */
export const addAdvice: Add = (program, declare) => {
  declare(program, {
    usage: 'advise',
    description:
      'Advise whether to stay on shared HMAC secrets, by seven triggers: from the environment, flags and the ledger.',
    examples: [
      'rotctl advise',
      'rotctl advise --services 9 --teams 4 --external-verifiers 1',
      'rotctl advise --ledger copy/rotation-ledger.yaml --json',
    ],
    options: FLAGS.map(([flag, value, asks]) => new Option(`${flag} ${value}`, asks)),
    action: async ({ platform, flags, options }) => {
      const { advise } = await import('./advise.ts');
      const texts = FLAGS.map(([flag]) => [flag, options[new Option(flag).attributeName()]] as const);
      return advise(
        platform,
        flags,
        Object.fromEntries(texts.map(([flag, value]) => [flag, typeof value === 'string' ? value : undefined])),
      );
    },
  });
};
