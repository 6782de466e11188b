import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { ENV } from '../foreign/processes.ts';

/** What `openssl s_client`, an independent client, saw of a server. */
export interface Seen {
  /** Status of its answer to a request; `undefined` where there was none. */
  readonly status: number | undefined;
  readonly body: string;
  /** SHA-256 of the certificate that it showed, lower-case hex. */
  readonly shown: string | undefined;
  /** Whether it took up the session that it was offered. */
  readonly reused: boolean;
  /** What the TLS library complained of, in its words. */
  readonly complaint: string;
}

/** How it connects. Paths are of PEM files. */
export interface Look {
  readonly port: number;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly version?: 'tls1_2' | 'tls1_3';
  /** File into which the session is saved, or from which one is offered. */
  readonly save?: string;
  readonly offer?: string;
}

/** Asks for `/health` with `openssl s_client`. */
export async function handshake(look: Look): Promise<Seen> {
  const { port, ca, cert, key, version = 'tls1_3', save, offer } = look;
  const words = [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'signer.words.example', '-CAfile', ca],
    ...[`-${version}`, '-ign_eof', '-verify_return_error'],
    ...(cert === undefined ? [] : ['-cert', cert, '-key', key ?? cert]),
    ...(save === undefined ? [] : ['-sess_out', save]),
    ...(offer === undefined ? [] : ['-sess_in', offer]),
  ];
  const text = await spoken(words, 'GET /health HTTP/1.1\r\nHost: signer\r\nConnection: close\r\n\r\n');
  const [, status] = /HTTP\/1\.[01] ([0-9]{3}) /.exec(text) ?? [];
  const [block] = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(text) ?? [];
  return {
    status: status === undefined ? undefined : Number(status),
    body: text.slice(text.indexOf('\r\n\r\n')),
    shown: block === undefined ? undefined : fingerprint(block),
    reused: /^(?:---\n)?Reused, /m.test(text),
    complaint: text
      .split('\n')
      .filter((line) => /error|alert/i.test(line))
      .join('\n'),
  };
}

/** SHA-256 of the first certificate of a PEM text, lower-case hex. */
export function fingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

function spoken(words: readonly string[], request: string): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile('openssl', words, { env: ENV, timeout: 10_000 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
    child.stdin?.on('error', () => undefined).end(request);
  });
}
