import { takeUsage } from './usage.ts';
import { blindMs, compareUsage } from './usage-delta.ts';
import { openLines } from './usage-lines.ts';
import { openPrometheus } from './usage-prometheus.ts';
import type { UsageScope } from './usage-reading.ts';
import { openSince } from './usage-since.ts';
import type { UsageWindow, WatchPorts, WatchScope } from './usage-window.ts';

/** Begins to watch one source. */
export async function openUsage(scope: WatchScope, ports: WatchPorts): Promise<UsageWindow> {
  const { source } = scope;
  switch (source.from) {
    case 'metrics':
    case 'ledger':
      return openPages({ ...scope, source }, ports);
    case 'prometheus':
      return openPrometheus({ ...scope, source }, ports);
    case 'log':
      return openLines({ ...scope, source }, ports);
    case 'command': {
      const since = source.command.some((word) => word.includes('{since}'));
      return since ? openSince({ ...scope, source }, ports) : openLines({ ...scope, source }, ports);
    }
  }
}

/** Pages that each replica shows: two looks, and what lies between them. */
async function openPages(scope: UsageScope, { transport, clock }: WatchPorts): Promise<UsageWindow> {
  const before = await takeUsage(scope, transport, clock);
  return {
    blindMs: blindMs(before),
    poll: async () => undefined,
    soFar: async () => compareUsage(before, await takeUsage(scope, transport, clock)),
  };
}
