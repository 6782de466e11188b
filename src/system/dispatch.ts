import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { SendOptions, WireRequest } from '../probe/ports.ts';
import type { Exchange } from '../protocol/outcome.ts';
import { faultOf } from './fault.ts';
import type { Lane } from './lane.ts';

interface Answer {
  status: number;
  headers: Record<string, string>;
  chunks: Buffer[];
  bytes: number;
}

/**
 * Sends one request over a lane and reads the answer, within the deadline and the size cap. Always resolves; after a
 * fault the lane must be discarded. `started` is the monotonic time at which the deadline began to run.
 */
export function dispatch(lane: Lane, request: WireRequest, options: SendOptions, started: number): Promise<Exchange> {
  return new Promise((resolve) => {
    let sent = false;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;
    const answer: Answer = { status: 0, headers: {}, chunks: [], bytes: 0 };

    const settle = (exchange: Exchange): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', aborted);
      resolve(exchange);
    };
    const fail = (code: string, detail: string): void => {
      if (settled) return;
      settle({ kind: 'fault', code, detail, sent, ms: performance.now() - started });
      controller?.abort(new Error(code));
      lane.connection.abandon();
    };
    const aborted = (): void => fail('ABORTED', 'given up by the caller');
    const remaining = Math.max(0, started + options.deadlineMs - performance.now());
    const timer = setTimeout(() => fail('TIMEOUT', `no whole answer within ${options.deadlineMs} ms`), remaining);
    options.signal?.addEventListener('abort', aborted, { once: true });
    if (options.signal?.aborted === true) {
      aborted();
      return;
    }

    const take = (bytes: number): void => {
      answer.bytes += bytes;
      if (answer.bytes > options.maxBytes) fail('TOO_LARGE', `more than ${options.maxBytes} bytes`);
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (given) => {
        controller = given;
        if (settled) given.abort(new Error('settled before it was sent'));
        else sent = true;
      },
      onRequestUpgrade: () => fail('MALFORMED', 'an answer that switches protocols'),
      onResponseStart: (_controller, status, headers) => {
        answer.status = status;
        answer.headers = flatten(headers);
        const announced = Number(answer.headers['content-length'] ?? 0);
        if (announced > options.maxBytes) take(announced);
      },
      onResponseData: (_controller, chunk) => {
        take(chunk.length);
        if (!settled) answer.chunks.push(chunk);
      },
      onResponseEnd: () => settle(whole(answer, lane.connection.peer(), performance.now() - started)),
      onResponseError: (_controller, error) => {
        const { code, detail } = faultOf(lane.connection.firstError() ?? error);
        fail(code, detail);
      },
    };
    lane.client.dispatch(
      { path: request.path, method: request.method, headers: { ...request.headers }, body: request.body ?? null },
      handler,
    );
  });
}

function whole(answer: Answer, peer: string | undefined, ms: number): Exchange {
  return {
    kind: 'answer',
    status: answer.status,
    headers: answer.headers,
    body: Buffer.concat(answer.chunks).toString('utf8'),
    ms,
    ...(peer === undefined ? {} : { peer }),
  };
}

/** Headers in lower case; a header that was sent more than once is joined, so that it no longer looks like one value. */
function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]) => {
    return [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : (value ?? '')];
  });
  return Object.fromEntries(pairs);
}
