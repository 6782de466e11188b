import type { Endpoint } from '../fleet/fleet.ts';
import type { Handshakes } from './ports.ts';
import type { Target } from './round.ts';

/** How often a session is offered at the address that gave it, and at each other one. */
const OWN_TRIES = 6;
const OTHER_TRIES = 3;
/** With more replicas than this, not every pair is tried. */
const MOST = 12;

/** Whose TLS sessions are known where. The keys of sessions are a process's own, unless somebody shares them on purpose. */
export interface SessionView {
  /** Replicas that know all of their own sessions: one process is behind each. */
  readonly single: readonly string[];
  /** Replicas that know their own sessions at some connections and not at others: several processes are behind each. */
  readonly several: readonly string[];
  /** Pairs of which one knows sessions of the other. */
  readonly shared: readonly (readonly [string, string])[];
  /** Handshakes that were made. */
  readonly samples: number;
}

/** Makes handshakes to replicas, offering each the sessions of its own address and of the others. Nothing is sent over them. */
export async function viewSessions(
  handshakes: Handshakes,
  replicas: readonly Target[],
  deadlineMs: number,
): Promise<SessionView | undefined> {
  if (replicas.length > MOST || replicas.some(({ url }) => url.protocol !== 'https:')) return undefined;
  let samples = 0;
  const offer = async (to: Endpoint, session: Uint8Array, times: number): Promise<boolean[]> => {
    const taken: boolean[] = [];
    for (let n = 0; n < times; n += 1) {
      const shown = await handshakes(to, { certificate: true, deadlineMs, session });
      samples += 1;
      if (shown.kind === 'shown') taken.push(shown.resumed);
    }
    return taken;
  };
  const single: string[] = [];
  const several: string[] = [];
  const shared: (readonly [string, string])[] = [];
  for (const replica of replicas) {
    const session = await sessionOf(handshakes, replica, deadlineMs);
    samples += 1;
    if (session === undefined) continue;
    const own = await offer(replica, session, OWN_TRIES);
    if (isMixed(own)) several.push(replica.name);
    else if (own.every((taken) => taken) && own.length > 1) single.push(replica.name);
    for (const other of replicas.filter(({ name }) => name !== replica.name)) {
      if ((await offer(other, session, OTHER_TRIES)).includes(true)) shared.push([replica.name, other.name]);
    }
  }
  return { single, several, shared, samples };
}

/** A session that an address gives after a whole handshake. */
async function sessionOf(handshakes: Handshakes, to: Endpoint, deadlineMs: number): Promise<Uint8Array | undefined> {
  const shown = await handshakes(to, { certificate: true, deadlineMs, wantSession: true });
  return shown.kind === 'shown' ? shown.session : undefined;
}

/**
 * Whether the answers come from several processes. A server that takes each session once says yes and then no; no and then
 * yes, or more than one yes among them, cannot be that.
 */
function isMixed(taken: readonly boolean[]): boolean {
  const yes = taken.filter((one) => one).length;
  return yes > 0 && yes < taken.length && (yes > 1 || taken[0] === false);
}

/** What sessions say of replicas that nothing else tells apart. */
export interface SessionJudgement {
  readonly verdict: 'pass' | 'fail' | 'unknown';
  readonly reason: string;
}

/**
 * Judges a view: replicas that know no session but their own are processes of their own. Where some pairs share sessions and
 * others do not, the keys are not shared on purpose by all, so that each such pair is one process, or a balancer and what is
 * behind it.
 */
export function judgeSessions({ single, several, shared }: SessionView, names: readonly string[]): SessionJudgement {
  const pairs = (names.length * (names.length - 1)) / 2;
  const met = new Set(shared.map((pair) => pair.toSorted().join(' and ')));

  if (met.size > 0 && met.size < pairs) {
    return {
      verdict: 'fail',
      reason: `${[...met].join(', ')} know the same TLS sessions, and others do not: they are one process under two names, or one of them is a balancer before the other`,
    };
  }
  const [mixed] = several;
  if (mixed !== undefined) {
    return {
      verdict: 'unknown',
      reason: `${mixed} knows its own TLS sessions at some connections only: several processes are behind this address, workers or a balancer`,
    };
  }
  if (met.size === 0 && single.length === names.length) return { verdict: 'pass', reason: '' };
  return { verdict: 'unknown', reason: '' };
}
