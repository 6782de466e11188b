import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { HEADER_FLEET, WEBHOOK_FLEET } from './described-text.ts';
import { edited, SHORT_FLEET } from './fleet-text.ts';

const read = (text: string) => readFleet(text, '/f/rotctl.yaml');
const refusalOf = (text: string) => refusalFrom(() => read(text));
const SIGNS = "signs: '{id}.{timestamp}.{body}'";

describe('a fleet that describes its own scheme', () => {
  it('has the scheme in its probe, with what is left out filled in', () => {
    const { protocol, probe, replay } = read(WEBHOOK_FLEET);
    expect(protocol).toBe('described');
    expect(probe.scheme).toMatchObject({
      hash: 'sha256',
      encoding: 'base64',
      timestamp: 'seconds',
      nonce: { prefix: 'msg_', form: 'hex', digits: 32 },
      singleUse: false,
      keyId: undefined,
      between: ' ',
      weaknesses: [],
      tellsTime: true,
      secret: { before: 'whsec_', between: undefined, after: '', encoding: 'base64', digestBytes: 32, blockBytes: 64 },
    });
    expect(replay).toMatchObject({ maxAgeMs: 300_000, unsignedMs: 1000 });
  });

  it('remembers nonces where one is signed and nothing else is said', () => {
    expect(read(HEADER_FLEET).probe.scheme).toMatchObject({
      singleUse: true,
      keyId: { from: 'secret' },
      secret: { before: '', between: '.', after: '', digestBytes: 64, blockBytes: 128 },
    });
  });

  it('without a timestamp has a window of nothing, so that a drain waits for what clients hold and no more', () => {
    const bare = WEBHOOK_FLEET.replace(SIGNS, "signs: '{body}'")
      .replace(/ {4}webhook-(id|timestamp): .*\n/g, '')
      .replace('  timestamp: seconds\n', '')
      .replace('restart: [c] }', 'restart: [c] }, atRest: 7s');
    const fleet = read(bare);
    expect(fleet.replay.maxAgeMs).toBe(0);
    expect(fleet.clients[0]?.atRestMs).toBe(7000);
  });
});

type Row = readonly [
  what: string,
  from: string,
  to: string,
  message: string | RegExp,
  at?: { line: number; column: number },
];

const TEMPLATES: readonly Row[] = [
  [
    'an unknown placeholder',
    '{body}',
    '{bdy}',
    /^scheme\.signs: \{bdy\} is not known; did you mean \{body\}/,
    { line: 6, column: 28 },
  ],
  [
    'a placeholder of another world',
    '{body}',
    '{payload}',
    /\{payload\} is not known; known are \{method\}, /,
    { line: 6, column: 28 },
  ],
  ['a brace that is left open', '{body}', '{body', /has a \{ without its \}/, { line: 6, column: 28 }],
  ['a brace that closes nothing', '{body}', 'body}', /has a \} without its \{/, { line: 6, column: 27 }],
  [
    'the signature in what is signed',
    '{body}',
    '{signature}',
    /\{signature\} cannot be signed itself/,
    { line: 6, column: 28 },
  ],
  [
    'the body in a header',
    "'v1,{signature}'",
    "'v1,{signature}{body}'",
    /^scheme\.headers\.webhook-signature: \{body\} cannot stand in what is sent/,
    { line: 10, column: 39 },
  ],
  [
    'parts without a separator',
    '{id}.{timestamp}',
    '{id}{timestamp}',
    /\{id\} and \{timestamp\} can be shifted into each other, because nothing stands between them/,
    { line: 6, column: 11 },
  ],
  [
    'a separator that a part may hold',
    '{id}.{timestamp}',
    '{id}-{timestamp}',
    /\{id\} and \{timestamp\} can be shifted .*"-" between them may stand in \{id\} too.*accepts: \[\{ check: scheme\.sound/,
    { line: 6, column: 11 },
  ],
  [
    'a header that is signed and not sent',
    '{body}',
    '{header:x-date}',
    /\{header:x-date\} is signed, and headers has no x-date/,
    { line: 6, column: 28 },
  ],
  [
    'a field that the body lacks',
    '{body}',
    '{field:amount}',
    /\{field:amount\} is signed, and neither probe\.body nor fields has amount/,
    { line: 6, column: 28 },
  ],
  [
    'a client id that is signed and not sent',
    '{body}',
    '{client}',
    /\{client\} is signed, and no header or field carries it/,
    { line: 6, column: 28 },
  ],
];

const PARTS: readonly Row[] = [
  [
    'no scheme',
    'scheme:\n',
    'x-scheme:\n',
    /x-scheme: is not a known key|protocol: described needs a scheme beside it/,
  ],
  [
    'no unit of time',
    '  timestamp: seconds\n',
    '',
    /^scheme: needs timestamp: seconds, milliseconds or iso8601, because \{timestamp\} is used/,
  ],
  [
    'no signature that is sent',
    'v1,{signature}',
    'v1',
    /must have \{signature\} once, in one header or field; it stands in 0 places/,
  ],
  ['two of them', "webhook-id: '{id}'", "webhook-id: '{id}{signature}'", /it stands in 2 places/],
  [
    'a time that is sent and not signed',
    '{id}.{timestamp}.{body}',
    '{id}.{body}',
    /\{timestamp\} is sent and not signed: whoever captures a request/,
  ],
  ['a header that rotctl sets', 'webhook-id:', 'User-Agent:', /is a header that rotctl sets itself/],
  ['a secret without a key', "form: 'whsec_{key}'", 'form: whsec_', /must have \{key\} in it/],
  [
    'no rule for what is accepted',
    'outcome: ACCEPTED',
    'outcome: UNKNOWN',
    /^outcomes: needs a rule for ACCEPTED, .* such as \{ when: \{ status: 200 \}, outcome: ACCEPTED \}/,
  ],
  [
    'no rule for a wrong signature',
    'outcome: AUTH_INVALID_HMAC',
    'outcome: UNKNOWN',
    /^outcomes: needs a rule for AUTH_INVALID_HMAC/,
  ],
  [
    'no rule for a replay',
    '  singleUse: false\n',
    '',
    /needs a rule for REPLAY_NONCE_USED.*say scheme\.singleUse: false/,
  ],
  [
    'an answer to accepted probes that may have done something',
    ', inert: [{ status: 204 }]',
    '',
    /^probe: needs inert: \[\{ status: 204 \}\]/,
  ],
  ['no path', 'path: /hooks, ', '', /probe: needs a path for protocol described/],
  [
    'a key id from nowhere',
    "webhook-id: '{id}'",
    "webhook-id: '{id}'\n    x-key: '{keyId}'",
    /\{keyId\} needs to come from somewhere/,
  ],
  [
    'digits of no key id',
    '  singleUse: false',
    '  singleUse: false\n  keyIdDigits: 8',
    /^scheme\.keyIdDigits: is given, and \{keyId\} stands nowhere/,
  ],
  [
    'what belongs to gates',
    'probe: { path: /hooks,',
    'probe: { path: /hooks, tool: x,',
    /probe\.tool: is only for protocol gate-v1/,
  ],
];

describe('what is wrong with a scheme is refused where it stands', () => {
  it.each([...TEMPLATES, ...PARTS].map((row) => [row[0], row] as const))('%s', (_, [, from, to, message, at]) => {
    const error = refusalOf(edited(WEBHOOK_FLEET, from, to));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(message);
    if (at !== undefined) expect(error.at).toEqual({ file: '/f/rotctl.yaml', ...at });
  });

  it('a scheme without a timestamp wants atRest of each client', () => {
    const text = WEBHOOK_FLEET.replace(SIGNS, "signs: '{body}'").replace(/ {4}webhook-(id|timestamp): .*\n/g, '');
    expect(refusalOf(text.replace('  timestamp: seconds\n', '')).message).toMatch(
      /^clients\[0\]: needs atRest, the longest time between signing a request and its last arrival/,
    );
  });

  it('single use rests on a nonce that is signed', () => {
    const text = edited(WEBHOOK_FLEET, '{id}.{timestamp}', '{timestamp}')
      .replace("    webhook-id: '{id}'\n", '')
      .replace('singleUse: false', 'singleUse: true');
    expect(refusalOf(text).message).toMatch(/^scheme\.singleUse: needs \{nonce\} \(or \{id\}\) in signs/);
  });

  it('a scheme is for protocol described alone', () => {
    const scheme = "scheme: { signs: '{body}', headers: { s: '{signature}' } }\n";
    expect(refusalOf(`${SHORT_FLEET}${scheme}`).message).toMatch(/^scheme: is only for protocol described/);
  });

  it('what a scheme lets through by its design is read where its owner has accepted it', () => {
    const accepts = 'accepts: [{ check: scheme.sound, reason: it has always been so, owner: hooks }]\n';
    const { probe } = read(edited(WEBHOOK_FLEET, '{id}.{timestamp}', '{id}{timestamp}') + accepts);
    expect(probe.scheme?.weaknesses).toHaveLength(1);
  });
});

describe('a template has one reading', () => {
  const BEFORE = 'signs: "{method}\\n{target}\\n{timestamp}\\n{nonce}\\n{keyId}\\n{bodySha256}"';
  it.each([
    ['dots around a path, with a digest at the end', '{timestamp}.{nonce}.{method}.{path}.{bodySha256}', true],
    ['digits before letters before a path', '{timestamp}{method}{path}|{nonce}|{keyId}', true],
    ['a digest, which has one length', '{nonce}|{bodySha256}{timestamp}', true],
    ['line breaks', '{method}\\n{path}\\n{query}\\n{nonce}\\n{timestamp}\\n{body}', true],
    ['a path and a query that share a separator', '{timestamp}&{nonce}&{path}&{query}', false],
    ['a body that something follows', '{nonce}:{body}:{timestamp}', true],
    ['two bodies of any text', '{nonce}:{body}:{header:content-type}:{timestamp}', false],
    ['a time that any nonce could end with', '{nonce}{timestamp}{body}', false],
    ['a client id that has the separator in it', '{client}o{nonce}|{timestamp}', false],
    ['a client id that has not', '{client}.{nonce}|{timestamp}', true],
  ])('%s: %s', (_, signs, sound) => {
    const text = edited(HEADER_FLEET, BEFORE, `signs: "${signs}"`);
    const accepts = 'accepts: [{ check: scheme.sound, reason: r, owner: o }]\n';
    const weaknesses = read(text + accepts).probe.scheme?.weaknesses ?? [];
    expect(weaknesses.filter((one) => one.includes('shifted')).length).toBe(sound ? 0 : 1);
  });
});
