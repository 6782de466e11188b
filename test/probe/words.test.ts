import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import { checksOf } from '../../src/probe/checks/list.ts';
import { runChecks } from '../../src/probe/checks/run-checks.ts';
import type { Finding } from '../../src/probe/finding.ts';
import { createProber } from '../../src/probe/prober.ts';
import type { OutcomeCode, OutcomeRule } from '../../src/protocol/outcome.ts';
import { createTransport } from '../../src/system/transport.ts';
import { type Knobs, SECRETS } from '../support/mini-signer.ts';
import { PROBE, startFleet, type TestFleet } from './harness.ts';

const ALIKE = 'not authorised';

let fleet: TestFleet;
let transport: ReturnType<typeof createTransport>;
beforeAll(async () => {
  fleet = await startFleet(2);
  transport = createTransport({ ca: fleet.pki.ca, ...fleet.pki.client });
});
afterAll(async () => {
  await transport.close();
  await fleet.close();
});
beforeEach(() => fleet.repair());

function rule(text: string, outcome: OutcomeCode): OutcomeRule {
  return { when: { status: 401, pointer: { path: '/error', matches: new RegExp(`^${text}$`) } }, outcome };
}

/** What a fleet is checked with that has these rules. */
function ruled(outcomes: readonly OutcomeRule[]): CheckContext {
  const { clock, random } = fleet.context;
  const redact = (text: string) => text.replaceAll(SECRETS.current, '[secret]');
  const prober = createProber({ settings: PROBE, outcomes, redact, transport, clock, random, runId: 'test' });
  return fleet.with({ prober, fleet: { ...fleet.context.fleet, outcomes } });
}

function saying(words: Knobs['words'], more: Partial<Knobs> = {}): void {
  for (const { knobs } of fleet.signers) Object.assign(knobs, { words, ...more });
}

async function unknownClient(context: CheckContext): Promise<Pick<Finding, 'verdict' | 'seen'>[]> {
  const checks = checksOf({ protocol: 'keyring-v1' }).filter(({ id }) => id === 'unknown_client_rejected');
  return (await runChecks(checks, context)).map(({ verdict, seen }) => ({ verdict, seen }));
}

describe('an unknown client, at a signer that has one text for it and for a bad signature', () => {
  const ONE_TEXT = { AUTH_INVALID_CLIENT: ALIKE, AUTH_INVALID_HMAC: ALIKE };

  it('passes where no rule can tell it, and the finding says so', async () => {
    saying(ONE_TEXT);
    const found = await unknownClient(ruled([rule(ALIKE, 'AUTH_INVALID_HMAC')]));
    const seen = 'AUTH_INVALID_HMAC (no rule of outcomes tells AUTH_INVALID_CLIENT)';
    expect(found).toEqual([
      { verdict: 'pass', seen },
      { verdict: 'pass', seen },
    ]);
  });

  it.each<[string, readonly OutcomeRule[], Partial<CheckContext>]>([
    ['a rule tells it', [rule('who is that', 'AUTH_INVALID_CLIENT'), rule(ALIKE, 'AUTH_INVALID_HMAC')], {}],
    ['a file of vectors is taken to the letter', [rule(ALIKE, 'AUTH_INVALID_HMAC')], { strictVectors: true }],
  ])('fails where %s', async (_why, rules, change) => {
    saying(ONE_TEXT);
    const found = await unknownClient({ ...ruled(rules), ...change });
    expect(found.map(({ verdict, seen }) => [verdict, seen])).toEqual(Array(2).fill(['fail', 'AUTH_INVALID_HMAC']));
  });

  it('fails where it is accepted, whatever the rules', async () => {
    saying(ONE_TEXT, { checksClient: false });
    const found = await unknownClient(ruled([rule(ALIKE, 'AUTH_INVALID_HMAC')]));
    expect(found.map(({ verdict, seen }) => [verdict, seen])).toEqual(Array(2).fill(['fail', 'ACCEPTED']));
  });

  it.each<[string, readonly OutcomeRule[]]>([
    ['without rules', []],
    ['with rules of other things', [rule('no certificate', 'AUTH_MTLS_REQUIRED')]],
  ])('fails where a code is said and it is the wrong one, %s', async (_how, rules) => {
    for (const { knobs } of fleet.signers) knobs.mistakes = { AUTH_INVALID_CLIENT: 'AUTH_INVALID_HMAC' };
    expect((await unknownClient(ruled(rules))).map(({ verdict }) => verdict)).toEqual(['fail', 'fail']);
  });
});

it('an answer that no rule knows is shown in its finding, without our secrets', async () => {
  saying({ AUTH_INVALID_CLIENT: `no such client; the others have ${SECRETS.current}` });
  const checks = checksOf({ protocol: 'keyring-v1' }).filter(({ id }) => id === 'unknown_client_rejected');
  for (const { verdict, reason } of await runChecks(checks, ruled([]))) {
    expect(verdict).toBe('unknown');
    expect(reason).toContain('401 without an errorCode: "{"error":"no such client; the others have [secret]"}"');
  }
});

it('an accepted probe with a 200: the hint names a rule for a refusal, and inert for what does nothing', async () => {
  for (const { knobs } of fleet.signers)
    knobs.page = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"bad signature"}');
    };
  const error = await unknownClient(ruled([])).catch((thrown: unknown) => thrown);
  const hint = error instanceof RotctlError ? error.hint : '';
  expect(hint).toMatch(/refuses the request in words.*outcomes: \[\{ when: .* outcome: AUTH_INVALID_HMAC \}\]/);
  expect(hint).toMatch(/accepted and the service then does nothing.*probe: \{ inert: \[\{ status: 200 \}\] \}/);
});
