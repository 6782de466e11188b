// A service with a header scheme of its own: time, nonce, caller and key id, and a digest of the body that travels as well.
//   authorization: ORDERS key=<key id>, caller=<caller>, sig=<hex of HMAC-SHA512>
//   signed: <METHOD>\n<path and query>\n<seconds>\n<nonce>\n<key id>\n<hex SHA-256 of the body>
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { serve } from './serve.mjs';

serve({
  path: '/orders',
  metric: 'orders_accepted_total',
  async verify({ request, body, env, fault, maxAge, used }) {
    const refuse = (why) => ({ status: why === 'used' ? 409 : 401, text: JSON.stringify({ why }) });
    const match = (request.headers.authorization ?? '').match(/^ORDERS key=([^,]*), caller=([^,]*), sig=(.*)$/);
    if (match === null) return fault('unsigned') ? { status: 200, text: '{"ok":true}' } : refuse('form');
    const [, keyId, caller, signature] = match;
    // The variable is in upper case whatever the caller's is: only the caller as it is written is meant.
    const known = caller === caller.toLowerCase() || fault('folds-caller');
    const listed = ((known && env()[`KEYS_${caller.toUpperCase()}`]) || '').split(',').filter((entry) => entry !== '');
    if (listed.length === 0 && !fault('any-caller')) return refuse('caller');
    const everyone = Object.entries(env()).flatMap(([name, value]) =>
      name.startsWith('KEYS_') ? value.split(',') : [],
    );
    const entries = fault('any-caller') || fault('crosses-callers') ? everyone : listed;
    const time = request.headers['x-orders-time'] ?? '';
    const nonce = request.headers['x-orders-nonce'] ?? '';
    if (time === '' && fault('waives-time')) return { status: 200, text: '{"ok":true}' };
    const timeFirst = !fault('signature-first');
    const stale = () =>
      !fault('no-time') && (!/^\d+$/.test(time) || Math.abs(Math.floor(Date.now() / 1000) - Number(time)) > maxAge);
    if (timeFirst && stale()) return refuse('time');
    if (!/^[0-9a-f-]{36}$/.test(nonce)) return refuse('form');
    if (fault('burns-first') && (await used(`orders:${caller}:${nonce}`))) return refuse('used');
    const named = fault('any-key') ? entries : entries.filter((entry) => entry.startsWith(`${keyId}.`));
    if (named.length === 0) return refuse('key');
    const digest = fault('trusts-digest') ? request.headers['x-orders-digest'] : sha256(body);
    if (digest !== request.headers['x-orders-digest']) return refuse('digest');
    const target = fault('ignores-query') ? `${request.url.split('?')[0]}?dry=1` : request.url;
    const entry = named.find((one) => matches(one, signature, [request.method, target, time, nonce, keyId, digest]));
    if (entry === undefined && !fault('any-signature')) return refuse('signature');
    if (!timeFirst && stale()) return refuse('time');
    if (!fault('burns-first') && (await used(`orders:${caller}:${nonce}`))) return refuse('used');
    return { status: 200, text: '{"ok":true}', client: caller, secret: keyId };
  },
});

function matches(entry, signature, parts) {
  const key = entry.slice(entry.indexOf('.') + 1);
  const expected = createHmac('sha512', key).update(parts.join('\n')).digest();
  const given = /^[0-9a-f]{128}$/.test(signature) ? Buffer.from(signature, 'hex') : Buffer.alloc(0);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function sha256(body) {
  return createHash('sha256').update(body).digest('hex');
}
