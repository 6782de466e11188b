// A signer of keyring-v1 that shares no line with the project: a process of its own over TLS, its nonces in a real Redis by
// plain RESP. What is wrong with it is named in its settings, which are JSON in its first argument.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { connect } from 'node:net';

const settings = JSON.parse(process.argv[2]);
const {
  clients,
  maxAgeMs,
  ttlMs,
  redis,
  db = 0,
  fault = 'none',
  clockOffsetMs = 0,
  global = false,
  jitterMs = 0,
} = settings;
const prefix = fault === 'other-prefix' ? 'drifted:' : 'nonces:';
const life = fault === 'short-ttl' ? maxAgeMs : ttlMs;

/** One connection, its replies in order. */
class Redis {
  #waiting = [];
  #rest = '';
  #socket;

  constructor(port) {
    this.#open(port);
  }

  #open(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => this.#take(text));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the store is gone'));
      setTimeout(() => this.#open(port), 200).unref();
    });
    if (db !== 0) this.call('SELECT', String(db)).catch(() => {});
  }

  call(...words) {
    const bytes = words.map((word) => Buffer.from(word));
    const parts = bytes.flatMap((one) => [Buffer.from(`$${one.length}\r\n`), one, Buffer.from('\r\n')]);
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the store is gone'));
      this.#waiting.push({ resolve, reject });
      this.#socket.write(Buffer.concat([Buffer.from(`*${bytes.length}\r\n`), ...parts]));
    });
  }

  #take(text) {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf('\r\n');
      if (end === -1) return;
      const [kind, line] = [this.#rest[0], this.#rest.slice(1, end)];
      let used = end + 2;
      let value = line;
      if (kind === '$') {
        const length = Number(line);
        if (length === -1) value = null;
        else {
          if (this.#rest.length < used + length + 2) return;
          value = this.#rest.slice(used, used + length);
          used += length + 2;
        }
      }
      this.#rest = this.#rest.slice(used);
      const { resolve, reject } = this.#waiting.shift();
      if (kind === '-') reject(new Error(value));
      else resolve(kind === ':' ? Number(value) : value);
    }
  }
}

const store = new Redis(redis);
const memory = new Map();

function keyOf(client, nonce) {
  if (global || fault === 'global-key') return `${prefix}${nonce}`;
  const text = JSON.stringify([client, nonce]);
  // What Go's encoder makes of it.
  const escaped =
    fault === 'escapes' ? text.replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`) : text;
  return `${prefix}${escaped}`;
}

/** Whether the nonce is taken now for the first time. */
async function take(key) {
  switch (fault) {
    case 'memory': {
      const used = (memory.get(key) ?? 0) > Date.now();
      if (!used) memory.set(key, Date.now() + life);
      return !used;
    }
    case 'get-then-set':
      if ((await store.call('GET', key)) !== null) return false;
      await store.call('SET', key, '1', 'PX', String(life));
      return true;
    case 'exists-then-setex':
      if ((await store.call('EXISTS', key)) !== 0) return false;
      await store.call('SETEX', key, String(Math.ceil(life / 1000)), '1');
      return true;
    default:
      return (await store.call('SET', key, '1', 'PX', String(life), 'NX')) === 'OK';
  }
}

async function judge(request, body) {
  const header = (name) => request.headers[`x-keyring-${name}`] ?? '';
  const client = header('client-id');
  // The client by its id in lower case, the key of the one that came.
  const secrets = clients[fault === 'folds-client' ? client.toLowerCase() : client];
  if (secrets === undefined) return [401, 'AUTH_INVALID_CLIENT'];
  const timestamp = header('timestamp');
  const off = Math.abs(Number(timestamp) - (Date.now() + clockOffsetMs));
  if (!/^\d{1,15}$/.test(timestamp) || off > maxAgeMs) return [401, 'AUTH_TIMESTAMP_SKEW'];
  const nonce = header('nonce');
  const bytes = Buffer.byteLength(nonce);
  if (nonce.includes('.') || bytes < 16 || (bytes > 256 && fault !== 'unbounded')) return [400, 'AUTH_INVALID_NONCE'];
  const signature = header('signature');
  if (!/^(?:[0-9a-f]{2})+$/.test(signature)) return [400, 'AUTH_INVALID_SIGNATURE_FORMAT'];
  const digest = createHash('sha256').update(body).digest('hex');
  // The signature over a tidied nonce, the key of the one that came.
  const signed = fault === 'trims' ? nonce.trim() : fault === 'folds-case' ? nonce.toLowerCase() : nonce;
  const text = `${timestamp}.${signed}.${request.method}.${request.url}.${digest}`;
  const given = Buffer.from(signature, 'hex');
  const isRight = secrets.some((secret) => {
    const mac = createHmac('sha256', secret).update(text).digest();
    return given.length === mac.length && timingSafeEqual(given, mac);
  });
  if (!isRight) return [401, 'AUTH_INVALID_HMAC'];
  try {
    if (!(await take(keyOf(client, nonce)))) return [409, 'REPLAY_NONCE_USED'];
  } catch {
    if (fault !== 'fail-open') return [503, 'SIGNER_UNAVAILABLE'];
  }
  return [422, 'POLICY_SELECTOR_DENIED'];
}

const server = createServer(
  { cert: readFileSync(settings.cert), key: readFileSync(settings.key) },
  (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const answer = async () => {
        if (jitterMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * jitterMs));
        const [status, errorCode] = await judge(request, Buffer.concat(chunks));
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: errorCode, errorCode, requestId: 'r', retryable: false }));
      };
      answer().catch(() => response.destroy());
    });
  },
);
server.listen(settings.port, '127.0.0.1', () => process.stdout.write('up\n'));
process.on('disconnect', () => process.exit(0));
