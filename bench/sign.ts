/**
 * A full sign (hash of the body, canonical string, HMAC, nonce from the pool) against a bare `createHmac` of a string
 * that is already there. The ratio is of speeds: signatures a second over HMACs a second.
 */
import { createHmac } from 'node:crypto';
import { keyringCanonicalString, keyringSignature } from '../src/protocol/keyring-v1.ts';
import { pooledRandom } from '../src/system/random.ts';
import { compare, ownCpu, row } from './measure.ts';

const COUNT = 20_000;
const random = pooledRandom();
const secret = Buffer.from(random.hex(32));
const body = Buffer.from(JSON.stringify({ session: random.hex(16), transaction: random.hex(64), probe: true }));
const [method, path] = ['POST', '/v1/sign/session-transaction'];
const canonical = keyringCanonicalString({ timestamp: String(Date.now()), nonce: random.hex(16), method, path, body });

let length = 0;

function full(): void {
  for (let n = 0; n < COUNT; n += 1) {
    const request = { timestamp: String(Date.now()), nonce: random.hex(16), method, path, body };
    length += keyringSignature(secret, request).length;
  }
}

function bare(): void {
  for (let n = 0; n < COUNT; n += 1) length += createHmac('sha256', secret).update(canonical).digest('hex').length;
}

const perSign = async (work: () => void) => ((await ownCpu(work)) * 1000) / COUNT;
const { ratio, noise, thing, base } = await compare(
  () => perSign(full),
  () => perSign(bare),
);
if (length % 64 !== 0) throw new Error('a signature of another length');
const rate = Math.round(1000 / thing);
row(
  'full sign, speed over bare HMAC',
  1 / ratio,
  noise,
  { least: 0.45 },
  `${thing.toFixed(2)} over ${base.toFixed(2)} µs CPU, ${rate} k/s`,
);
