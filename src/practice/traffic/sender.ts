import { Agent, request } from 'node:https';
import type { OutcomeKind } from '../messages.ts';

const TIMEOUT_MS = 2000;
/** A new connection each so many requests, as a pool that retires its connections does. */
const REQUESTS_PER_CONNECTION = 5;
/** Half the window of practice fleets. What is refused for its age after longer than this was late by this machine's doing. */
const LATE_MS = 1000;
const ANSWER_LIMIT = 64 * 1024;
/** Codes of a handshake in which one side did not take the other's certificate: the TLS library's own, and alerts. */
const REFUSED_HANDSHAKE =
  /^(ERR_SSL_.*ALERT.*|ERR_TLS_CERT_\w+|\w*CERT\w*|UNABLE_TO_\w+|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/;

/** How one request ended; `code` is what the answer said, `HTTP <status>`, or the transport's error code. */
export interface RequestOutcome {
  readonly kind: OutcomeKind;
  readonly code: string;
}

/** Where requests go. A certificate is shown where there is one. */
export interface Route {
  readonly target: URL;
  readonly serverName: string;
  readonly path: string;
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string };
}

/** What requests say, and what the answers mean. */
export interface Dialect {
  /** A fresh signed request; the length of the body is added. Throws, with a `code`, when it cannot. */
  sign(): { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };
  outcomeOf(status: number, text: string): RequestOutcome;
  /** The code of an answer that refuses a request for its age. */
  readonly stale: string;
}

/** Sends a caller's signed requests. */
export interface Sender {
  /** Sends one; resolves when it ended, however it ended. */
  send(): Promise<void>;
  /** Resolves when no request is open. */
  finish(): Promise<void>;
}

/** Makes a sender that reports each request's end. */
export function makeSender(route: Route, dialect: Dialect, report: (outcome: RequestOutcome) => void): Sender {
  const agent = new Agent({ keepAlive: true, servername: route.serverName, ...route.tls });
  const open = new Set<Promise<void>>();
  let count = 0;
  return {
    send: () => {
      count += 1;
      const last = count % REQUESTS_PER_CONNECTION === 0;
      const sent = exchange(route, dialect, { agent, last })
        .catch((error: unknown) => failure(codeOf(error)))
        .then(report)
        .finally(() => open.delete(sent));
      open.add(sent);
      return sent;
    },
    finish: async () => {
      await Promise.all(open);
      agent.destroy();
    },
  };
}

async function exchange(
  route: Route,
  dialect: Dialect,
  { agent, last }: { readonly agent: Agent; readonly last: boolean },
): Promise<RequestOutcome> {
  const began = performance.now();
  const { body, headers: signed } = dialect.sign();
  const headers = { ...signed, 'content-length': body.length, ...(last ? { connection: 'close' } : {}) };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve(failure(signal.aborted ? 'TIMEOUT' : codeOf(error)));
    const sent = request(route.target, { agent, method: 'POST', path: route.path, headers, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < ANSWER_LIMIT) text += chunk;
      });
      response.on('error', failed);
      response.on('end', () => {
        const outcome = dialect.outcomeOf(response.statusCode ?? 0, text);
        const late = outcome.code === dialect.stale && performance.now() - began > LATE_MS;
        resolve(late ? failure('LATE') : outcome);
      });
    });
    sent.on('error', failed);
    sent.end(body);
  });
}

function failure(code: string): RequestOutcome {
  return { kind: REFUSED_HANDSHAKE.test(code) ? 'handshake' : 'fault', code };
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
