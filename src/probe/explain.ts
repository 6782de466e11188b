import type { Endpoint } from '../fleet/fleet.ts';
import { assessClient } from '../pki/assess.ts';
import { certificatesIn, oneLine, type TlsReading } from '../pki/tls-files.ts';
import type { Exchange } from '../protocol/outcome.ts';
import type { Clock, Presented, SendOptions, Transport } from './ports.ts';

type FaultExchange = Extract<Exchange, { kind: 'fault' }>;

/**
 * A transport whose faults say the cause where it can be found without the peer: servers answer a certificate that they do
 * not like with a bare reset or an alert of few words, and speaking TLS to what speaks none looks like noise.
 */
export function explaining(transport: Transport, files: TlsReading, clock: Clock): Transport {
  return {
    close: () => transport.close(),
    async send(to, request, options) {
      const exchange = await transport.send(to, request, options);
      if (exchange.kind !== 'fault') return exchange;
      const causes = causesOf(exchange, to, options, files, clock.now());
      if (causes.length === 0) return exchange;
      return { ...exchange, detail: [...causes, exchange.detail].filter((part) => part !== '').join('; ') };
    },
  };
}

function causesOf(
  { code, detail, sent }: FaultExchange,
  { url }: Endpoint,
  { certificate }: SendOptions,
  files: TlsReading,
  now: number,
): string[] {
  if (url.protocol === 'http:') {
    return (code === 'ECONNRESET' && sent) || code === 'MALFORMED' ? ['does it speak https? (scheme or port)'] : [];
  }
  if (/WRONG_VERSION_NUMBER/.test(code) || /wrong version number|packet length too long/i.test(detail)) {
    return ['no TLS is spoken there; does it speak http? (scheme or port)'];
  }
  const [, untrusted] = UNTRUSTED.find(([codes]) => codes.test(code)) ?? [];
  if (untrusted !== undefined) return [untrusted];
  if (!isOfTls(code)) return [];
  const shown = shownBy(certificate, files);
  if (shown.cert === undefined) {
    return /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(code)
      ? ['it wants a client certificate, and tls.cert is not given']
      : [];
  }
  if (certificate === false) return [];
  const ours = assessClient(shown, { now, until: now }).faults;
  return ours.length > 0 ? [...ours] : strangerOf(shown, code);
}

/** What the library's words for not trusting a server mean for whoever looks after it. */
const UNTRUSTED: readonly (readonly [RegExp, string])[] = [
  [/^INVALID_PURPOSE$/, 'its certificate is not for servers (extended key usage without serverAuth)'],
  [
    /^(?:UNABLE_TO_(?:GET_ISSUER|VERIFY)|SELF_SIGNED|DEPTH_ZERO)/,
    'its certificate is of an authority that we do not trust',
  ],
];

/** The certificate that is presented, as it would be read from a file. */
function shownBy(presented: Presented, files: TlsReading): TlsReading {
  if (typeof presented === 'boolean') return files;
  return { ca: files.ca, cert: certificatesIn(presented.chain, presented.name, 'chain'), key: undefined };
}

/** Faults by which a server may refuse a certificate. */
function isOfTls(code: string): boolean {
  return ['ECONNRESET', 'EPROTO', 'EPIPE'].includes(code) || code.startsWith('ERR_SSL_');
}

/** Our issuer, where an alert says that the server does not know it, or a bare reset may mean so. */
function strangerOf({ cert, ca }: TlsReading, code: string): string[] {
  const [leaf] = cert?.certificates ?? [];
  if (leaf === undefined) return [];
  const isKnown = [...(ca?.certificates ?? []), ...(cert?.certificates.slice(1) ?? [])].some((one) =>
    leaf.checkIssued(one),
  );
  if (isKnown && !/UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN/.test(code)) return [];
  const where = isKnown ? '' : ', which is not in tls.ca';
  return [`our certificate is from ${oneLine(leaf.issuer)}${where}: the server may not know that authority`];
}
