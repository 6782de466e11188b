import type { CheckContext } from '../probe/checks/check.ts';
import { checksOf } from '../probe/checks/list.ts';
import { lifeAt } from '../probe/replay-life.ts';
import { type ReplicaWindow, windowReport } from '../probe/replay-window.ts';
import type { ClockReading } from '../probe/skew.ts';
import { renderWindow, stepsFor, type WindowNames } from '../report/window-text.ts';
import { lookAtAll, openLook } from './look.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** The two checks that `--window` takes; it waits for nothing. */
const TAKEN = ['clock.window', 'replay.ttl-bound'];
const UNREAD: ClockReading = { kind: 'unknown', reason: 'it was not read', samples: 0 };

/**
 * Explains the bound of a nonce's life with every number, measured where it can be. Exit 1 below twice the window, 12 where
 * the bound is not covered or could not be told.
 */
export async function explainWindow(platform: Platform, flags: GlobalFlags): Promise<CommandEnd> {
  const look = await openLook(platform, flags);
  try {
    const { fleet } = look;
    const clocks = new Map<string, ClockReading>();
    const onClock: CheckContext['onClock'] = (replica, reading) => clocks.set(replica, reading);
    const checks = checksOf(fleet, 'clock', 'replay').filter(({ id }) => TAKEN.includes(id));
    const end = await lookAtAll(
      platform,
      flags,
      'verify-replay',
      { ...look, context: { ...look.context, onClock } },
      checks,
    );
    if (end.error !== undefined || look.unusable !== undefined) return end;
    if (fleet.probe.scheme !== undefined && fleet.probe.scheme.timestamp === undefined) return end;
    const replicas: ReplicaWindow[] = await Promise.all(
      fleet.replicas.map(async ({ name }) => {
        const lifeMs = await lifeAt(look.context, name);
        return { replica: name, clock: clocks.get(name) ?? UNREAD, lifeMs };
      }),
    );
    const report = windowReport(fleet.replay, replicas);
    const names = namesOf(fleet.protocol);
    const exitCode = { pass: 0, fail: 1, unknown: 12 }[report.verdict];
    const result = {
      ...(typeof end.result === 'object' ? end.result : {}),
      window: { ...report, replicas, steps: stepsFor(report, names) },
    };
    return {
      ...end,
      verdict: report.verdict,
      exitCode,
      summary: `the bound of ${fleet.name}: ${report.reason}`,
      result,
      text: renderWindow(report, names),
    };
  } finally {
    await look.close();
  }
}

function namesOf(protocol: string): WindowNames {
  return protocol === 'gate-v1'
    ? { ttl: 'NONCE_TTL_SECONDS', maxAge: 'SIGNATURE_SKEW_SECONDS' }
    : { ttl: 'the TTL of a nonce', maxAge: 'the age limit of a timestamp' };
}
