import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { type DescribedFleet, type Options, type Service, startDescribed } from './fleet.ts';

async function start(
  { onTestFinished }: TestContext,
  service: Service,
  options: Options = {},
): Promise<DescribedFleet> {
  const fleet = await startDescribed(service, { clients: true, ...options });
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

/** What a command came to, in few words: enough to see what went wrong. */
const endOf = ({ code, result }: Awaited<ReturnType<DescribedFleet['rotctl']>>) => ({
  code,
  verdict: result.verdict,
  error: result.error?.message,
});
const DONE = { code: 0, verdict: 'pass', error: undefined };

interface Row {
  readonly service: Service;
  readonly options: Options;
  readonly clients: readonly string[];
  /** What a secret of theirs looks like. */
  readonly form: RegExp;
}

const ROWS: readonly Row[] = [
  {
    service: 'hooks',
    options: {},
    clients: ['billing'],
    form: /^whsec_[A-Za-z0-9+/]{43}=$/,
  },
  {
    service: 'hooks',
    options: { remembers: true, replicas: 3 },
    clients: ['billing'],
    form: /^whsec_[A-Za-z0-9+/]{43}=$/,
  },
  {
    service: 'orders',
    options: {},
    clients: ['shop', 'app'],
    form: /^[0-9a-f]{8}\.[0-9a-f]{64}$/,
  },
  {
    service: 'hub',
    options: {},
    clients: ['billing'],
    form: /^[0-9a-f]{64}$/,
  },
];

describe.concurrent('a fleet that describes its own scheme is rotated without a refused request', () => {
  test.each(ROWS)(
    '$service $options: overlap, then retire, and the old secret is dead',
    async ({ service, options, clients, form }) => {
      const fleet = await startDescribed(service, { clients: true, ...options });
      try {
        const before = clients.map((client) => fleet.stored(1, client));
        expect(endOf(await fleet.rotctl('overlap'))).toEqual(DONE);
        for (const [index, client] of clients.entries()) {
          const listed = fleet.stored(2, client);
          expect(listed).toHaveLength(2);
          expect(listed[0]).toBe(before[index]?.[0]);
          expect(listed[1]).toMatch(form);
        }
        expect(endOf(await fleet.rotctl('retire', '--wait'))).toEqual(DONE);
        for (const [index, client] of clients.entries()) {
          const left = fleet.stored(1, client);
          expect(left).toHaveLength(1);
          expect(left[0]).not.toBe(before[index]?.[0]);
          const { sent, accepted, refused } = fleet.tally(client);
          expect(refused).toEqual({});
          expect(accepted).toBeGreaterThan(sent * 0.7);
        }
        expect(endOf(await fleet.rotctl('check'))).toEqual(DONE);
        const secrets = clients.flatMap((client, index) => [...fleet.stored(1, client), ...(before[index] ?? [])]);
        const written = readFileSync(join(fleet.home, 'rotation-ledger.yaml'), 'utf8');
        expect(secrets.filter((secret) => written.includes(secret) || written.includes(secret.slice(8)))).toEqual([]);
      } finally {
        await fleet.stop();
      }
    },
    240_000,
  );
});

describe('what a rotation of a described fleet does when something is wrong', () => {
  test('a replica that keeps its first secret alone is noticed while it is the only one that was touched', async (context) => {
    const fleet = await start(context, 'hooks', { replicas: 2 });
    fleet.plant(1, 'forgets', 'first-secret-only');
    const before = fleet.stored(2, 'billing');
    const { code, result } = await fleet.rotctl('overlap');
    expect([code, result.verdict]).toEqual([10, 'fail']);
    expect(fleet.stored(1, 'billing')).toEqual(before);
    expect(fleet.stored(2, 'billing')).toEqual(before);
    expect(fleet.tally('billing').refused).toEqual({});
  }, 120_000);

  test('a secret that is not of the form that the file says is refused before anything is changed', async (context) => {
    const edit = (text: string) => text.replace("form: 'whsec_{key}'", "form: 'whpre_{key}'");
    const fleet = await start(context, 'hooks', { edit });
    const { code, result } = await fleet.rotctl('overlap');
    expect([code, result.error?.message]).toEqual([2, 'current of billing: it is not of the form whpre_{key}']);
  }, 60_000);
});
