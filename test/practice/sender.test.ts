import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keyringDialect } from '../../src/practice/client/dialect.ts';
import { makeSender, type RequestOutcome } from '../../src/practice/traffic/sender.ts';
import { testPki } from '../support/test-pki.ts';

const REFUSED = (code: string) => JSON.stringify({ errorCode: code });
let answer = { code: '', afterMs: 0 };
let sendOne: () => Promise<readonly RequestOutcome[]>;
let close: () => Promise<void>;

beforeAll(async () => {
  const pki = await testPki();
  const server = createServer({ ...(await pki.server('signer')) }, (_, response) => {
    const { code, afterMs } = answer;
    setTimeout(() => response.writeHead(401).end(REFUSED(code)), afterMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const target = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const tls = { ca: pki.ca, cert: pki.client.cert, key: pki.client.key };
  const config = { id: 'client-a', secret: 'x', target, serverName: 'signer', path: '/', ratePerSecond: 1, tls };
  sendOne = async () => {
    const seen: RequestOutcome[] = [];
    const sender = makeSender(config, keyringDialect(config), (outcome) => seen.push(outcome));
    await sender.send();
    await sender.finish();
    return seen;
  };
  close = () => new Promise((resolve) => server.close(() => resolve()));
});
afterAll(() => close());

it.each<[string, string, number, RequestOutcome]>([
  ['for its age, at once', 'AUTH_TIMESTAMP_SKEW', 0, { kind: 'refused', code: 'AUTH_TIMESTAMP_SKEW' }],
  ['for its age, after more than half the window', 'AUTH_TIMESTAMP_SKEW', 1100, { kind: 'fault', code: 'LATE' }],
  ['for its signature, however late', 'AUTH_INVALID_HMAC', 1100, { kind: 'refused', code: 'AUTH_INVALID_HMAC' }],
])(
  'a request of a practice client that is refused %s counts by whose doing that is',
  async (_, code, afterMs, seen) => {
    answer = { code, afterMs };
    expect(await sendOne()).toEqual([seen]);
  },
);
