// A client of either service: signs a request every so often with code of its own (for webhooks the package's), and counts.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';

const { values: options } = parseArgs({
  options: {
    scheme: { type: 'string' },
    id: { type: 'string' },
    port: { type: 'string' },
    env: { type: 'string' },
    counts: { type: 'string' },
  },
});
const [, secret] = readFileSync(options.env, 'utf8').match(/^SIGNING_SECRET=(.*)$/m);
const counts = { sent: 0, accepted: 0, refused: {}, faults: 0 };
const file = `${options.counts}/${process.pid}.json`;

function hook() {
  const id = `msg_${randomUUID().replaceAll('-', '')}`;
  const at = new Date();
  const body = JSON.stringify({ type: 'invoice.paid', id });
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
  return { path: '/hooks', headers, body };
}

function order() {
  const body = JSON.stringify({ item: 'tea' });
  const digest = createHash('sha256').update(body).digest('hex');
  const [time, nonce] = [String(Math.floor(Date.now() / 1000)), randomUUID()];
  const [keyId] = secret.split('.');
  const text = ['POST', '/orders', time, nonce, keyId, digest].join('\n');
  const mac = createHmac('sha512', secret.slice(keyId.length + 1))
    .update(text)
    .digest('hex');
  const authorization = `ORDERS key=${keyId}, caller=${options.id}, sig=${mac}`;
  const headers = { authorization, 'x-orders-time': time, 'x-orders-nonce': nonce, 'x-orders-digest': digest };
  return { path: '/orders', headers, body };
}

function push() {
  const body = JSON.stringify({ ref: 'main', at: Date.now() });
  const mac = createHmac('sha256', secret).update(body).digest('hex');
  return { path: '/push', headers: { 'x-hub-signature-256': `sha256=${mac}` }, body };
}

const MADE = { hooks: hook, orders: order, hub: push };

function send() {
  const { path, headers, body } = MADE[options.scheme]();
  counts.sent += 1;
  const call = request(
    { host: '127.0.0.1', port: options.port, path, method: 'POST', headers, agent: false },
    (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => {
        if (answer.statusCode < 300) counts.accepted += 1;
        else counts.refused[`${answer.statusCode} ${text}`] = (counts.refused[`${answer.statusCode} ${text}`] ?? 0) + 1;
      });
    },
  );
  call.on('error', () => {
    counts.faults += 1;
  });
  call.end(body);
}

function save() {
  writeFileSync(`${file}.new`, JSON.stringify(counts));
  renameSync(`${file}.new`, file);
}

const ticks = [setInterval(send, 100), setInterval(save, 100)];
process.on('SIGTERM', () => {
  for (const tick of ticks) clearInterval(tick);
  setTimeout(() => {
    save();
    process.exit(0);
  }, 100);
});
