import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Answer } from './commands.ts';

/** Where control requests come in, and what they must show. */
export interface ControlSettings {
  readonly port: number;
  readonly token: string;
  /** Carries out a request; a rejection's message goes to the caller. */
  run(words: readonly string[]): Promise<Answer>;
  /** Called at each request that showed the token. */
  onRequest(): void;
  /** Called when `down` was answered. */
  onDown(): void;
}

/**
 * Listens on the loopback for lines of JSON, `{"token":…,"words":["reload","signer-a"]}`, and answers each with a line:
 * `{"ok":true,…}` or `{"ok":false,"error":…}`. A line that is not so, or shows another token, ends the connection.
 */
export async function listenForControl(settings: ControlSettings): Promise<void> {
  const server = createServer((socket) => serveControl(socket, settings));
  server.listen(settings.port, '127.0.0.1');
  await once(server, 'listening');
}

function serveControl(socket: Socket, settings: ControlSettings): void {
  socket.on('error', () => socket.destroy());
  createInterface({ input: socket }).on('line', async (line) => {
    const words = authorised(line, settings.token);
    if (words === undefined) return void socket.destroy();
    settings.onRequest();
    const answer = await settings.run(words).then(
      (result) => ({ ok: true, ...result }),
      (error: unknown) => ({ ok: false, error: error instanceof Error ? error.message : 'unknown failure' }),
    );
    const isDown = words[0] === 'down';
    socket.write(`${JSON.stringify(answer)}\n`, () => {
      if (isDown) settings.onDown();
    });
  });
}

function authorised(line: string, token: string): readonly string[] | undefined {
  try {
    const request: unknown = JSON.parse(line);
    if (typeof request !== 'object' || request === null || !('token' in request) || !('words' in request))
      return undefined;
    const { words } = request;
    if (typeof request.token !== 'string' || !isSame(request.token, token)) return undefined;
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
  } catch {
    return undefined;
  }
}

function isSame(got: string, wanted: string): boolean {
  return timingSafeEqual(digest(got), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
