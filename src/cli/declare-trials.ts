import { Option } from 'commander';
import { type Add, type Call, collect, texts } from './declaration.ts';
import { rehearseReplayMode, replayModeExamples, replayModeOptions, runReplayMode } from './declare-replay-modes.ts';
import type { DrillRequest } from './drill.ts';
import { PRACTICE_STORES } from './platform.ts';

/** The rehearsal. */
export const addDrill: Add = (program, declare) => {
  declare(program, {
    usage: 'drill',
    description:
      'Rehearse a whole rotation: with faults, on a practice fleet of its own; or with --fleet on that fleet, which is left as it was.',
    examples: [
      'rotctl drill',
      'rotctl drill --fault misses-next',
      'rotctl drill --list-faults',
      'rotctl drill --fleet staging.yaml --out drill-staging',
      'rotctl drill --fleet staging.yaml --complete',
    ],
    options: [
      new Option('--fault <name>', 'plant this fault, which the drill must find; may be repeated')
        .argParser(collect)
        .default([], 'none'),
      new Option('--list-faults', 'list the faults that can be planted'),
      new Option('--store <kind>', 'replay store of the practice fleet').choices(PRACTICE_STORES).default('auto'),
      new Option('--complete', 'with --fleet: do not go back, but retire and destroy the old secrets'),
      new Option('--allow-production', 'with --fleet: on a production fleet, too, once its name is typed'),
      new Option('--confirm <name>', "the fleet's name, where there is no terminal to type it at"),
    ],
    rehearse: async (call) => (await import('./drill.ts')).rehearseDrill(call.platform, call.flags, drillRequest(call)),
    action: async (call) => (await import('./drill.ts')).drill(call.platform, call.flags, drillRequest(call)),
  });
};

function drillRequest({ flags, options }: Call): DrillRequest {
  return {
    faults: texts(options.fault),
    listFaults: options.listFaults === true,
    store: PRACTICE_STORES.find((kind) => kind === options.store) ?? 'auto',
    fleetGiven: flags.fleetGiven,
    complete: options.complete === true,
    allowProduction: options.allowProduction === true,
    confirm: typeof options.confirm === 'string' ? options.confirm : undefined,
  };
}

/** The commands that try a fleet without changing it. */
export const addChecks: Add = (program, declare) => {
  declare(program, {
    usage: 'check',
    description: 'Try the pre-rotation checklist on every replica, live; changes nothing but burns fresh nonces.',
    examples: ['rotctl check', 'rotctl check --json', 'rotctl check --vectors vectors.json'],
    options: [new Option('--vectors <file>', 'run the test vectors of this file instead')],
    rehearse: async ({ platform, flags, options }) => {
      const { rehearseCheck } = await import('./check.ts');
      return rehearseCheck(platform, flags, {
        vectors: typeof options.vectors === 'string' ? options.vectors : undefined,
      });
    },
    action: async ({ platform, flags, options }) => {
      const { check } = await import('./check.ts');
      return check(platform, flags, { vectors: typeof options.vectors === 'string' ? options.vectors : undefined });
    },
  });
  declare(program, {
    usage: 'verify-replay [command...]',
    description: 'Prove that a nonce is accepted once, across replicas and time, and that the store can keep it so.',
    examples: [
      'rotctl verify-replay',
      'rotctl verify-replay --window',
      'rotctl verify-replay --pairwise',
      ...replayModeExamples,
    ],
    options: [
      new Option('--pairwise', 'try every ordered pair of replicas, not only each against one'),
      new Option('--window', 'explain how long a nonce must be remembered, with every number; waits for nothing'),
      ...replayModeOptions,
    ],
    rehearse: async (call) =>
      (await rehearseReplayMode(call)) ??
      (await import('./verify-replay.ts')).rehearseReplay(call.platform, call.flags),
    action: async (call) => {
      const { platform, flags, options } = call;
      const end = await runReplayMode(call);
      if (end !== undefined) return end;
      if (options.window === true) return (await import('./replay-window.ts')).explainWindow(platform, flags);
      const { verifyReplay } = await import('./verify-replay.ts');
      return verifyReplay(platform, flags, { pairwise: options.pairwise === true });
    },
  });
};
