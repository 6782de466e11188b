import * as z from 'zod';
import { duration } from '../document/scalars.ts';
import { command } from './deploy-fields.ts';
import { httpPath } from './evidence-schema.ts';
import type { Refuse } from './refuse.ts';

/** Commands that bring outages of the replay store about, and end them. `undefined` where there is none. */
export interface ChaosHooks {
  readonly outages: readonly ChaosOutage[];
  /** Longest time for one command, in milliseconds. */
  readonly deadlineMs: number;
  /** Path of a health page that each replica shows at its own address. */
  readonly health: string | undefined;
}

/** One outage that can be brought about. */
export interface ChaosOutage {
  readonly name: 'stop' | 'freeze' | 'fill' | 'failover';
  readonly begin: readonly string[];
  /** What ends it, and its name; a fail-over ends by itself. */
  readonly end: { readonly name: string; readonly command: readonly string[] } | undefined;
}

/** Each hook that begins an outage, the one that ends it, and what both do, for messages. */
const PAIRS = { stop: 'start', freeze: 'thaw', fill: 'drain' } as const;

const hook = (text: string) => command.optional().describe(text);

/** `chaos`: what `rotctl verify-replay --chaos` may do to the replay store. */
export const chaos = z
  .strictObject({
    stop: hook(
      'Stops the replay store: [systemctl, stop, redis-staging]. Program and arguments, without a shell, run in the folder of this file.',
    ),
    start: hook('Starts it again; must do no harm when it runs already, because it is run again after a crash.'),
    freeze: hook(
      'Makes the store hang without ending it: its connections stay open and nothing is answered (SIGSTOP).',
    ),
    thaw: hook('Ends that; must do no harm when nothing is frozen.'),
    fill: hook('Fills the store until it refuses writes (maxmemory below what is used, with noeviction).'),
    drain: hook('Ends that, and removes what fill has put there; must do no harm when nothing is full.'),
    failover: hook(
      'Makes another node the primary (SENTINEL FAILOVER mymaster), and ends when that is ordered; it needs no counterpart.',
    ),
    deadline: duration().prefault('30s').describe('Longest time for one of these commands.'),
    health: httpPath
      .optional()
      .describe(
        'Path of the health page that each replica shows, such as /healthz: it is looked at during an outage, to be shown beside what the replica really does.',
      ),
  })
  .optional()
  .describe(
    'Commands by which rotctl verify-replay --chaos takes the replay store away and gives it back, to prove that every signed request is refused meanwhile. Staging and practice only; never read for a production fleet.',
  );

type ChaosInput = z.output<typeof chaos>;

/** What of the hooks belongs together; there are none for production. */
export function checkChaos(
  { chaos: hooks, environment }: { readonly chaos?: ChaosInput; readonly environment: string },
  refuse: Refuse,
): void {
  if (hooks === undefined) return;
  if (environment === 'production')
    refuse(['chaos'], 'is not for production: no replay store is taken away there; name the hooks of a staging fleet');
  for (const [begin, end] of Object.entries(PAIRS) as [keyof typeof PAIRS, (typeof PAIRS)[keyof typeof PAIRS]][]) {
    if (hooks[begin] !== undefined && hooks[end] === undefined)
      refuse(['chaos', begin], `needs ${end} beside it, which ends the outage again`);
    if (hooks[end] !== undefined && hooks[begin] === undefined)
      refuse(['chaos', end], `ends what ${begin} begins, and there is no ${begin}`);
  }
  const named = [...Object.keys(PAIRS), ...Object.values(PAIRS), 'failover'] as (keyof typeof hooks)[];
  if (named.every((name) => hooks[name] === undefined))
    refuse(['chaos'], 'needs a hook: stop and start, freeze and thaw, fill and drain, or failover');
}

/** As the fleet has it. */
export function chaosOf(hooks: ChaosInput): ChaosHooks | undefined {
  if (hooks === undefined) return undefined;
  return { outages: hooksOf(hooks), deadlineMs: hooks.deadline, health: hooks.health };
}

function hooksOf(hooks: NonNullable<ChaosInput>): ChaosOutage[] {
  const outages: ChaosOutage[] = [];
  for (const [name, endName] of Object.entries(PAIRS) as [keyof typeof PAIRS, (typeof PAIRS)[keyof typeof PAIRS]][]) {
    const [begin, end] = [hooks[name], hooks[endName]];
    if (begin !== undefined && end !== undefined) outages.push({ name, begin, end: { name: endName, command: end } });
  }
  if (hooks.failover !== undefined) outages.push({ name: 'failover', begin: hooks.failover, end: undefined });
  return outages;
}
