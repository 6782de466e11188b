import type { Verdict } from '../../src/errors/verdict.ts';
import type { CheckContext } from '../../src/probe/checks/check.ts';
import type { Random } from '../../src/probe/ports.ts';
import { GATE_IDS, GATE_SECRETS, type GateFields, type GateKnobs } from '../support/mini-gate.ts';

/** What is wrong with one gate, and what the check must say of it. */
export interface Row {
  readonly check: string;
  readonly what: string;
  /** Of every gate: what it is configured with, and so does. */
  readonly all?: Partial<GateKnobs>;
  /** Of the last gate alone. */
  readonly broken: Partial<GateKnobs>;
  readonly verdict: Exclude<Verdict, 'pass'>;
  readonly reason: RegExp;
  readonly context?: Partial<CheckContext>;
}

const KEYS = [
  { id: GATE_IDS.next, secret: GATE_SECRETS.next },
  { id: GATE_IDS.current, secret: GATE_SECRETS.current },
];
const [onlyNext, onlyCurrent] = [KEYS.slice(0, 1), KEYS.slice(1)];
const refusesAll: Partial<GateKnobs> = { keys: [] };
/** Key ids that gates are told to refuse. */
export const REVOKED = ['k-gone', 'v1'];
const fails = (text: string): Partial<GateKnobs> => ({ words: (_, status) => ({ status, body: { detail: text } }) });
/** Always the same digits: a gate can be made that takes exactly these. */
const constant: Random = { hex: (bytes) => 'ab'.repeat(bytes) };
const also = (change: (fields: GateFields) => Partial<GateFields>): Partial<GateKnobs> => ({
  alsoSigned: (fields) => [{ ...fields, ...change(fields) }],
});
/** Seconds up to ten before: a gate that looks at the time of another field. */
const anySecond: Partial<GateKnobs> = {
  alsoSigned: (fields) => Array.from({ length: 10 }, (_, n) => ({ ...fields, seconds: fields.seconds - n })),
};

/** What a gate must accept and refuse by its checklist. */
export const GATE_ROWS: readonly Row[] = [
  {
    check: 'gate.valid-accepted',
    what: 'knows the next secret alone',
    broken: { keys: onlyNext },
    verdict: 'fail',
    reason: /^current: 401 invalid request signature$/,
  },
  {
    check: 'gate.valid-accepted',
    what: 'knows the current secret alone',
    broken: { keys: onlyCurrent },
    verdict: 'fail',
    reason: /^next: 401 invalid request signature$/,
  },
  {
    check: 'gate.valid-accepted',
    what: 'enforces key ids, and knows the previous secret under the default one',
    broken: { strict: true, keys: [...onlyNext, { id: 'v0', secret: GATE_SECRETS.current }] },
    verdict: 'fail',
    reason: /^current: 401 invalid request signature$/,
  },
  {
    check: 'gate.valid-accepted',
    what: 'revokes a key id that is in force',
    broken: { revoked: [GATE_IDS.current] },
    verdict: 'fail',
    reason: /^current: 401 invalid request signature$/,
  },
  {
    check: 'gate.valid-accepted',
    what: 'does not trust the session of the probe',
    broken: { untrusted: true },
    verdict: 'unknown',
    reason: /^current: 401 Session not trusted \(the probe's session is not trusted/,
  },
  {
    check: 'gate.valid-accepted',
    what: 'has no secret, and says 500',
    broken: { ...refusesAll, words: () => ({ status: 500, body: { detail: 'internal error' } }) },
    verdict: 'unknown',
    reason: /^current: 500 internal error/,
  },
  {
    check: 'gate.any-signature',
    what: 'looks at the first signature alone',
    broken: { looksAt: 'first' },
    verdict: 'fail',
    reason: /^a wrong one and current: 401 invalid request signature$/,
  },
  {
    check: 'gate.any-signature',
    what: 'takes two signatures for a proof, whatever they are',
    broken: { looksAt: 'none-of-several' },
    verdict: 'fail',
    reason: /^two wrong ones: was accepted$/,
  },
  {
    check: 'gate.any-signature',
    what: 'refuses in words of its own',
    broken: fails('signature mismatch'),
    verdict: 'unknown',
    reason: /^two wrong ones: 401 signature mismatch/,
  },
  {
    check: 'gate.key-id-bound',
    what: 'is told to enforce key ids, and does not',
    all: { strict: true },
    broken: { strict: false },
    verdict: 'fail',
    reason: /^a right signature under k-nobody: was accepted$/,
  },
  {
    check: 'gate.key-id-bound',
    what: 'enforces known key ids, and lets each secret sign under the other’s',
    all: { strict: true },
    broken: {
      leftover: [
        { id: GATE_IDS.next, secret: GATE_SECRETS.current },
        { id: GATE_IDS.current, secret: GATE_SECRETS.next },
      ],
    },
    verdict: 'fail',
    reason: new RegExp(`^a right signature under ${GATE_IDS.next}: was accepted$`),
  },
  {
    check: 'gate.key-id-bound',
    what: 'still knows a secret under a default key id',
    all: { strict: true },
    broken: { leftover: [{ id: 'v0', secret: GATE_SECRETS.next }] },
    verdict: 'fail',
    reason: /^a right signature under v0: was accepted$/,
  },
  {
    check: 'gate.key-id-bound',
    what: 'refuses everything, and so binds nothing that could be seen',
    all: { strict: true },
    broken: refusesAll,
    verdict: 'unknown',
    reason: /^a valid request was not accepted here either: 401 invalid request signature$/,
  },
  {
    check: 'gate.key-id-bound',
    what: 'was not read',
    all: { strict: true },
    broken: {},
    context: { gates: new Map([['gate-a', { strict: true, revoked: [] }]]) },
    verdict: 'unknown',
    reason: /^its configuration was not read$/,
  },
  {
    check: 'gate.revoked-refused',
    what: 'revokes nothing',
    all: { revoked: REVOKED },
    broken: { revoked: [] },
    verdict: 'fail',
    reason: /^a right signature under k-gone: was accepted$/,
  },
  {
    check: 'gate.revoked-refused',
    what: 'revokes the first of two alone',
    all: { revoked: REVOKED },
    broken: { revoked: REVOKED.slice(0, 1) },
    verdict: 'fail',
    reason: /^a right signature under v1: was accepted$/,
  },
  {
    check: 'gate.revoked-refused',
    what: 'answers with a replay, which is no refusal of a signature',
    all: { revoked: REVOKED },
    broken: { words: () => ({ status: 409, body: { detail: 'replay detected' } }) },
    verdict: 'unknown',
    reason: /^a right signature under k-gone: REPLAY_NONCE_USED twice for nonces never sent/,
  },
  {
    check: 'gate.stale-refused',
    what: 'looks at no time',
    broken: { checksTime: 'none' },
    verdict: 'fail',
    reason: /^a time in the past: was accepted$/,
  },
  {
    check: 'gate.stale-refused',
    what: 'takes any time ahead',
    broken: { checksTime: 'past' },
    verdict: 'fail',
    reason: /^a time ahead: was accepted$/,
  },
  {
    check: 'gate.stale-refused',
    what: 'has a window of an hour',
    broken: { maxAgeMs: 3_600_000 },
    verdict: 'fail',
    reason: /^a time in the past: was accepted$/,
  },
  {
    check: 'gate.stale-refused',
    what: 'refuses for the signature, which says nothing of the time',
    broken: { words: () => ({ status: 401, body: { detail: 'invalid request signature' } }) },
    verdict: 'unknown',
    reason: /^a time in the past: 401 invalid request signature$/,
  },
];

/** What no gate may accept. */
export const CONTROL_ROWS: readonly Row[] = [
  {
    check: 'control.wrong-secret',
    what: 'does not require signatures',
    broken: { required: false },
    verdict: 'fail',
    reason: /^langgraph: wrong secret was accepted$/,
  },
  {
    check: 'control.wrong-secret',
    what: 'looks at key ids and at no digest',
    broken: { strict: true, digestIgnored: true },
    verdict: 'fail',
    reason: /^langgraph: wrong secret was accepted$/,
  },
  {
    check: 'control.empty-key',
    what: 'has an empty previous secret',
    broken: { keys: [...KEYS, { id: 'v0', secret: '' }] },
    verdict: 'fail',
    reason: /^langgraph: empty key was accepted$/,
  },
  {
    check: 'control.empty-key',
    what: 'enforces key ids, and has an empty secret under the one in force',
    broken: { strict: true, keys: [...KEYS, { id: GATE_IDS.current, secret: '' }] },
    verdict: 'fail',
    reason: /^langgraph: empty key was accepted$/,
  },
  {
    check: 'control.development-secret',
    what: 'has a secret from an example beside its own',
    broken: { keys: [...KEYS, { id: 'v0', secret: 'changeme' }] },
    verdict: 'fail',
    reason: /^langgraph: "changeme" was accepted$/,
  },
  {
    check: 'control.unsigned',
    what: 'accepts requests without a signature',
    broken: { unsignedAccepted: true },
    verdict: 'fail',
    reason: /^langgraph: no signature was accepted$/,
  },
  ...(
    [
      ['without a timestamp', ['ts']],
      ['without a nonce', ['nonce']],
      ['without a timestamp and a nonce', ['ts', 'nonce']],
    ] as const
  ).map(
    ([lacking, waivedWithout]): Row => ({
      check: 'control.unsigned',
      what: `accepts requests ${lacking}`,
      broken: { waivedWithout },
      verdict: 'fail',
      reason: new RegExp(`^langgraph: a request ${lacking}, under a made-up signature, was accepted$`),
    }),
  ),
  {
    check: 'control.unsigned',
    what: 'lets pass what lacks a nonce, and answers an unsigned request with its schema',
    broken: {
      waivedWithout: ['nonce'],
      words: (detail, status) =>
        status === 401 ? { status: 422, body: { detail: [] } } : { status, body: { detail } },
    },
    verdict: 'fail',
    reason: /^langgraph: a request without a nonce, under a made-up signature, was accepted$/,
  },
  {
    check: 'control.unsigned',
    what: 'answers an unsigned request with its schema',
    broken: {
      words: (detail, status) =>
        status === 401 ? { status: 422, body: { detail: [] } } : { status, body: { detail } },
    },
    verdict: 'unknown',
    reason: /^langgraph: no signature: 422 without a text/,
  },
  {
    check: 'control.tampered-fields',
    what: 'does not cover the actor',
    broken: also(() => ({ actor: 'somebody-else' })),
    verdict: 'fail',
    reason: /^langgraph: a signature for another actor was accepted$/,
  },
  {
    check: 'control.tampered-fields',
    what: 'does not cover the nonce',
    broken: also(() => ({ nonce: 'ab'.repeat(16) })),
    context: { random: constant },
    verdict: 'fail',
    reason: /^langgraph: a signature for another nonce was accepted$/,
  },
  {
    check: 'control.tampered-fields',
    what: 'does not cover the time',
    broken: anySecond,
    verdict: 'fail',
    reason: /^langgraph: a signature for another second was accepted$/,
  },
  {
    check: 'control.signature-exact',
    what: 'takes what stands behind a signature',
    broken: { compares: 64 },
    verdict: 'fail',
    reason: /^langgraph: a valid signature with "zz" appended was accepted$/,
  },
  {
    check: 'control.signature-exact',
    what: 'compares all digits but the last',
    broken: { compares: 63 },
    verdict: 'fail',
    reason: /^langgraph: a valid signature with "zz" appended was accepted$/,
  },
  ...['control.wrong-secret', 'control.empty-key', 'control.development-secret', 'control.unsigned'].map(
    (check): Row => ({
      check,
      what: 'refuses everything',
      broken: refusesAll,
      verdict: 'unknown',
      reason: /^langgraph: refused, but a valid request was not accepted here either: 401 invalid/,
    }),
  ),
  ...['control.tampered-fields', 'control.signature-exact'].map(
    (check): Row => ({
      check,
      what: 'refuses in words of its own',
      broken: fails('signature mismatch'),
      verdict: 'unknown',
      reason: /: 401 signature mismatch/,
    }),
  ),
];
