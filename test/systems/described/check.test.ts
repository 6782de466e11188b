import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Ended } from '../foreign/rotctl-run.ts';
import { type DescribedFleet, type Options, type Service, startDescribed } from './fleet.ts';

/** What went wrong, as `check on target`. */
function failed({ result }: Ended): string[] {
  return result.checks.filter(({ verdict }) => verdict === 'fail').map(({ id, target }) => `${id} on ${target}`);
}

const undecided = ({ result }: Ended) =>
  result.checks
    .filter(({ verdict }) => verdict === 'unknown')
    .map(({ id, target, reason }) => ({ id, target, reason }));

const reasonOf = ({ result }: Ended, id: string) => result.checks.find((check) => check.id === id);

interface Row {
  /** Words in the fault files of replicas 2 and 3. */
  readonly planted: readonly [string, string];
  /** The checks that must fail on each, and no other may. */
  readonly found: readonly [readonly string[], readonly string[]];
  /** What must fail beside that, with its target. */
  readonly beside?: readonly string[];
}

function named(service: Service, found: Row['found']): string[] {
  return found.flatMap((ids, index) => ids.map((id) => `${id} on ${service}-${index + 2}`));
}

/** By what a replica shows that shares its nonces with none of the others, and where that shows beside it. */
const ALONE = ['replay.cross-replica', 'replay.secrets', 'replay.after-ttl'];
const BESIDE = ['replay.concurrent on fleet', 'replay.balancer on balancer'];

/** A fleet of three, and what every one of its replicas has planted in any case. */
function suite(service: Service, always: string, options: Options, rows: readonly Row[]): void {
  let fleet: DescribedFleet;
  beforeAll(async () => {
    fleet = await startDescribed(service, { replicas: 3, ...options });
    for (const replica of [1, 2, 3]) fleet.plant(replica, always);
  }, 60_000);
  afterEach(() => {
    for (const replica of [2, 3]) fleet.plant(replica, always);
  });
  afterAll(() => fleet?.stop(), 60_000);

  test('a sound fleet passes, twice in a row', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const ended = await fleet.rotctl('check');
      expect([failed(ended), undecided(ended)]).toEqual([[], []]);
      expect([ended.code, ended.result.verdict]).toEqual([0, 'pass']);
    }
  }, 120_000);

  test.each(rows)(
    'each fault is named on the replica that has it: $planted',
    async ({ planted, found, beside = [] }) => {
      for (const [index, words] of planted.entries()) fleet.plant(index + 2, always, words);
      const ended = await fleet.rotctl('check');
      expect(failed(ended).toSorted()).toEqual([...named(service, found), ...beside].toSorted());
      expect([ended.code, ended.result.verdict]).toEqual([1, 'fail']);
    },
    120_000,
  );
}

describe('receivers of Standard Webhooks that remember nothing', () => {
  suite('hooks', 'forgets', {}, [
    {
      planted: ['any-signature', 'no-time'],
      found: [
        [
          'control.wrong-secret',
          'control.empty-key',
          'control.development-secret',
          'control.unsigned',
          'control.tampered-body',
          'control.tampered-fields',
          'control.signature-exact',
          'scheme.valid-accepted',
          'scheme.any-signature',
          'scheme.stale-refused',
        ],
        ['clock.window', 'scheme.stale-refused'],
      ],
    },
    {
      planted: ['reserialises', 'past-only'],
      found: [['control.tampered-body'], ['clock.window', 'scheme.stale-refused']],
    },
    { planted: ['empty-key', 'first-signature-only'], found: [['control.empty-key'], ['scheme.any-signature']] },
  ]);
});

describe('receivers of Standard Webhooks that remember ids in Redis', () => {
  suite('hooks', '', { remembers: true }, [
    {
      planted: ['own-memory', ''],
      found: [ALONE, []],
      beside: BESIDE,
    },
    {
      planted: ['forgets', ''],
      found: [['replay.same-replica', 'replay.concurrent', 'replay.window-end', ...ALONE], []],
      beside: BESIDE,
    },
  ]);
});

/** Nothing in an answer says why it refuses: as many receivers of webhooks do. */
const WORDLESS = (text: string) =>
  text
    .replace('body: ^No matching signature found$', 'body: ^no$')
    .replace(/ {2}- \{ when: \{ status: 401, body: \^Me.*\n/, '')
    .replace(/ {2}- \{ when: \{ status: 401, body: \^Mi.*\n/, '');

describe('receivers that say nothing of why they refuse', () => {
  suite('hooks', 'forgets says-nothing', { edit: WORDLESS }, [
    {
      planted: ['no-time', 'reserialises'],
      found: [['clock.window', 'scheme.stale-refused'], ['control.tampered-body']],
    },
  ]);
});

describe('a header scheme with a time, a nonce, a caller and a key id', () => {
  suite('orders', '', {}, [
    { planted: ['trusts-digest', 'crosses-callers'], found: [['control.tampered-body'], ['control.foreign-secret']] },
    {
      planted: ['no-time', 'ignores-query'],
      found: [['clock.window', 'scheme.stale-refused'], ['control.tampered-request']],
    },
    { planted: ['any-key', 'burns-first'], found: [['scheme.unknown-client'], ['replay.refused-burns-nothing']] },
    {
      planted: ['unsigned', 'own-memory'],
      found: [['control.unsigned'], ALONE],
      beside: BESIDE,
    },
    { planted: ['waives-time', 'folds-caller'], found: [['control.unsigned'], ['replay.nonce-spelling']] },
    {
      planted: ['any-caller', ''],
      found: [['scheme.unknown-client', 'control.foreign-secret', 'replay.nonce-spelling'], []],
    },
  ]);

  test('a service that looks at the signature before the time is as sound as any', async () => {
    const fleet = await startDescribed('orders');
    try {
      for (const replica of [1, 2]) fleet.plant(replica, 'signature-first');
      const ended = await fleet.rotctl('check');
      expect([failed(ended), undecided(ended), ended.code]).toEqual([[], [], 0]);
    } finally {
      await fleet.stop();
    }
  }, 60_000);

  test('an answer that no rule matches is unknown, and says what to write a rule for', async () => {
    const edit = (text: string) => text.replace(/ {2}- \{ when: .*\^caller\$.*\n/, '');
    const fleet = await startDescribed('orders', { edit });
    try {
      const ended = await fleet.rotctl('check');
      expect(ended.code).toBe(12);
      expect(reasonOf(ended, 'scheme.unknown-client')).toMatchObject({
        verdict: 'unknown',
        reason: expect.stringContaining('401 "{"why":"caller"}", for which outcomes has no rule'),
      });
    } finally {
      await fleet.stop();
    }
  }, 60_000);
});

describe('receivers of signed bodies, without a time or a nonce', () => {
  suite('hub', 'forgets', {}, [{ planted: ['rewrites', ''], found: [['control.tampered-body'], []] }]);

  test('what the scheme lacks is not looked at, and the report says what is lost', async () => {
    const fleet = await startDescribed('hub');
    try {
      const ended = await fleet.rotctl('check');
      for (const [id, lost] of [
        ['clock.window', 'a captured request never grows old'],
        ['replay.same-replica', 'a captured request can be sent again at any time'],
        ['control.tampered-request', 'a captured request can be sent to another route'],
        ['control.foreign-secret', 'nothing tells the clients apart'],
      ] as const) {
        expect(reasonOf(ended, id)).toMatchObject({ verdict: 'not-applicable', reason: expect.stringContaining(lost) });
      }
    } finally {
      await fleet.stop();
    }
  }, 60_000);
});
