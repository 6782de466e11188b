import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A two-way copier between two Redis servers, as between regions. */
export interface Copier {
  stop(): void;
}

/** Copies each `SET` of one server to the other, after a delay; what it has written itself it does not copy back. */
export async function startCopier(one: number, other: number, delayMs: number): Promise<Copier> {
  const sockets: Socket[] = [];
  const open = async (port: number): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {});
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return socket;
  };
  const copied = new Set<string>();
  const copy = async (from: number, to: number): Promise<void> => {
    const [seen, target] = [await open(from), await open(to)];
    target.resume();
    let rest = '';
    seen.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) pass(line);
    });
    const pass = (line: string): void => {
      // MONITOR: +<time> [<db> <address>] "SET" "<key>" "1" "PX" "<life>" "NX"
      const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => unescaped(word));
      const [command = '', key = '', , unit, life = ''] = words;
      if (command.toUpperCase() !== 'SET' || unit !== 'PX' || copied.delete(`${from} ${key}`)) return;
      copied.add(`${to} ${key}`);
      void delay(delayMs).then(() => target.write(encoded(['SET', key, '1', 'PX', life, 'NX'])));
    };
    seen.write('MONITOR\r\n');
    await new Promise<void>((resolve) => seen.once('data', () => resolve()));
  };
  await Promise.all([copy(one, other), copy(other, one)]);
  return {
    stop: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function unescaped(word: string): string {
  return word
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\(["\\])/g, '$1');
}

function encoded(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word, 'latin1')}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`, 'latin1');
}
