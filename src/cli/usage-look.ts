import { watchReadable } from '../runner/usage-readable.ts';
import { evidenceSources } from './evidence-sources.ts';
import type { Look } from './look.ts';
import type { Platform } from './platform.ts';
import type { ReadinessLook } from './readiness-checks.ts';
import { Redactor } from './redactor.ts';
import { ROTATION_CHECKS } from './rotation-checks.ts';

const ID = 'usage.readable';

/** Begins to watch the sources of usage evidence, for a look after the checks have had probes accepted; `close` ends it. */
export async function usageLook(
  platform: Platform,
  { fleet, transport, runId, context, watch }: Look,
): Promise<{ readonly looks: readonly ReadinessLook[]; close(): Promise<void> } | undefined> {
  const text = ROTATION_CHECKS.find(({ id }) => id === ID);
  if (text === undefined || !fleet.clients.some(({ usage }) => usage.some(({ from }) => from !== 'confirmation'))) {
    return undefined;
  }
  const sources = await evidenceSources(platform, fleet, new Redactor());
  const { clock } = context;
  const none = () => undefined;
  const progress = {
    ...{ phase: none, task: none, taskDone: none, findings: none, cells: none, part: none, note: none, incident: none },
    wait: (wait: { readonly what: string; readonly ms: number } | undefined) =>
      wait === undefined ? watch.end() : watch.begin(wait.what, wait.ms),
  };
  const stop = { signal: platform.interrupted, reason: async () => undefined };
  const parts = { fleet, transport, runId, clock, waiter: { clock, progress, stop }, sources };
  const take = await watchReadable(parts);
  return { looks: [{ text, take, late: true }], close: () => sources.close() };
}
