// A receiver of Standard Webhooks: it verifies with the package's own Webhook, once for each secret in its env file.
import { Webhook } from 'standardwebhooks';
import { nameOf, serve } from './serve.mjs';

serve({
  path: '/hooks',
  metric: 'hooks_accepted_total',
  async verify({ request, body, env, fault, maxAge, used }) {
    const refuse = (why) => ({ status: 401, type: 'text/plain', text: fault('says-nothing') ? 'no' : why });
    const secrets = (env().WEBHOOK_SECRETS ?? '').split(',').filter((secret) => secret !== '');
    const known = fault('first-secret-only') ? secrets.slice(0, 1) : secrets;
    const payload = fault('reserialises') ? rewritten(body.toString()) : body.toString();
    const headers = fault('first-signature-only')
      ? { ...request.headers, 'webhook-signature': request.headers['webhook-signature']?.split(' ')[0] }
      : request.headers;
    const late = tooFar(headers['webhook-timestamp'], maxAge);
    if (late !== undefined && !fault('no-time') && !(fault('past-only') && late.endsWith('new'))) return refuse(late);
    let why = 'No matching signature found';
    for (const secret of fault('empty-key') ? [...known, ''] : known) {
      try {
        check(secret, payload, headers, fault);
        if (await used(`hooks:${headers['webhook-id']}`)) return { status: 409, type: 'text/plain', text: 'seen' };
        return { status: 204, client: 'billing', secret: nameOf(secret) };
      } catch (error) {
        why = error.message;
      }
    }
    if (fault('any-signature')) return { status: 204, client: 'billing', secret: 'none' };
    return refuse(why);
  },
});

function check(secret, payload, headers, fault) {
  if (fault('no-time') || secret === '') {
    const hook = secret === '' ? new Webhook(new Uint8Array([0]), { format: 'raw' }) : new Webhook(secret);
    const at = new Date(Number(headers['webhook-timestamp']) * 1000);
    const expected = hook.sign(headers['webhook-id'] ?? '', at, payload);
    if ((headers['webhook-signature'] ?? '').split(' ').includes(expected)) return;
    throw new Error('No matching signature found');
  }
  new Webhook(secret).verify(payload, headers, { jsonParse: false });
}

function tooFar(timestamp, maxAge) {
  const away = Math.floor(Date.now() / 1000) - Number(timestamp);
  if (Number.isNaN(away)) return undefined;
  return away > maxAge ? 'Message timestamp too old' : away < -maxAge ? 'Message timestamp too new' : undefined;
}

function rewritten(text) {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}
