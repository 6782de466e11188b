import type { Secret } from '../credential/secret.ts';
import type { Call } from './call.ts';
import type { Presented, TlsVersion } from './ports.ts';
import type { ProbeResult, Travel } from './prober.ts';
import { ask } from './retry.ts';
import type { Target, Tools } from './tools.ts';

/** How often a refusal in the handshake must repeat before it counts. */
const TRIES = 3;

/** What a replica is known to accept, to be compared with. */
export interface Control {
  readonly client: string;
  readonly secret: Secret;
  /** By default our own certificate. */
  readonly certificate?: Presented;
  readonly version?: TlsVersion;
}

/** What became of a call whose certificate may be refused: the last answer with its outcome, and how many were asked for. */
export interface Presentation {
  readonly result: ProbeResult;
  readonly samples: number;
}

/**
 * Sends a call that presents a certificate, or none, over connections of its own, and says what became of it.
 *
 * Some servers refuse in the handshake: an alert, or a bare reset that looks like a restart. That counts as
 * `AUTH_MTLS_REQUIRED` only when it happens on every try, and the same replica accepts the control before the first and
 * after the last. Every other answer is passed on as it is.
 *
 * @param control what the replica is known to accept; without it no refusal in the handshake can count
 * @param faults how often a connection fault is tried again at first, with a fresh nonce each time; by default the call is
 *   sent once, as it is
 */
export async function askPresenting(
  tools: Tools,
  replica: Target,
  call: Call & Pick<Travel, 'certificate' | 'version' | 'refusal'>,
  control: Control | undefined,
  faults?: number,
): Promise<Presentation> {
  const once = (): Promise<ProbeResult> => tools.prober.probe({ ...call, endpoint: replica, fresh: true });
  const first =
    faults === undefined
      ? await once()
      : await ask(tools.prober, tools.clock, { ...call, endpoint: replica, fresh: true }, { faults });
  if (!isHandshakeRefusal(first)) return { result: first, samples: 1 };
  if (control === undefined) return { result: withoutControl(first), samples: 1 };
  const positive = (): Promise<ProbeResult> =>
    ask(tools.prober, tools.clock, { endpoint: replica, ...control, fresh: true }, { faults: 1 });
  const before = await positive();
  const codes = [first.fault?.code ?? ''];
  let last = first;
  while (codes.length < TRIES) {
    last = await once();
    if (!isHandshakeRefusal(last)) return { result: last, samples: codes.length + 2 };
    codes.push(last.fault?.code ?? '');
  }
  const after = await positive();
  const samples = TRIES + 2;
  const refused = [...new Set(codes)].join(', ');
  const missed = [before, after].find(({ outcome }) => outcome.code !== 'ACCEPTED')?.outcome.reason;
  const outcome =
    missed === undefined
      ? ({
          code: 'AUTH_MTLS_REQUIRED',
          reason: `refused in the handshake, ${TRIES} of ${TRIES} (${refused})${causeOf(last)}`,
        } as const)
      : ({
          code: 'UNKNOWN',
          reason: `${refused}, but ${withWhat(control)} it was not accepted either: ${missed}`,
        } as const);
  return { result: { ...last, outcome }, samples };
}

/** Whether a fault is one by which a server may refuse a certificate: an alert, or a connection that is broken off. */
export function isHandshakeRefusal({ fault }: Pick<ProbeResult, 'fault'>): boolean {
  return (
    fault !== undefined &&
    (/^ERR_SSL_.*ALERT/.test(fault.code) || ['ECONNRESET', 'EPROTO', 'EPIPE'].includes(fault.code))
  );
}

function withoutControl(result: ProbeResult): ProbeResult {
  const reason = `${result.outcome.reason}; whether the certificate was refused cannot be told: nothing is known to be accepted here`;
  return { ...result, outcome: { code: 'UNKNOWN', reason } };
}

/** What the outcome says beyond the fault's code, where a cause was found without the peer. */
function causeOf({ outcome, fault }: ProbeResult): string {
  const [, cause] = outcome.reason.match(/(our certificate .*?)(?:;|$)/) ?? [];
  return fault === undefined || cause === undefined ? '' : `: ${cause}`;
}

function withWhat({ certificate = true }: Control): string {
  if (certificate === false) return 'without a certificate';
  return certificate === true ? 'with the certificate' : `with the certificate ${certificate.name}`;
}
