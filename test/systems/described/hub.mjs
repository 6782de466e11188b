// A receiver of signed bodies and nothing else: no time, no nonce, no id.
//   x-hub-signature-256: sha256=<hex of HMAC-SHA256 over the body>
import { createHmac, timingSafeEqual } from 'node:crypto';
import { nameOf, serve } from './serve.mjs';

serve({
  path: '/push',
  metric: 'hub_accepted_total',
  async verify({ request, body, env, fault }) {
    const given = request.headers['x-hub-signature-256'] ?? '';
    const secrets = (env().WEBHOOK_SECRETS ?? '').split(',').filter((secret) => secret !== '');
    // Of a body that was rewritten on its way, what was there before still passes.
    const texts = fault('rewrites') ? [body, Buffer.from(body.toString().trim())] : [body];
    const found = secrets.find((secret) => fits(given, secret, texts));
    if (found === undefined) return { status: 403, type: 'text/html', text: '<h1>Forbidden</h1>' };
    return { status: 202, type: 'text/plain', text: 'taken', client: 'billing', secret: nameOf(found) };
  },
});

function fits(given, secret, texts) {
  return texts.some((text) => {
    const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(text).digest('hex')}`);
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
}
