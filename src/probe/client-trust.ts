import { escapeForeign } from '../errors/escape.ts';
import type { Verdict } from '../errors/verdict.ts';
import type { Dialled, Identity, ListenForTrust, ListenOptions } from './ports.ts';

/** How often a client has to break off in the same way before that counts without an alert. */
const TRIES = 2;
/** How long a client's connections may go on after it has said that it is done, in milliseconds. */
const SETTLE_MS = 2000;

/** Alerts by which a client says that it does not like a server's certificate (RFC 8446, section 6.2). */
const DISTRUST: ReadonlySet<string> = new Set([
  'access denied',
  'bad certificate',
  'certificate expired',
  'certificate revoked',
  'certificate unknown',
  'decrypt error',
  'unknown ca',
  'unsupported certificate',
]);

/** Where a client is to dial, and for which name. */
export interface DialAddress {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
}

/** What asking a client needs. */
export interface TrustQuestion extends ListenOptions {
  readonly listen: ListenForTrust;
  /** Has the client itself make one handshake with an address; resolves when it is over. Its own report says nothing. */
  readonly dial: (address: DialAddress) => Promise<unknown>;
  /** The name that the client dials; both certificates are for it. */
  readonly serverName: string;
  /** A server's certificate of the generation in question, by whose name it is called. */
  readonly shown: Identity;
  /** One of the other generation, which the client is known to trust; without it little can be proved. */
  readonly control?: Identity | undefined;
  /** How long connections may go on after `dial` is over; 2 s by default. */
  readonly settleMs?: number;
}

/** What was found about a client. */
export interface TrustVerdict {
  readonly verdict: Verdict;
  /** What was seen, and why it means that. */
  readonly reason: string;
  readonly samples: number;
  /** SHA-256 fingerprints of the certificates that the client showed us, lower-case hex. */
  readonly presented: readonly string[];
}

/** Whether a client trusts a generation: it completes a handshake with a server that shows it, and goes on. */
export async function provesTrust(question: TrustQuestion): Promise<TrustVerdict> {
  const { found, samples, presented } = await look(question);
  const base = { samples, presented };
  switch (found.kind) {
    case 'trusts':
      return { ...base, verdict: 'pass', reason: found.reason };
    case 'distrusts':
      return { ...base, verdict: 'fail', reason: found.reason };
    case 'unclear':
      return { ...base, verdict: 'unknown', reason: found.reason };
  }
}

/**
 * Whether a client does not trust a generation any more: it breaks off where a server shows it, and in the same round it
 * completes handshakes with one that shows the control.
 */
export async function provesDistrust(question: TrustQuestion): Promise<TrustVerdict> {
  if (question.control === undefined) {
    const reason = 'no certificate of the other generation to compare with';
    return { verdict: 'unknown', reason, samples: 0, presented: [] };
  }
  const { found, samples, presented, controlled } = await look(question);
  const base = { samples, presented };
  if (found.kind === 'trusts') return { ...base, verdict: 'fail', reason: `still trusted: ${found.reason}` };
  if (found.kind === 'unclear') return { ...base, verdict: 'unknown', reason: found.reason };
  if (controlled === true) return { ...base, verdict: 'pass', reason: found.reason };
  const reason = `${found.reason}, but it does not complete one that shows ${question.control.name} either`;
  return { ...base, verdict: 'unknown', reason };
}

interface Found {
  readonly kind: 'trusts' | 'distrusts' | 'unclear';
  readonly reason: string;
}

interface Look {
  readonly found: Found;
  readonly samples: number;
  readonly presented: readonly string[];
  /** Whether the client completed every handshake with the control. */
  readonly controlled: boolean | undefined;
}

/** Has the client dial: the control, the certificate in question until it is clear, and the control again. */
async function look(question: TrustQuestion): Promise<Look> {
  const { shown, control } = question;
  const presented = new Set<string>();
  let samples = 0;
  const ask = async (identity: Identity): Promise<readonly Dialled[] | string> => {
    samples += 1;
    const seen = await dialOnce(question, identity);
    if (typeof seen === 'string') return seen;
    for (const one of seen) if ('certificate' in one && one.certificate !== undefined) presented.add(one.certificate);
    return seen;
  };
  const first = await ask(shown);
  const clear = readAlone(first, shown.name);
  const done = (found: Found, controlled?: boolean): Look => ({
    found,
    samples,
    presented: [...presented],
    controlled,
  });
  if (control === undefined || clear.kind === 'trusts') return done(clear);
  const spoke = async (): Promise<boolean> => {
    const seen = await ask(control);
    return typeof seen !== 'string' && seen.some(({ kind }) => kind === 'spoke');
  };
  const before = await spoke();
  let again = first;
  for (let tries = 1; tries < TRIES && isBroken(again); tries += 1) again = await ask(shown);
  const later = readAlone(again, shown.name);
  if (later.kind === 'trusts') return done({ kind: 'unclear', reason: `${clear.reason}; then ${later.reason}` });
  if (clear.kind === 'distrusts') return done(clear, before);
  if (!isBroken(first) || !isBroken(again)) return done(later);
  const after = before && (await spoke());
  if (!after) return done(later, false);
  const reason = `${later.reason}, ${TRIES} of ${TRIES} times, and completes those that show ${control.name}`;
  return done({ kind: 'distrusts', reason }, true);
}

/** What the connections of one dial say; a text where there was none. */
async function dialOnce(question: TrustQuestion, shown: Identity): Promise<readonly Dialled[] | string> {
  const { listen, dial, serverName, settleMs = SETTLE_MS } = question;
  const listener = await listen(shown, question);
  try {
    const { host, port } = listener;
    try {
      await dial({ host, port, serverName });
    } catch (error) {
      return `the client could not be asked: ${escapeForeign(error instanceof Error ? error.message : String(error))}`;
    }
    const seen = await listener.settled(settleMs);
    return seen.length === 0 ? 'the client did not connect to the address that it was given' : seen;
  } finally {
    await listener.close();
  }
}

/** Whether a client connected, and then neither went on nor said what it does not like. */
function isBroken(seen: readonly Dialled[] | string): seen is readonly Dialled[] {
  return typeof seen !== 'string' && seen.every(({ kind }) => kind === 'broken-off' || kind === 'silent');
}

/** What one dial says without a comparison. */
function readAlone(seen: readonly Dialled[] | string, name: string): Found {
  if (typeof seen === 'string') return { kind: 'unclear', reason: seen };
  const alerts = seen.flatMap((one) => (one.kind === 'refused' ? [one.alert] : []));
  const alert = alerts.find((one) => DISTRUST.has(one));
  const spoke = seen.filter(({ kind }) => kind === 'spoke').length;
  if (spoke > 0 && alert !== undefined) {
    const reason = `${spoke} of its ${seen.length} connections go on with a server that shows ${name}, and another refuses it by the alert ${alert}: more than one process dials for it`;
    return { kind: 'unclear', reason };
  }
  if (spoke > 0) {
    return { kind: 'trusts', reason: `it completes a handshake with a server that shows ${name}` };
  }
  if (alert !== undefined) {
    return { kind: 'distrusts', reason: `it refuses a server that shows ${name} by the alert ${alert}` };
  }
  if (alerts[0] !== undefined) {
    return { kind: 'unclear', reason: `it ends the handshake by the alert ${alerts[0]}, which is not about trust` };
  }
  const broken = seen.flatMap((one) => (one.kind === 'broken-off' ? [one.detail] : []));
  if (broken[0] !== undefined) {
    return { kind: 'unclear', reason: `it breaks the handshake off with a server that shows ${name} (${broken[0]})` };
  }
  const reason = `it completes a handshake with a server that shows ${name} and closes without a byte, as clients do that trust it and clients that do not; have its command send a request`;
  return { kind: 'unclear', reason };
}
