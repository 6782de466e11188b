import { judgeCurrent } from '../credential/strength.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { readSnapshot, type Snapshot } from '../ledger/verify.ts';
import { describePhase, isFinal } from '../machine/phase.ts';
import type { Finding } from '../probe/finding.ts';
import type { KnownClient } from '../probe/vector-plan.ts';
import { sayFree, standingOf } from '../runner/free-time.ts';
import { problemLine } from './ledger.ts';
import { ledgerPath } from './load.ts';
import { holderOf } from './lock-holder.ts';
import type { Platform } from './platform.ts';
import { READINESS_CHECKS, type ReadinessId } from './readiness-texts.ts';
import type { GlobalFlags } from './request.ts';
import type { CheckText } from './rotation-checks.ts';
import { standings } from './standing.ts';

/** What a rotation needs beside a sound fleet: its secrets, its policy, its lock and its ledger, looked at without a request. */
export interface ReadinessLook {
  readonly text: CheckText;
  take(): Promise<readonly Finding[]>;
  /** Whether it is taken after the checks, because it is about what they have brought about. */
  readonly late?: boolean;
}

/** The looks, in the order in which they are taken. They read files alone and change nothing. */
export function readinessLooks(
  platform: Pick<Platform, 'ledgerDisk' | 'clock'>,
  flags: Pick<GlobalFlags, 'ledger'>,
  fleet: Fleet,
  clients: readonly KnownClient[],
): readonly ReadinessLook[] {
  const ledger = ledgerPath(flags, fleet.file);
  let snapshot: Promise<Snapshot> | undefined;
  const read = (): Promise<Snapshot> => {
    snapshot ??= platform.ledgerDisk().then((disk) => readSnapshot(ledger, { disk }));
    return snapshot;
  };
  const takes: Readonly<Record<ReadinessId, () => Promise<readonly Finding[]>>> = {
    'secret.strength': async () => clients.map((client) => strengthOf(client, clients)),
    'policy.window': async () => [await windowOf(fleet, platform.clock.now())],
    'lock.free': async () => [lockOf(await holderOf(platform, `${ledger}.lock`))],
    'ledger.whole': async () => [wholeOf(ledger, await read())],
    'ledger.no-open-rotation': async () => [openIn(await read())],
  };
  return READINESS_CHECKS.map((text) => ({ text, take: takes[text.id] }));
}

type Seen = Pick<Finding, 'verdict' | 'seen'> & Partial<Pick<Finding, 'reason' | 'critical'>>;

function finding(id: ReadinessId, target: string, expected: string, seen: Seen): Finding {
  return { id, critical: true, target, expected, samples: 1, ms: 0, ...seen };
}

/** A weak secret stops nothing, because rotating it away is the remedy. */
function strengthOf({ id, accepted }: KnownClient, clients: readonly KnownClient[]): Finding {
  const expected = 'strong, and of no other client';
  const secret = accepted[0]?.secret;
  if (secret === undefined)
    return finding('secret.strength', id, expected, {
      verdict: 'unknown',
      seen: 'nothing',
      reason: 'no secret is known',
    });
  const others = clients.flatMap((other) => {
    const theirs = other.accepted[0]?.secret;
    return other.id === id || theirs === undefined ? [] : [[other.id, theirs] as const];
  });
  const problems = judgeCurrent(secret, others);
  const [first] = problems;
  if (first === undefined) {
    const seen = secret.isHeldElsewhere ? 'held elsewhere, not looked at' : 'strong';
    return finding('secret.strength', id, expected, { verdict: 'pass', seen });
  }
  const isBad = problems.some(({ severity }) => severity === 'refuse');
  const reason = problems.map(({ message }) => message).join('; ');
  return finding('secret.strength', id, expected, {
    verdict: isBad ? 'fail' : 'unknown',
    critical: isBad,
    seen: isBad ? 'unusable' : 'weak',
    reason,
  });
}

async function windowOf(fleet: Fleet, now: number): Promise<Finding> {
  const standing = await standingOf(fleet, now);
  const expected = 'a free time';
  if (standing.free) return finding('policy.window', 'fleet', expected, { verdict: 'pass', seen: 'free now' });
  return finding('policy.window', 'fleet', expected, { verdict: 'fail', seen: 'blocked', reason: sayFree(standing) });
}

function lockOf(holder: string | undefined): Finding {
  const expected = 'nobody holds it';
  if (holder === undefined) return finding('lock.free', 'fleet', expected, { verdict: 'pass', seen: 'nobody' });
  return finding('lock.free', 'fleet', expected, { verdict: 'fail', seen: 'held', reason: `held by ${holder}` });
}

function wholeOf(path: string, { exists, entries, problems }: Snapshot): Finding {
  const expected = 'every entry follows from the one before';
  const [problem] = problems;
  if (problem !== undefined) {
    const reason = problemLine(path, problem);
    return finding('ledger.whole', 'fleet', expected, { verdict: 'fail', seen: 'broken', reason });
  }
  const seen = exists ? `${entries.length} entries, whole` : 'none yet';
  return finding('ledger.whole', 'fleet', expected, { verdict: 'pass', seen });
}

function openIn({ entries }: Snapshot): Finding {
  const expected = 'none is open';
  const newest = standings(entries).at(-1);
  if (newest === undefined || isFinal(newest.phase))
    return finding('ledger.no-open-rotation', 'fleet', expected, { verdict: 'pass', seen: 'none' });
  const reason = `${newest.id} is ${newest.phase}: ${describePhase(newest.phase)}`;
  return finding('ledger.no-open-rotation', 'fleet', expected, { verdict: 'fail', seen: 'one is open', reason });
}
