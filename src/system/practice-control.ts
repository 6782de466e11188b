import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';

const DEADLINE_MS = 30_000;
const START = 'start one with `rotctl practice up`';

/** How to talk to the supervisor of a practice fleet. */
export interface Control {
  readonly home: string;
  readonly port: number;
  readonly token: string;
  /** What the replay store is: `redis-server 7.0.15`, `embedded`. */
  readonly store: string;
}

/**
 * Reads who supervises the practice fleet in a folder, from its `practice.json`.
 *
 * @throws RotctlError `PRACTICE_FAILED` when there is none
 */
export async function readControl(home: string): Promise<Control> {
  const file = join(home, 'practice.json');
  const record = await readFile(file, 'utf8').then(parseObject, () => undefined);
  if (record === undefined) throw failed(`there is no practice fleet in ${home}`, START);
  const { controlPort: port, token, store } = record;
  if (typeof port !== 'number' || typeof token !== 'string') throw failed(`${file} is no record of a practice fleet`);
  return { home, port, token, store: typeof store === 'string' ? store : 'unknown' };
}

/**
 * Sends one command to the supervisor and waits for its answer.
 *
 * @throws RotctlError `PRACTICE_FAILED` with what the supervisor said, or that it does not answer
 */
export async function command(control: Control, words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const line = await ask(control.port, `${JSON.stringify({ token: control.token, words })}\n`).catch(
    (error: unknown) => {
      if (isRefused(error)) throw failed(`the practice fleet in ${control.home} is down`, START);
      const reason = error instanceof Error ? error.message : 'unknown reason';
      throw failed(`the practice fleet in ${control.home} does not answer: ${escapeForeign(reason)}`);
    },
  );
  const { ok, error, ...answer } = parseObject(line) ?? {};
  if (ok === true) return answer;
  const reason = typeof error === 'string' ? error : 'no reason given';
  throw failed(`the practice fleet refused ${words.join(' ')}: ${escapeForeign(reason)}`);
}

/** A `PRACTICE_FAILED`. */
export function failed(what: string, hint?: string): RotctlError {
  return new RotctlError('PRACTICE_FAILED', what, hint === undefined ? {} : { hint });
}

/** An object from JSON text, or `undefined`. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether nobody listens where the fleet once did. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

function ask(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(request));
    let got = '';
    socket.setEncoding('utf8');
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error(`no answer within ${DEADLINE_MS} ms`)));
    socket.on('data', (chunk: string) => {
      got += chunk;
      if (!got.endsWith('\n')) return;
      socket.end();
      resolve(got);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
  });
}
