import { InvalidArgumentError, Option } from 'commander';
import { type Add, group } from './declaration.ts';

/** The commands that read what was recorded, and what is known. */
export const addReading: Add = (program, declare) => {
  declare(program, {
    usage: 'status',
    description:
      'Say where each rotation stands, who is behind, and what to type next. Reads the ledger, changes nothing.',
    examples: ['rotctl status', 'rotctl status --json', 'rotctl status --ledger copy/rotation-ledger.yaml'],
    action: async ({ platform, flags }) => (await import('./status.ts')).status(platform, flags),
  });
  declare(program, {
    usage: 'scorecard',
    description: 'Print the game-day scorecard of a ledger; the verdict is computed from its entries alone.',
    examples: ['rotctl scorecard', 'rotctl scorecard --from-ledger drill-out/rotation-ledger.yaml --json'],
    options: [new Option('--from-ledger <file>', 'this ledger (default: the fleet’s own)')],
    action: async ({ platform, flags, options }) => {
      const { printScorecard } = await import('./scorecard.ts');
      return printScorecard(platform, flags, {
        from: typeof options.fromLedger === 'string' ? options.fromLedger : undefined,
      });
    },
  });
  declare(program, {
    usage: 'explain <code>',
    description: 'Say what an error code, an exit code or a check means, and what to do.',
    examples: ['rotctl explain HELD', 'rotctl explain 12', 'rotctl explain replay.cross-replica'],
    action: async ({ args }) => (await import('./explain.ts')).explain(args[0] ?? ''),
  });
};

/** The commands on the ledger itself. */
export const addLedger: Add = (program, declare) => {
  const ledger = group(program, 'ledger', 'Show, verify or export the ledger.', [
    'rotctl ledger show',
    'rotctl ledger verify',
  ]);
  declare(ledger, {
    usage: 'show',
    description: 'Print the entries of the ledger, one a line.',
    examples: ['rotctl ledger show', 'rotctl ledger show --last 20 --verbose'],
    options: [new Option('--last <n>', 'only the last n entries').argParser(wholeNumber)],
    schema: 'ledger-show',
    action: async ({ platform, flags, options }) => {
      const { showLedger } = await import('./ledger.ts');
      return showLedger(platform, flags, { last: typeof options.last === 'number' ? options.last : undefined });
    },
  });
  declare(ledger, {
    usage: 'verify',
    description: 'Verify the chain of the ledger over its bytes; exits 1 when it does not hold.',
    examples: ['rotctl ledger verify', 'rotctl ledger verify --ledger copy/rotation-ledger.yaml'],
    schema: 'ledger-verify',
    action: async ({ platform, flags }) => (await import('./ledger.ts')).checkLedger(platform, flags),
  });
  declare(ledger, {
    usage: 'export',
    description: 'Print the entries as JSON lines, for other programs.',
    examples: ['rotctl ledger export > ledger.jsonl'],
    schema: 'ledger-export',
    action: async ({ platform, flags }) => (await import('./ledger.ts')).exportLedger(platform, flags),
  });
};

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('must be a whole number above 0');
}
