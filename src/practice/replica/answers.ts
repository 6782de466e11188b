import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Leaving } from './drain.ts';

/** Writes a JSON answer. */
export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Writes the health page: 200, or 503 while the replica drains. */
export function answerHealth(response: ServerResponse, leaving: Leaving): void {
  if (leaving.draining) leaving.farewells += 1;
  answerJson(response, leaving.draining ? 503 : 200, { draining: leaving.draining });
}

/** Reads the raw body; `undefined` when it is longer than `limit` bytes (the rest is read and dropped). */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
  }
  return length > limit ? undefined : Buffer.concat(chunks);
}
