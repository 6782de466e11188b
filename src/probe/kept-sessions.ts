import type { Secret } from '../credential/secret.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { Control } from './certificate-refusal.ts';
import type { KeepConnections, KeptConnection, Presented, TlsVersion } from './ports.ts';
import type { ProbeResult, Travel } from './prober.ts';
import { ask } from './retry.ts';
import type { Target, Tools } from './tools.ts';

/** Both versions of TLS: their sessions are resumed in different ways. */
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
/** How often a kept connection is used, so that it does not end by itself for having been idle. */
const USE_EVERY_MS = 2000;
/** How often a session is offered that was taken up before: another process behind the address may not know it. */
const OFFERS = 3;
/**
 * A command that ends sessions says so when it has sent its signal: HAProxy and nginx then start new processes, and the old
 * ones serve until these are there. What is still served is tried again for this long before it is a failure.
 */
const GRACE = { tries: 8, everyMs: 500 } as const;
const ADVICE =
  'rotate the ticket keys on every replica, and cap the age of connections or close them when an authority is removed';

/** Who makes the connections that are kept, and for whom requests are signed over them. */
export interface SessionOwner {
  readonly client: string;
  readonly secret: Secret;
  /** What is presented when they are made. */
  readonly certificate: Presented;
}

/** What opening and trying sessions needs. */
export interface SessionTools extends Tools {
  readonly keep: KeepConnections;
  /** From the first byte of a connection attempt to the end of its handshake, in milliseconds. */
  readonly deadlineMs: number;
}

/** How sessions are opened. */
export interface SessionOptions {
  /** How often each kept connection is used meanwhile, in milliseconds; every 2 s by default, 0 for never. */
  readonly useEveryMs?: number;
}

/** A session that was made with a replica over one version of TLS, or why there is none. */
export interface OpenedSession {
  readonly replica: Target;
  readonly version: TlsVersion;
  /** Absent where no connection came about over which a request was accepted. */
  readonly connection?: KeptConnection;
  /** Whether the server took the session up again at once; `undefined` where it gave none. */
  readonly resumable?: boolean | undefined;
  /** What came in place of a connection that is of use. */
  readonly fault?: string;
  /** The connection itself ended with the process that made it: only its sessions are left to be tried. */
  readonly isRestored?: true;
}

/** Sessions as they are kept for another process. They are secret. */
export interface SavedSession {
  readonly replica: string;
  readonly version: TlsVersion;
  readonly resumable: boolean | null;
  /** Base64. */
  readonly sessions: readonly string[];
}

/** Sessions and connections that were made before a step, to be tried after it. */
export interface OpenedSessions {
  readonly owner: SessionOwner;
  readonly sessions: readonly OpenedSession[];
  /** Stops using the connections; resolves when none is in use. */
  rest(): Promise<void>;
  /** Closes the connections and forgets the sessions. */
  close(): Promise<void>;
}

/** What became of a replica's sessions. */
export interface SessionVerdict {
  readonly replica: string;
  readonly verdict: Verdict;
  /** What was seen for each version of TLS, and, of a failure, what to do. */
  readonly reason: string;
  readonly samples: number;
}

/**
 * Makes connections to each replica under an identity, over TLS 1.2 and 1.3, sends a signed request over each, and keeps
 * them open and in use, with their TLS sessions. They must be given to `trySessions`, or closed.
 */
export async function openSessions(
  tools: SessionTools,
  replicas: readonly Target[],
  owner: SessionOwner,
  { useEveryMs = USE_EVERY_MS }: SessionOptions = {},
): Promise<OpenedSessions> {
  const sessions: OpenedSession[] = [];
  for (const replica of replicas) {
    for (const version of VERSIONS) sessions.push(await openOne(tools, replica, version, owner));
  }
  const halt = new AbortController();
  const using: readonly Promise<void>[] =
    useEveryMs <= 0
      ? []
      : sessions.flatMap(({ replica, connection }) =>
          connection === undefined ? [] : [useOften(tools, replica, connection, owner, useEveryMs, halt.signal)],
        );
  // Awaited in `rest`; until then a rejection must not count as unhandled.
  for (const one of using) one.catch(() => undefined);
  const rest = async (): Promise<void> => {
    halt.abort();
    await Promise.all(using);
  };
  return {
    owner,
    sessions,
    rest,
    async close() {
      await rest();
      for (const { connection } of sessions) connection?.close();
    },
  };
}

/** The sessions that can be tried later, as another process can restore them. */
export function savedFrom({ sessions }: OpenedSessions): SavedSession[] {
  return sessions.flatMap(({ replica, version, connection, resumable }) => {
    const given = connection?.saved() ?? [];
    if (given.length === 0) return [];
    const texts = given.map((session) => Buffer.from(session).toString('base64'));
    return [{ replica: replica.name, version, resumable: resumable ?? null, sessions: texts }];
  });
}

/** Restores what another process has saved; of replicas that are not known any more, nothing. */
export function restoreSessions(
  keep: KeepConnections,
  replicas: readonly Target[],
  owner: SessionOwner,
  saved: readonly SavedSession[],
): OpenedSessions {
  const sessions = saved.flatMap(({ replica: name, version, resumable, sessions: texts }): OpenedSession[] => {
    const replica = replicas.find((one) => one.name === name);
    if (replica === undefined) return [];
    const given = texts.map((text) => Buffer.from(text, 'base64'));
    const connection = keep.restore(replica, { certificate: owner.certificate, version }, given);
    return [{ replica, version, connection, resumable: resumable ?? undefined, isRestored: true }];
  });
  const close = async (): Promise<void> => {
    for (const { connection } of sessions) connection?.close();
  };
  return { owner, sessions, rest: async () => {}, close };
}

async function openOne(
  tools: SessionTools,
  replica: Target,
  version: TlsVersion,
  owner: SessionOwner,
): Promise<OpenedSession> {
  const { certificate } = owner;
  if (replica.url.protocol !== 'https:') return { replica, version, fault: 'its address is http' };
  const connection = await tools.keep.open(replica, { certificate, version, deadlineMs: tools.deadlineMs });
  if ('kind' in connection) return { replica, version, fault: `${connection.code}: ${connection.detail}` };
  const first = await sendOver(tools, replica, connection, owner);
  if (first.outcome.code !== 'ACCEPTED') {
    connection.close();
    return { replica, version, fault: first.outcome.reason };
  }
  return { replica, version, connection, resumable: await connection.resumable(tools.deadlineMs) };
}

/** Uses a connection as a busy client would, until it is closed or refused, or there has been enough of it. */
async function useOften(
  tools: SessionTools,
  replica: Target,
  connection: KeptConnection,
  owner: SessionOwner,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await tools.clock.sleep(everyMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const { fault } = await sendOver(tools, replica, connection, owner);
    if (fault?.code === 'CLOSED') return;
  }
}

function sendOver(
  { prober }: SessionTools,
  replica: Target,
  connection: KeptConnection,
  { client, secret }: SessionOwner,
): Promise<ProbeResult> {
  return prober.probe({
    endpoint: replica,
    client,
    secret,
    over: (request, limits) => connection.send(request, limits),
  });
}

/**
 * Tries what `openSessions` has kept, after the step that should have ended it, and closes it all. What goes on being served
 * over a kept connection or a resumed session is a failure; closed, refused, or a whole handshake in place of a resumption is a
 * pass, on a replica that accepts the control; of nothing that could be tried the verdict is unknown.
 */
export async function trySessions(
  tools: SessionTools,
  opened: OpenedSessions,
  control: Control,
): Promise<SessionVerdict[]> {
  try {
    await opened.rest();
    const replicas = new Map(opened.sessions.map(({ replica }) => [replica.name, replica]));
    const verdicts: SessionVerdict[] = [];
    for (const replica of replicas.values()) verdicts.push(await tryPatiently(tools, opened, replica, control));
    return verdicts;
  } finally {
    await opened.close();
  }
}

async function tryPatiently(...trying: Parameters<typeof tryReplica>): Promise<SessionVerdict> {
  const [{ clock }] = trying;
  let found = await tryReplica(...trying);
  for (let tries = 1; found.verdict === 'fail' && tries < GRACE.tries; tries += 1) {
    await clock.sleep(GRACE.everyMs);
    found = await tryReplica(...trying);
  }
  return found;
}

interface Trial {
  readonly verdict: Verdict;
  readonly reason: string;
}

async function tryReplica(
  tools: SessionTools,
  { sessions, owner }: OpenedSessions,
  replica: Target,
  control: Control,
): Promise<SessionVerdict> {
  const trials: Trial[] = [];
  const said: string[] = [];
  let samples = 1;
  for (const session of sessions.filter((one) => one.replica.name === replica.name)) {
    const { version, connection, resumable, fault, isRestored } = session;
    const name = version.replace('v', ' ');
    if (connection === undefined) {
      said.push(`${name}: none was made (${fault})`);
      continue;
    }
    const kept = isRestored === true ? OVER : judgeKept(await sendOver(tools, replica, connection, owner));
    const again = await tryResumption(tools, replica, connection, owner, resumable);
    samples += resumable === undefined ? 1 : 2;
    trials.push(kept, ...(again === undefined ? [] : [again]));
    const before =
      resumable === undefined
        ? 'no session to resume was given'
        : `sessions were ${resumable ? '' : 'not '}resumed before`;
    said.push(`${name}: ${[before, kept.reason, ...(again === undefined ? [] : [again.reason])].join(', ')}`);
  }
  const base = { replica: replica.name, samples };
  const reason = said.join('; ');
  if (trials.length === 0) return { ...base, verdict: 'unknown', reason: `nothing could be tried: ${reason}` };
  const verdict = compose(trials.map((trial) => trial.verdict));
  if (verdict === 'fail') return { ...base, verdict, reason: `${reason}; ${ADVICE}` };
  const call = { ...control, endpoint: replica, fresh: true };
  const { outcome } = await ask(tools.prober, tools.clock, call, { faults: 2 });
  if (outcome.code === 'ACCEPTED') return { ...base, verdict, reason };
  return { ...base, verdict: 'unknown', reason: `${reason}; nothing was accepted here either: ${outcome.reason}` };
}

async function tryResumption(
  tools: SessionTools,
  replica: Target,
  connection: KeptConnection,
  { client, secret }: SessionOwner,
  resumable: boolean | undefined,
): Promise<Trial | undefined> {
  if (resumable === undefined) return undefined;
  let resumed = false;
  const over: Travel['over'] = async (request, limits) => {
    const got = await connection.resume(request, limits);
    ({ resumed } = got);
    return got.exchange;
  };
  const offer = () => tools.prober.probe({ endpoint: replica, client, secret, over });
  let result = await offer();
  for (let tries = 1; tries < OFFERS && resumable && !resumed; tries += 1) result = await offer();
  return judgeResumption(result, resumed);
}

/** Of a connection that ended by itself before it could be tried. */
const OVER: Trial = { verdict: 'pass', reason: 'its connection ended with the process that kept it' };

/** Outcomes that come after the certificate was let pass: by these the request was served as far as the session goes. */
const SERVED: ReadonlySet<OutcomeCode> = new Set([
  'ACCEPTED',
  'AUTH_INVALID_HMAC',
  'REPLAY_NONCE_USED',
  'STORE_FAILED',
]);
/** Ways in which a connection ends without an answer. */
const ENDED: ReadonlySet<string> = new Set(['CLOSED', 'ECONNRESET', 'EPIPE', 'EPROTO']);

function isEnded({ fault }: ProbeResult): boolean {
  return fault !== undefined && (ENDED.has(fault.code) || /^ERR_SSL_.*ALERT/.test(fault.code));
}

function judgeKept(result: ProbeResult): Trial {
  const { outcome } = result;
  if (SERVED.has(outcome.code)) {
    return { verdict: 'fail', reason: `a connection kept from before was served (${outcome.reason})` };
  }
  if (outcome.code === 'AUTH_MTLS_REQUIRED') return { verdict: 'pass', reason: 'the kept connection was refused' };
  if (isEnded(result)) return { verdict: 'pass', reason: 'the kept connection was closed' };
  return { verdict: 'unknown', reason: `the kept connection proves nothing: ${outcome.reason}` };
}

function judgeResumption(result: ProbeResult, resumed: boolean): Trial {
  const { outcome, fault } = result;
  if (resumed && SERVED.has(outcome.code)) {
    return { verdict: 'fail', reason: `a session from before was resumed and served (${outcome.reason})` };
  }
  if (resumed && outcome.code === 'AUTH_MTLS_REQUIRED') return { verdict: 'pass', reason: 'resumed, and refused' };
  if (resumed && isEnded(result)) return { verdict: 'pass', reason: 'resumed, and broken off' };
  if (!resumed && SERVED.has(outcome.code)) {
    return { verdict: 'pass', reason: 'not resumed; a whole handshake with that certificate was accepted' };
  }
  if (!resumed && (outcome.code === 'AUTH_MTLS_REQUIRED' || isEnded(result))) {
    return { verdict: 'pass', reason: 'not resumed, and refused' };
  }
  const seen = fault === undefined ? outcome.reason : fault.code;
  return { verdict: 'unknown', reason: `the saved session proves nothing: ${seen}` };
}
