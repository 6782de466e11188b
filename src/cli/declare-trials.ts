import { Option } from 'commander';
import { type Add, type Call, collect, texts } from './declaration.ts';
import type { DrillRequest } from './drill.ts';

/** The rehearsal. */
export const addDrill: Add = (program, declare) => {
  declare(program, {
    usage: 'drill',
    description: 'Rehearse a whole rotation with faults, on a practice fleet of its own.',
    examples: ['rotctl drill', 'rotctl drill --fault misses-next', 'rotctl drill --list-faults'],
    options: [
      new Option('--fault <name>', 'plant this fault, which the drill must find; may be repeated')
        .argParser(collect)
        .default([], 'none'),
      new Option('--list-faults', 'list the faults that can be planted'),
      new Option('--store <kind>', 'replay store of the practice fleet').choices(['auto', 'embedded']).default('auto'),
    ],
    rehearse: async (call) => (await import('./drill.ts')).rehearseDrill(call.platform, call.flags, drillRequest(call)),
    action: async (call) => (await import('./drill.ts')).drill(call.platform, call.flags, drillRequest(call)),
  });
};

function drillRequest({ flags, options }: Call): DrillRequest {
  return {
    faults: texts(options.fault),
    listFaults: options.listFaults === true,
    store: options.store === 'embedded' ? 'embedded' : 'auto',
    fleetGiven: flags.fleetGiven,
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
    usage: 'verify-replay',
    description: 'Prove that a nonce is accepted once, across replicas and time, and that the store can keep it so.',
    examples: ['rotctl verify-replay', 'rotctl verify-replay --pairwise'],
    options: [new Option('--pairwise', 'try every ordered pair of replicas, not only each against one')],
    rehearse: async ({ platform, flags }) => (await import('./verify-replay.ts')).rehearseReplay(platform, flags),
    action: async ({ platform, flags, options }) => {
      const { verifyReplay } = await import('./verify-replay.ts');
      return verifyReplay(platform, flags, { pairwise: options.pairwise === true });
    },
  });
};
