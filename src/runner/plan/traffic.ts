import type { Fleet } from '../../fleet/fleet.ts';
import type { MovingPhase } from '../../machine/phase.ts';
import { type Answers, type Expected, entriesOf, sumOf } from '../../probe/answers.ts';
import type { Cost } from './cost.ts';

/** What is sent in one part of a command: in a phase, before the first one, or after the last. */
export interface PartTraffic {
  readonly when: MovingPhase | 'preconditions' | 'at the end';
  readonly answers: Answers;
  /** Within which time, at least and at most, in milliseconds; of a phase without the waits at its gates. */
  readonly leastMs?: number;
  readonly mostMs?: number;
}

/** From where replicas will see the requests come, and under which name. */
export interface Sender {
  readonly userAgent: string;
  /** Our address towards each replica; `undefined` where that could not be told. */
  readonly addresses: readonly { readonly replica: string; readonly address: string | undefined }[];
  /** At most so many requests a second to one replica, without the canary's; `undefined` for no limit. */
  readonly perSecond: number | undefined;
}

/** The requests of a command, part by part. */
export function trafficOf(
  preconditions: Answers,
  tasks: readonly { readonly phase: MovingPhase; readonly cost: Cost }[],
  end: Answers,
): readonly PartTraffic[] {
  const phases = [...new Set(tasks.map(({ phase }) => phase))];
  const parts: PartTraffic[] = [
    { when: 'preconditions', answers: preconditions },
    ...phases.map((when) => {
      const costs = tasks.filter(({ phase }) => phase === when).map(({ cost }) => cost);
      const total = (key: 'leastMs' | 'mostMs'): number => costs.reduce((all, cost) => all + cost[key], 0);
      return {
        when,
        answers: sumOf(costs.map(({ answers }) => answers)),
        leastMs: total('leastMs'),
        mostMs: total('mostMs'),
      };
    }),
    { when: 'at the end', answers: end },
  ];
  return parts.filter(({ answers }) => entriesOf(answers).length > 0);
}

/** The statuses of a contract's answers, where the fleet file does not say otherwise. */
const STATUSES: Readonly<Record<Fleet['protocol'], Readonly<Partial<Record<Expected, number>>>>> = {
  'keyring-v1': { ACCEPTED: 422, AUTH_MTLS_REQUIRED: 403, REPLAY_NONCE_USED: 409, PAGE: 200 },
  'gate-v1': { ACCEPTED: 200, AUTH_MTLS_REQUIRED: 403, REPLAY_NONCE_USED: 409, PAGE: 200 },
  described: { PAGE: 200 },
};
const REFUSED = 401;

/** Requests by the status that they will most likely be answered with; `other` where the fleet file says no more. */
export function byStatus(
  fleet: Pick<Fleet, 'protocol' | 'outcomes' | 'probe'>,
  answers: Answers,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [expected, count] of entriesOf(answers)) {
    const status = statusOf(fleet, expected);
    counts[status] = (counts[status] ?? 0) + count;
  }
  return counts;
}

function statusOf(
  { protocol, outcomes, probe }: Pick<Fleet, 'protocol' | 'outcomes' | 'probe'>,
  expected: Expected,
): string {
  const rule = outcomes.find(({ outcome, when }) => outcome === expected && (when.status ?? when.fault) !== undefined);
  if (rule !== undefined) return rule.when.status === undefined ? 'no answer' : String(rule.when.status);
  const declared =
    expected === 'ACCEPTED' ? probe.inert?.find(({ status }) => status !== undefined)?.status : undefined;
  const known = declared ?? STATUSES[protocol][expected];
  if (known !== undefined) return String(known);
  return expected === 'OTHER' || (protocol === 'described' && expected === 'ACCEPTED') ? 'other' : String(REFUSED);
}
