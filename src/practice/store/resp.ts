const COMMAND_LIMIT = 64 * 1024;
const ARGUMENT_LIMIT = 32;
const CRLF = '\r\n';

/** A peer that does not speak RESP2, or whose command is too large: the connection must be closed. */
export class RespError extends Error {}

/** Takes bytes as they come and gives whole commands; keeps at most one command of 64 KiB. */
export interface RespReader {
  /** The commands that `chunk` completes. Throws `RespError`. */
  feed(chunk: Buffer): readonly (readonly string[])[];
}

/** A reply: a simple string, an error, an integer, a bulk string or null, or an array. */
export type Reply =
  | { readonly simple: string }
  | { readonly error: string }
  | { readonly integer: number }
  | { readonly bulk: string | null }
  | { readonly array: readonly Reply[] };

/** Makes a reader for one connection; understands arrays of bulk strings and plain inline commands. */
export function makeRespReader(): RespReader {
  let held: Buffer = Buffer.alloc(0);
  return {
    feed: (chunk) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const commands: (readonly string[])[] = [];
      let at = 0;
      for (let next = readCommand(held, at); next !== undefined; next = readCommand(held, at)) {
        if (next.value.length > 0) commands.push(next.value);
        at = next.end;
      }
      held = held.subarray(at);
      if (held.length > COMMAND_LIMIT) throw new RespError('too big a request');
      return commands;
    },
  };
}

/** Writes a reply in RESP2. */
export function respText(reply: Reply): string {
  if ('simple' in reply) return `+${reply.simple}${CRLF}`;
  if ('error' in reply) return `-${reply.error}${CRLF}`;
  if ('integer' in reply) return `:${reply.integer}${CRLF}`;
  if ('array' in reply) return `*${reply.array.length}${CRLF}${reply.array.map(respText).join('')}`;
  if (reply.bulk === null) return `$-1${CRLF}`;
  return `$${Buffer.byteLength(reply.bulk)}${CRLF}${reply.bulk}${CRLF}`;
}

interface Read<T> {
  readonly value: T;
  readonly end: number;
}

function readCommand(bytes: Buffer, start: number): Read<readonly string[]> | undefined {
  const head = readLine(bytes, start);
  if (head === undefined) return undefined;
  if (!head.value.startsWith('*')) return { value: head.value.split(' ').filter((word) => word !== ''), end: head.end };
  const count = lengthOf(head.value.slice(1), ARGUMENT_LIMIT, 'multibulk');
  const words: string[] = [];
  let end = head.end;
  for (let index = 0; index < count; index += 1) {
    const bulk = readBulk(bytes, end);
    if (bulk === undefined) return undefined;
    words.push(bulk.value);
    end = bulk.end;
  }
  return { value: words, end };
}

function readBulk(bytes: Buffer, start: number): Read<string> | undefined {
  const head = readLine(bytes, start);
  if (head === undefined) return undefined;
  if (!head.value.startsWith('$')) throw new RespError("expected '$'");
  const end = head.end + lengthOf(head.value.slice(1), COMMAND_LIMIT, 'bulk');
  if (bytes.length < end + CRLF.length) return undefined;
  if (bytes.toString('latin1', end, end + CRLF.length) !== CRLF) throw new RespError('bulk without an end');
  return { value: bytes.toString('utf8', head.end, end), end: end + CRLF.length };
}

function readLine(bytes: Buffer, start: number): Read<string> | undefined {
  const end = bytes.indexOf(CRLF, start, 'latin1');
  if (end < 0) return undefined;
  return { value: bytes.toString('utf8', start, end), end: end + CRLF.length };
}

function lengthOf(text: string, limit: number, what: string): number {
  if (!/^[0-9]{1,9}$/.test(text) || Number(text) > limit) throw new RespError(`invalid ${what} length`);
  return Number(text);
}
