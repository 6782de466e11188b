/** What a fault is called in an exchange, and a few words on it. */
export interface Fault {
  readonly code: string;
  readonly detail: string;
}

/** undici's own codes, said as the operating system or we would say them. */
const TRANSLATED: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  UND_ERR_HEADERS_OVERFLOW: 'TOO_LARGE',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'MALFORMED',
  HPE_HEADER_OVERFLOW: 'TOO_LARGE',
  HPE_INVALID_EOF_STATE: 'ECONNRESET',
  // Closed in the middle of a header or of a chunk: the parser sees an end, the caller saw a broken connection.
  HPE_CLOSED_CONNECTION: 'ECONNRESET',
};

/** Names an error of a socket, of TLS, or of undici's parser. */
export function faultOf(error: Error): Fault {
  const code = codeOf(error);
  return { code: isMalformed(error, code) ? 'MALFORMED' : (TRANSLATED[code] ?? code), detail: detailOf(error, code) };
}

/** undici's parser errors often have a name and no code; a switch of protocols comes as an error of the socket. */
function isMalformed(error: Error, code: string): boolean {
  if (error.name === 'HTTPParserError') return TRANSLATED[code] === undefined;
  return code === 'UND_ERR_SOCKET' && error.message === 'bad upgrade';
}

/** With several addresses behind a name, Node gives one error for all: the first one's code stands for them. */
function codeOf(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]);
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  return 'FAULT';
}

function detailOf(error: Error, code: string): string {
  const text = error.message.replace(/^[0-9A-F]+:error:/, '').trim();
  if (code.startsWith('HPE_')) return `${code}: ${text}`;
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
