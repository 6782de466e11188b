import type { Secret } from '../credential/secret.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { Call } from './call.ts';
import type { ProbeResult } from './prober.ts';
import { ask } from './retry.ts';
import type { Target, Tools } from './round.ts';

/** How often a refusal in the handshake must repeat before it counts. */
const TRIES = 3;

/**
 * Sends a call without our client certificate and says what became of it.
 *
 * Some servers refuse in the handshake: an alert, or a bare reset that looks like a restart. That counts as
 * `AUTH_MTLS_REQUIRED` only when it happens on every try, and the same replica accepts a probe with the certificate
 * before the first and after the last. Every other answer is passed on as it is.
 */
export async function askWithoutCertificate(
  tools: Tools,
  replica: Target,
  call: Call,
  control: { readonly client: string; readonly secret: Secret },
): Promise<{ readonly outcome: Outcome; readonly samples: number; readonly last: ProbeResult }> {
  const positive = (): Promise<ProbeResult> =>
    ask(tools.prober, tools.clock, { endpoint: replica, ...control, fresh: true }, { faults: 1 });
  const once = (): Promise<ProbeResult> =>
    tools.prober.probe({ ...call, endpoint: replica, certificate: false, fresh: true });
  const first = await once();
  if (!refusedInHandshake(first)) return { outcome: first.outcome, samples: 1, last: first };
  const before = await positive();
  const codes = [first.fault?.code ?? ''];
  let last = first;
  while (codes.length < TRIES) {
    last = await once();
    if (!refusedInHandshake(last)) return { outcome: last.outcome, samples: codes.length + 2, last };
    codes.push(last.fault?.code ?? '');
  }
  const after = await positive();
  const samples = TRIES + 2;
  const refused = [...new Set(codes)].join(', ');
  if (before.outcome.code !== 'ACCEPTED' || after.outcome.code !== 'ACCEPTED') {
    const seen = [before, after].find(({ outcome }) => outcome.code !== 'ACCEPTED')?.outcome.reason;
    const reason = `${refused}, but with the certificate it was not accepted either: ${seen}`;
    return { outcome: { code: 'UNKNOWN', reason }, samples, last };
  }
  const reason = `refused in the handshake, ${TRIES} of ${TRIES} (${refused})`;
  return { outcome: { code: 'AUTH_MTLS_REQUIRED', reason }, samples, last };
}

function refusedInHandshake({ fault }: ProbeResult): boolean {
  return (
    fault !== undefined &&
    (/^ERR_SSL_.*ALERT/.test(fault.code) || ['ECONNRESET', 'EPROTO', 'EPIPE'].includes(fault.code))
  );
}
