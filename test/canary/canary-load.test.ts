import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { Durations } from '../../src/probe/canary-latency.ts';
import { CanaryLoad } from '../../src/probe/canary-load.ts';
import type { Clock, WireRequest } from '../../src/probe/ports.ts';
import type { Exchange } from '../../src/protocol/outcome.ts';

const secret = Secret.fromText('0123456789abcdef0123456789abcdef');
const other = Secret.fromText('fedcba9876543210fedcba9876543210');
const ACCEPTED: Exchange = {
  kind: 'answer',
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"ok":true}',
  ms: 1,
};

/** A clock that is advanced by hand; sleepers wake in the order of their times. */
class HandClock implements Clock {
  #now = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ at: this.#now + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }
  /** Lets everybody sleep through: no one wakes before the end of the jump. */
  async jump(ms: number): Promise<void> {
    // What is being signed is sent before time goes on.
    await new Promise((resolve) => setImmediate(resolve));
    this.#now += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.at <= this.#now);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.at > this.#now);
    for (const sleeper of due) sleeper.wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
  async advance(ms: number): Promise<void> {
    for (let elapsed = 0; elapsed < ms; elapsed++) await this.jump(1);
  }
}

function setUp(
  routes: string[],
  clients: string[],
  ratePerSecond: number,
  answer: () => Promise<Exchange>,
  maxAgeMs = 2000,
) {
  const clock = new HandClock();
  const sent: { readonly at: number; readonly route: string; readonly request: WireRequest }[] = [];
  let nonce = 0;
  const request = { method: 'POST', path: '/x', body: '{}' };
  const load = new CanaryLoad(
    {
      routes,
      clients,
      request,
      protocol: 'keyring-v1',
      ratePerSecond,
      runId: 'r',
      rules: [],
      inert: [{ status: 200 }],
      maxAgeMs,
    },
    {
      clock,
      nonce: () => String(nonce++).padStart(32, '0'),
      send: (route, wire) => {
        sent.push({ at: clock.now(), route, request: wire });
        return answer();
      },
    },
  );
  return { clock, sent, load };
}

describe('the pace', () => {
  test('is a fixed rate for each client on each route, spread evenly', async () => {
    const { clock, sent, load } = setUp(['a', 'b'], ['x', 'y'], 10, async () => ACCEPTED);
    await load.setSecrets(
      new Map([
        ['x', [secret]],
        ['y', [secret]],
      ]),
    );
    await clock.advance(199);
    expect(sent.map(({ at }) => at)).toEqual([0, 25, 50, 75, 100, 125, 150, 175]);
    expect(sent.slice(0, 4).map(({ route, request }) => route + request.headers['x-keyring-client-id'])).toEqual([
      'ax',
      'ay',
      'bx',
      'by',
    ]);
    await load.stop();
  });

  test('nothing is sent before there are secrets, nor for a client without one', async () => {
    const { clock, sent, load } = setUp(['a'], ['x', 'y'], 10, async () => ACCEPTED);
    await clock.advance(200);
    expect(sent).toHaveLength(0);
    await load.setSecrets(
      new Map([
        ['x', []],
        ['y', [secret]],
      ]),
    );
    await clock.advance(199);
    expect(new Set(sent.map(({ request }) => request.headers['x-keyring-client-id']))).toEqual(new Set(['y']));
    await load.stop();
  });

  test('a client’s secrets take turns on every route', async () => {
    const { clock, load } = setUp(['a', 'b'], ['x'], 10, async () => ACCEPTED);
    await load.setSecrets(new Map([['x', [secret, other]]]));
    await clock.advance(399);
    expect(load.snapshot().cells.map(({ route, fingerprint, sent }) => [route, fingerprint, sent])).toEqual([
      ['a', secret.fingerprint, 2],
      ['b', secret.fingerprint, 2],
      ['a', other.fingerprint, 2],
      ['b', other.fingerprint, 2],
    ]);
    await load.stop();
  });

  test('a late timer sends what was due, and latency runs from then', async () => {
    const { clock, sent, load } = setUp(['a'], ['x'], 10, async () => ACCEPTED);
    await load.setSecrets(new Map([['x', [secret]]]));
    await clock.jump(350);
    expect(sent.map(({ at }) => at)).toEqual([0, 350, 350, 350]);
    expect(load.snapshot()).toMatchObject({ missed: 0, timerLag: { count: 4, max: 250 }, latency: { max: 250 } });
    await load.stop();
  });

  test('after a long sleep what was due is counted as missed, not sent in a burst', async () => {
    const { clock, sent, load } = setUp(['a'], ['x'], 10, async () => ACCEPTED);
    await load.setSecrets(new Map([['x', [secret]]]));
    await clock.jump(60_000);
    expect(sent.length).toBeLessThan(5);
    const counts = load.snapshot();
    expect(counts.sent + counts.missed).toBe(601);
    await clock.advance(200);
    expect(load.snapshot().sent).toBe(counts.sent + 2);
    await load.stop();
  });

  test('every request has a nonce and a time of its own', async () => {
    const { clock, sent, load } = setUp(['a'], ['x'], 100, async () => ACCEPTED);
    await load.setSecrets(new Map([['x', [secret]]]));
    await clock.advance(95);
    expect(new Set(sent.map(({ request }) => request.headers['x-keyring-nonce'])).size).toBe(sent.length);
    expect(sent.map(({ request }) => Number(request.headers['x-keyring-timestamp']))).toEqual(sent.map(({ at }) => at));
    await load.stop();
  });

  test('stop resolves only when the last answer is there', async () => {
    let release: (exchange: Exchange) => void = () => undefined;
    const held = new Promise<Exchange>((resolve) => {
      release = resolve;
    });
    const { clock, load } = setUp(['a'], ['x'], 1, () => held);
    await load.setSecrets(new Map([['x', [secret]]]));
    await clock.advance(1);
    let ended = false;
    const stopping = load.stop().then((counts) => {
      ended = true;
      return counts;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    release(ACCEPTED);
    expect(await stopping).toMatchObject({ sent: 1, accepted: 1, inFlight: 0 });
  });
});

describe('a request that is refused for its age', () => {
  const SKEW: Exchange = {
    kind: 'answer',
    status: 401,
    headers: { 'content-type': 'application/json' },
    body: '{"errorCode":"AUTH_TIMESTAMP_SKEW"}',
    ms: 1,
  };

  test.each([
    [1000, { refusedAuth: { AUTH_TIMESTAMP_SKEW: 1 }, faults: {} }],
    [1001, { refusedAuth: {}, faults: { late: 1 } }],
  ])('and was %i ms under way, of the 2000 that signers allow: %j', async (ms, cell) => {
    let release: (exchange: Exchange) => void = () => undefined;
    const held = new Promise<Exchange>((resolve) => {
      release = resolve;
    });
    const { clock, load } = setUp(['a'], ['x'], 0.1, () => held);
    await load.setSecrets(new Map([['x', [secret]]]));
    await clock.jump(ms);
    release(SKEW);
    expect(await load.stop()).toMatchObject({ sent: 1, cells: [cell] });
  });

  test('because this machine sent it late is a fault, and one sent in time is a refusal', async () => {
    const { clock, load } = setUp(['a'], ['x'], 0.9, async () => SKEW, 1000);
    await load.setSecrets(new Map([['x', [secret]]]));
    await clock.jump(1);
    expect(load.snapshot()).toMatchObject({ refused: 1, faulted: 0 });
    await clock.jump(1611);
    expect(load.snapshot().timerLag.max).toBeGreaterThan(500);
    expect(load.snapshot().cells).toMatchObject([{ refusedAuth: { AUTH_TIMESTAMP_SKEW: 1 }, faults: { late: 1 } }]);
    await load.stop();
  });

  test('after the machine slept with it under way is a fault, though its own time stood still', async () => {
    let release: (exchange: Exchange) => void = () => undefined;
    const held = new Promise<Exchange>((resolve) => {
      release = resolve;
    });
    const { clock, load } = setUp(['a'], ['x'], 0.1, () => held);
    await load.setSecrets(new Map([['x', [secret]]]));
    const wall = clock.now();
    clock.now = () => wall + 3_600_000;
    release(SKEW);
    expect(await load.stop()).toMatchObject({ refused: 0, cells: [{ faults: { late: 1 } }] });
  });
});

describe('percentiles', () => {
  test('are never too small and at most a tenth too large', () => {
    const durations = new Durations();
    for (let ms = 1; ms <= 1000; ms++) durations.add(ms);
    const { count, p50, p99, max } = durations.spread();
    expect(count).toBe(1000);
    expect(p50).toBeGreaterThanOrEqual(500);
    expect(p50).toBeLessThanOrEqual(550);
    expect(p99).toBeGreaterThanOrEqual(990);
    expect(p99).toBeLessThanOrEqual(1000);
    expect(max).toBe(1000);
  });

  test('of nothing are 0', () => {
    expect(new Durations().spread()).toEqual({ count: 0, p50: 0, p99: 0, max: 0 });
  });
});

test('an accepted request whose answer nothing declares inert is the last one', async () => {
  let body = '{"ok":true}';
  const { clock, sent, load } = setUp(['a', 'b'], ['x'], 10, async () => ({ ...ACCEPTED, status: 201, body }));
  await load.setSecrets(new Map([['x', [secret]]]));
  await clock.advance(40);
  body = '{"signature":"made"}';
  await clock.advance(1000);
  expect(sent.length).toBe(1);
  expect(load.harm).toEqual({ at: 'a', client: 'x', answer: '201' });
  await load.setSecrets(new Map([['x', [other]]]));
  await clock.advance(1000);
  expect(sent.length).toBe(1);
});
