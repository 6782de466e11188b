import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { type KnownClient, planVector, type VectorFleet } from '../../src/probe/vector-plan.ts';
import { readVectors, type VectorFile, type VectorStep, vectorJsonSchema } from '../../src/probe/vectors.ts';

const OWN = 'spec/signer-auth-v1.json';
const text = readFileSync(OWN, 'utf8');
const own = readVectors(text, OWN);
const NOW = own.defaults.nowMs;

function client(id: string, ...generations: ('current' | 'next')[]): KnownClient {
  return {
    id,
    accepted: generations.map((generation) => ({ generation, secret: Secret.fromText(`${id} ${generation}`) })),
  };
}

const FLEET: VectorFleet = {
  clients: [client('live-a', 'current')],
  maxAgeMs: 60_000,
  marginMs: 2000,
  mtlsRequired: true,
};
const STEP: VectorStep = {
  clientId: 'client-a',
  timestamp: NOW,
  nonce: 'f'.repeat(32),
  rawBody: '{}',
  isMtlsAuthenticated: true,
  signWithSecret: 'one',
  expect: { ok: true },
};

function plan(steps: Partial<VectorStep>[], fleet: Partial<VectorFleet> = {}, secrets: string[] = ['one']) {
  const vector = {
    id: 'v',
    description: '',
    clientsById: { 'client-a': { hmacSecrets: secrets } },
    steps: steps.map((step) => ({ ...STEP, ...step })),
  };
  return planVector(own, vector, { ...FLEET, ...fleet });
}

function first(steps: Partial<VectorStep>[], fleet: Partial<VectorFleet> = {}, secrets?: string[]) {
  const planned = plan(steps, fleet, secrets);
  if (!planned.runnable) throw new Error(planned.reason);
  const [step] = planned.steps;
  if (step === undefined) throw new Error('no steps');
  return step;
}

describe('our own file', () => {
  it('has the eight ids', () => {
    expect(own.vectors.map(({ id }) => id)).toEqual([
      'valid_hmac_mtls_single_use',
      'replay_nonce_rejected',
      'timestamp_skew_rejected',
      'mtls_required_rejected',
      'rotated_secret_accepted',
      'invalid_hmac_rejected',
      'unknown_client_rejected',
      'invalid_signature_format_rejected',
    ]);
  });

  it('is described by the schema beside it, which is the one that it is read with', () => {
    expect(JSON.parse(readFileSync('spec/signer-auth-v1.schema.json', 'utf8'))).toEqual(vectorJsonSchema());
  });
});

describe('a file that is not right is refused with its place', () => {
  const change = (edit: (file: Record<string, unknown>) => void): string => {
    const copy = JSON.parse(text);
    edit(copy);
    return JSON.stringify(copy, null, 2);
  };
  it.each<[string, string, RegExp]>([
    ['not JSON', '{"spec": ', /./],
    ['a duplicate key', text.replace('"version"', '"spec"'), /twice/],
    ['an unknown key', change((file) => Object.assign(file, { vektors: [] })), /vektors/],
    ['another spec', change((file) => Object.assign(file, { spec: 'signer-auth-v2' })), /spec/],
    ['no vectors', change((file) => Object.assign(file, { vectors: [] })), /vectors/],
    [
      'an id twice',
      change((file) => Object.assign(file, { vectors: [own.vectors[0], own.vectors[0]] })),
      /an id of its own/,
    ],
    ['no steps', change((file) => Object.assign(file, { vectors: [{ ...own.vectors[0], steps: [] }] })), /steps/],
    [
      'a step with nothing to sign with',
      change((file) =>
        Object.assign(file, { vectors: [{ ...own.vectors[0], steps: [{ ...STEP, signWithSecret: undefined }] }] }),
      ),
      /signWithSecret or overrideSignature/,
    ],
    ['a secret as a number', text.replace('"vector-secret-current', '7, "x'), /./],
  ])('%s', (_what, content, message) => {
    expect(() => readVectors(content, 'other.json')).toThrow(message);
    try {
      readVectors(content, 'other.json');
    } catch (error) {
      expect(error).toMatchObject({ at: { file: 'other.json' } });
    }
  });
});

describe('translating a vector to a fleet', () => {
  it('the n-th secret is the n-th accepted generation, any other a wrong one', () => {
    const overlap = { clients: [client('live-a', 'current', 'next')] };
    const secrets = ['one', 'two'];
    const [current, next] = overlap.clients[0]?.accepted ?? [];
    expect(first([{ signWithSecret: 'one' }], overlap, secrets).secret).toBe(current?.secret);
    expect(first([{ signWithSecret: 'two' }], overlap, secrets).secret).toBe(next?.secret);
    expect(first([{ signWithSecret: 'three' }], overlap, secrets).secret).toBeUndefined();
  });

  it('after a retirement the first secret is next', () => {
    const retired = { clients: [client('live-a', 'next')] };
    expect(first([{}], retired).secret).toBe(retired.clients[0]?.accepted[0]?.secret);
  });

  it('an unknown id becomes a fresh one, and keeps the secret that it is signed with', () => {
    const step = first([{ clientId: 'nobody', expect: { ok: false, errorCode: 'AUTH_INVALID_CLIENT' } }]);
    expect(step).toMatchObject({ client: undefined, secret: FLEET.clients[0]?.accepted[0]?.secret });
  });

  it('listed clients stand for the fleet’s, and one’s secret under another’s id stays a crossing', () => {
    const vector = {
      id: 'cross',
      description: '',
      clientsById: { x: { hmacSecrets: ['one'] }, y: { hmacSecrets: ['uno'] } },
      steps: [
        {
          ...STEP,
          clientId: 'y',
          signWithSecret: 'one',
          expect: { ok: false as const, errorCode: 'AUTH_INVALID_HMAC' },
        },
      ],
    };
    const clients = [client('live-a', 'current'), client('live-b', 'current')];
    const planned = planVector(own, vector, { ...FLEET, clients });
    expect(planned).toMatchObject({
      runnable: true,
      steps: [{ client: 'live-b', secret: clients[0]?.accepted[0]?.secret }],
    });
    expect(planVector(own, vector, FLEET)).toMatchObject({
      runnable: false,
      reason: 'it needs 2 clients, there are 1',
    });
  });

  it.each([
    ['f'.repeat(16), { named: 'f'.repeat(16), bytes: 16 }],
    ['f'.repeat(256), { named: 'f'.repeat(256), bytes: 256 }],
    ['f'.repeat(15), { literal: 'f'.repeat(15) }],
    ['f'.repeat(257), { literal: 'f'.repeat(257) }],
    [`${'f'.repeat(20)}.`, { literal: `${'f'.repeat(20)}.` }],
    ['é'.repeat(8), { named: 'é'.repeat(8), bytes: 16 }],
  ])('nonce %#: what the protocol forbids is sent as it is', (nonce, expected) => {
    expect(first([{ nonce }]).nonce).toEqual(expected);
  });

  it.each([
    ['now', NOW, 0],
    ['well inside', NOW - 30_000, -30_000],
    ['just inside, kept inside', NOW - 60_000, -58_000],
    ['just outside, kept outside', NOW + 60_001, 62_000],
    ['far outside', NOW - 3_600_000, -3_600_000],
    ['as text', String(NOW + 10), 10],
    ['not a number', 'soon', 'soon'],
    ['empty', '', ''],
    ['negative', '-1', '-1'],
  ])('a timestamp %s', (_what, timestamp, expected) => {
    expect(first([{ timestamp, expect: { ok: false, errorCode: 'AUTH_TIMESTAMP_SKEW' } }]).timestamp).toBe(expected);
  });

  it.each<[string, Partial<VectorStep>, Partial<VectorFleet>, RegExp]>([
    [
      'an overlap outside one',
      {},
      { clients: [client('live-a', 'current')] },
      /needs an overlap: it lists 2 secrets, live-a has 1/,
    ],
    [
      'a wider window',
      { timestamp: NOW - 45_000 },
      { maxAgeMs: 30_000 },
      /another window: the vector's is 60000 ms, the fleet's 30000 ms/,
    ],
    ['a narrower window', { timestamp: NOW - 70_000 }, { maxAgeMs: 90_000 }, /another window/],
    ['another path', { path: '/v2' }, {}, /another path/],
    ['a finished signature', { overrideSignature: 'ab' }, {}, /finished signature/],
    [
      'a code from inside',
      { expect: { ok: false, errorCode: 'INTERNAL_ERROR' } },
      {},
      /INTERNAL_ERROR cannot be brought about/,
    ],
    ['no mutual TLS', { isMtlsAuthenticated: false }, {}, /does not require client certificates/],
    [
      'mutual TLS',
      { isMtlsAuthenticated: false, expect: { ok: false, errorCode: 'AUTH_MTLS_REQUIRED' } },
      { mtlsRequired: false },
      /tls\.required is false/,
    ],
  ])('what needs %s does not apply', (what, step, fleet, reason) => {
    const planned = plan([step], fleet, what.startsWith('an overlap') ? ['one', 'two'] : ['one']);
    expect(planned).toMatchObject({ runnable: false, reason });
  });

  it('a client without a secret cannot be had live', () => {
    expect(plan([{}], {}, [])).toMatchObject({ runnable: false, reason: /without a secret/ });
  });

  it('every vector of ours runs on a fleet in an overlap, and all but one outside', () => {
    const run = (file: VectorFile, fleet: VectorFleet) =>
      file.vectors.filter((vector) => !planVector(file, vector, fleet).runnable).map(({ id }) => id);
    expect(run(own, { ...FLEET, clients: [client('live-a', 'current', 'next')] })).toEqual([]);
    expect(run(own, FLEET)).toEqual(['rotated_secret_accepted']);
  });
});
