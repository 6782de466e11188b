import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { NAMES } from '../deploy/gate-place.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, FULL_FLEET, GATE_FLEET } from './fleet-text.ts';

const FILE = '/home/fleet/rotctl.yaml';

const refusalOf = (text: string) => refusalFrom(() => readFleet(text, FILE));

/** Line and column of a piece of the text, which must stand there once. */
function placeOf(text: string, piece: string): string {
  const [before = '', ...others] = text.split(piece);
  if (others.length !== 1) throw new Error(`"${piece}" stands there ${others.length} times`);
  const lines = before.split('\n');
  return `${FILE}:${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
}

describe('a fleet of gates', () => {
  const fleet = readFleet(GATE_FLEET, FILE);

  it('is read field by field', () => {
    expect(fleet).toMatchObject({
      protocol: 'gate-v1',
      tls: { ca: '/home/fleet/tls/ca.pem', cert: undefined, key: undefined, required: false },
      replay: { maxAgeMs: 2000, nonceTtlMs: 6000, clockErrorMs: 200, storeTimeoutMs: 250, unsignedMs: 1000 },
      logs: { refused: /invalid request signature/, own: /rotctl\//, allowed: 2 },
      accepts: [{ check: 'replay.cross-replica', reason: 'each gate has nonces of its own', owner: 'platform' }],
    });
    expect(fleet.usage).toEqual([
      {
        ...{ from: 'ledger', path: '/ledger', entries: '/entries', fingerprint: 'key-id' },
        ...{ at: '/at', client: '/actor_did', keyId: '/key_id' },
      },
    ]);
    expect(fleet.probe).toMatchObject({
      ...{ method: 'POST', path: '/gate/request', causes: 'one row in the gate ledger', deadlineMs: 1500 },
      gate: {
        ...{ tool: 'practice.noop', session: 'practice-probe', actor: 'did:practice:rotctl', conviction: 0.5 },
        params: { dry: true, depth: 3, note: 'x' },
      },
    });
  });

  it('has a place for each party, with the names of the protocol unless it says others', () => {
    const [a, b] = fleet.replicas;
    const secrets = { prefix: '/run/secrets/', folder: '/run/secrets' };
    expect(a?.deploy).toEqual({
      ...{ driver: 'env-file', path: '/home/fleet/gates/gate-a.env', variable: NAMES.secret },
      format: { kind: 'gate', names: NAMES, secretFiles: secrets },
      ...{ reload: undefined, restart: ['node', 'ctl.js', 'restart', 'gate-a'], deadlineMs: 10_000 },
    });
    expect(b?.deploy).toMatchObject({
      variable: 'GATE_SECRET',
      format: {
        kind: 'gate',
        names: { ...NAMES, secret: 'GATE_SECRET', keyIdPrev: 'GATE_OLD_ID' },
        secretFiles: { prefix: '/run/secrets/', folder: '/home/fleet/run/secrets/gate-b' },
      },
    });
    expect(fleet.replicas.map(({ log }) => log)).toEqual(['/home/fleet/logs/gate-a.log', undefined]);
    expect(fleet.templates[0]?.deploy.format).toEqual({ kind: 'gate', names: NAMES, secretFiles: secrets });
    expect(fleet.clients.map(({ id, actor, secret }) => [id, actor, secret])).toEqual([
      [
        'langgraph',
        'did:practice:langgraph',
        { from: 'dotenv', path: '/home/fleet/services/langgraph.env', variable: NAMES.secret },
      ],
      [
        'scheduler',
        'scheduler',
        { from: 'dotenv', path: '/home/fleet/services/scheduler.env', variable: NAMES.secret },
      ],
    ]);
  });

  it('has defaults for what it leaves out', () => {
    const short = GATE_FLEET.replace(/^probe: .*(?:, got |$)/m, 'probe: { tool: t, session: s, deadline: 1s }')
      .replace(/^usage: .*(?:, got |$)/m, 'usage: { from: ledger, at: /at, client: /who, keyId: /id }')
      .replace(/^(?:logs|accepts): .*\n(?: .*\n)*/gm, '')
      .replace(/^accepts:\n(?: .*\n)*/m, '')
      .replace(/^balancer: .*\n/m, '');
    const { probe, usage, logs, accepts, balancer } = readFleet(short, FILE);
    expect(probe.gate).toEqual({ tool: 't', session: 's', actor: 'rotctl', conviction: 0, params: {} });
    expect(usage).toMatchObject([{ path: '/ledger', entries: '' }]);
    expect([logs, accepts, balancer]).toEqual([undefined, [], undefined]);
  });

  it('may show a page of counters in place of a list', () => {
    const page =
      'usage: { metric: accepted_total, labels: { client: c, fingerprint: k, caller: a }, fingerprint: key-id }';
    expect(readFleet(GATE_FLEET.replace(/^usage: .*(?:, got |$)/m, page), FILE).usage).toMatchObject([
      { from: 'metrics', path: '/metrics', metric: 'accepted_total', fingerprint: 'key-id', ownCaller: 'rotctl' },
    ]);
  });

  it('has no signer’s setting of what is not signed', () => {
    expect(readFleet(FULL_FLEET, FILE).replay.unsignedMs).toBeUndefined();
  });
});

/** What is edited, the place that must be named (as it stands in the edited text), and the message. */
type Row = readonly [what: string, from: string, to: string, place: string, message: RegExp];

const A_DEPLOY = 'deploy: { path: gates/gate-a.env, ';
const IMAGE = 'deploy: { path: gates/template.env }';
const LANGGRAPH = 'deploy: { path: services/langgraph.env, ';
const USAGE = 'usage: { from: ledger, path: /ledger, entries: /entries, at: /at, client: /actor_did, keyId: /key_id }';
const OWN_NAMES = /is not for protocol gate-v1, whose variables have names of their own(?:, got |$)/;

const GATE_ROWS: readonly Row[] = [
  ['a variable', A_DEPLOY, `${A_DEPLOY}variable: SECRET, `, 'SECRET, restart', OWN_NAMES],
  ['a format', A_DEPLOY, `${A_DEPLOY}format: single, `, 'single', OWN_NAMES],
  ['a format of a template', IMAGE, IMAGE.replace(' }', ', format: single }'), 'single', OWN_NAMES],
  ['a format of a service', LANGGRAPH, `${LANGGRAPH}format: single, `, 'single', OWN_NAMES],
  ['a separator', A_DEPLOY, `${A_DEPLOY}format: list, separator: ':', `, 'list,', OWN_NAMES],
  ['a pointer', A_DEPLOY, `${A_DEPLOY}format: json, pointer: /x, `, 'json,', OWN_NAMES],
  [
    'a body of a probe',
    'probe: {',
    "probe: { body: '{}',",
    "'{}'",
    /^probe\.body: is not for protocol gate-v1, whose body is made of tool, session and params(?:, got |$)/,
  ],
  ['no tool', 'tool: practice.noop, ', '', '{ session', /^probe: needs tool for protocol gate-v1(?:, got |$)/],
  ['no session', 'session: practice-probe, ', '', '{ tool', /^probe: needs session for protocol gate-v1(?:, got |$)/],
  [
    'a page that shows fingerprints',
    USAGE,
    'usage: { metric: m, labels: { client: c, fingerprint: k, caller: a }, fingerprint: sha256 }',
    'sha256',
    /^usage\.fingerprint: must be key-id for protocol gate-v1(?:, got |$)/,
  ],
  [
    'the actor of another service, by its id',
    'actor: did:practice:langgraph',
    'actor: scheduler',
    'id: scheduler',
    /^clients\[1\]\.actor: is the actor of langgraph too(?:, got |$)/,
  ],
  [
    'the actor of rotctl',
    'actor: did:practice:langgraph',
    'actor: did:practice:rotctl',
    'did:practice:rotctl\n',
    /^clients\[0\]\.actor: is the actor of rotctl too(?:, got |$)/,
  ],
  [
    'a service in the file of a gate',
    'services/langgraph.env',
    'gates/gate-a.env',
    '{ path: gates/gate-a.env, restart: [node, ctl.js, restart, langgraph]',
    /^clients\[0\]\.deploy: reads the same variables as gate-a; gates change before signing services/,
  ],
  [
    'a service in the file of a template',
    'services/langgraph.env',
    'gates/template.env',
    '{ path: gates/template.env, restart',
    /^clients\[0\]\.deploy: reads the same variables as gate-image;/,
  ],
  [
    'a template in the file of a gate',
    'gates/template.env',
    'gates/gate-a.env',
    '{ path: gates/gate-a.env }',
    /^templates\[0\]\.deploy: writes the same place as replicas\[0\](?:, got |$)/,
  ],
  [
    'two services in one file',
    'services/scheduler.env',
    'services/langgraph.env',
    '{ path: services/langgraph.env, restart: [node, ctl.js, restart, scheduler]',
    /^clients\[1\]\.deploy: writes the same place as clients\[0\]/,
  ],
];

const USAGE_ROWS: readonly Row[] = [
  ['no time', 'at: /at, ', '', '{ from: ledger', /^usage: needs at from ledger(?:, got |$)/],
  ['no actor', 'client: /actor_did, ', '', '{ from: ledger', /^usage: needs client from ledger(?:, got |$)/],
  ['no key id', ', keyId: /key_id', '', '{ from: ledger', /^usage: needs keyId from ledger(?:, got |$)/],
  [
    'a metric',
    'at: /at',
    'at: /at, metric: m',
    'm, client',
    /^usage\.metric: is not for a usage source from ledger(?:, got |$)/,
  ],
  [
    'labels',
    'at: /at',
    'at: /at, labels: { client: c, fingerprint: k, caller: a }',
    '{ client: c',
    /^usage\.labels: is not for a usage source from ledger(?:, got |$)/,
  ],
  [
    'entries of a page',
    USAGE,
    'usage: { metric: m, entries: /e, labels: { client: c, fingerprint: k, caller: a }, fingerprint: key-id }',
    '/e,',
    /^usage\.entries: is not for a usage source from metrics(?:, got |$)/,
  ],
  [
    'no labels of a page',
    USAGE,
    'usage: { metric: m, fingerprint: key-id }',
    '{ metric: m',
    /^usage: needs labels from metrics(?:, got |$)/,
  ],
  [
    'no metric of a page',
    USAGE,
    'usage: { labels: { client: c, fingerprint: k, caller: a }, fingerprint: key-id }',
    '{ labels',
    /^usage: needs metric from metrics(?:, got |$)/,
  ],
];

const FIELD_ROWS: readonly Row[] = [
  [
    'a tool that the gate would clean',
    'practice.noop',
    "'a|b'",
    "'a|b'",
    /^probe\.tool: must be 1 to 128 letters, digits/,
  ],
  ['a session with a space', 'practice-probe', 'a b', 'a b,', /^probe\.session: must be 1 to 128/],
  ['an actor of rotctl that is too long', 'did:practice:rotctl', 'x'.repeat(129), 'x'.repeat(129), /^probe\.actor: /],
  ['a conviction beyond its scale', 'conviction: 0.5', 'conviction: 11', '11,', /^probe\.conviction: /],
  ['params that are no scalars', 'depth: 3', 'depth: [3]', '[3]', /^probe\.params\.depth: /],
  [
    'a variable that is no name',
    'GATE_SECRET,',
    'GATE-SECRET,',
    'GATE-SECRET',
    /variables\.secret: must be the name of a v/,
  ],
  [
    'a variable that nobody has',
    'keyIdPrev: GATE',
    'keyIdOld: GATE',
    'keyIdOld',
    /variables\.keyIdOld: is not a known key/,
  ],
  ['an empty prefix', 'prefix: /run/secrets/', "prefix: ''", "''", /secretFiles\.prefix: /],
  ['no folder', ', folder: run/secrets/gate-b', '', '{ prefix', /secretFiles\.folder: is missing/],
  ['a pattern that is none', 'refused: invalid request signature', "refused: '('", "'('", /^logs\.refused: /],
  ['a check without an owner', ', owner: platform', '', '{ check', /^accepts\[0\]\.owner: is missing/],
  [
    'a check that is no id',
    'check: replay.cross-replica',
    'check: Replay',
    'Replay',
    /^accepts\[0\]\.check: must be the id/,
  ],
];

describe.each([
  ['a fleet of gates', GATE_ROWS],
  ['its usage source', USAGE_ROWS],
  ['a field', FIELD_ROWS],
] as const)('%s is refused', (_, rows) => {
  it.each(rows)('for %s', (_what, from, to, place, message) => {
    const text = edited(GATE_FLEET, from, to);
    const error = refusalOf(text);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) });
    expect(error.position).toBe(placeOf(text, place));
  });
});

describe('a fleet of signers is refused', () => {
  const ONLY_GATES = /is only for protocol gate-v1(?:, got |$)/;
  const JSON_FORMAT = 'pointer: /{client}/hmacSecrets\n';
  const rows: readonly Row[] = [
    ['variables', JSON_FORMAT, `${JSON_FORMAT}      variables: { secret: S }\n`, '{ secret: S }', ONLY_GATES],
    ['files of secrets', JSON_FORMAT, `${JSON_FORMAT}      secretFiles: { folder: f }\n`, '{ folder: f }', ONLY_GATES],
    ['a tool', 'probe: {', 'probe: { tool: t,', 't, method', ONLY_GATES],
    ['a session', 'probe: {', 'probe: { session: t,', 't, method', ONLY_GATES],
    ['an actor of rotctl', 'probe: {', 'probe: { actor: t,', 't, method', ONLY_GATES],
    ['a conviction', 'probe: {', 'probe: { conviction: 0,', '0, method', ONLY_GATES],
    ['params', 'probe: {', 'probe: { params: {},', '{}, method', ONLY_GATES],
    ['an actor', '  - id: client-a\n', '  - id: client-a\n    actor: a\n', 'a\n    secret', ONLY_GATES],
    [
      'key ids on a page',
      'ownCaller: rotctl',
      'fingerprint: key-id',
      'key-id',
      /key-id is only for protocol gate-v1(?:, got |$)/,
    ],
    [
      'no variable',
      '      variable: KEYRING_CLIENTS\n',
      '',
      'driver: env-file\n',
      /replicas\[0\]\.deploy\.variable: is missing(?:, got |$)/,
    ],
    [
      'no format',
      'variable: KEYRING_CLIENTS\n      format: json\n      pointer: /{client}/hmacSecrets\n',
      "variable: 'K_{CLIENT}'\n",
      'driver: env-file\n',
      /deploy\.format: is missing: list, json or single(?:, got |$)/,
    ],
  ];
  it.each(rows)('for %s', (_what, from, to, place, message) => {
    const text = edited(FULL_FLEET, from, to);
    const error = refusalOf(text);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) });
    expect(error.position).toBe(placeOf(text, place));
  });
});

describe('the life of a nonce', () => {
  const short = edited(GATE_FLEET, 'nonceTtl: 6s', 'nonceTtl: 3999ms');
  it('is at least twice the window', () => {
    const error = refusalOf(short);
    expect(error.message).toMatch(/^replay\.nonceTtl: must be at least twice maxAge \(3999ms is less than 4s\)/);
    expect(error.position).toBe(placeOf(short, '3999ms'));
    expect(() => readFleet(edited(short, '3999ms', '4s'), FILE)).not.toThrow();
  });

  it.each([
    ['replay.ttl-bound', true],
    ['replay.window-end', false],
    ['replay.cross-replica', false],
  ])('or its owner accepts %s: %s', (check, accepted) => {
    const text = edited(short, 'check: replay.cross-replica', `check: ${check}`);
    if (accepted) expect(readFleet(text, FILE).replay.nonceTtlMs).toBe(3999);
    else expect(refusalOf(text).message).toMatch(/^replay\.nonceTtl: /);
  });

  it('accepted or not, a probe may not take as long as the window', () => {
    const text = edited(
      edited(short, 'check: replay.cross-replica', 'check: replay.ttl-bound'),
      'deadline: 1500ms',
      'deadline: 2s',
    );
    expect(refusalOf(text).message).toMatch(/^probe\.deadline: must be less than replay\.maxAge/);
  });
});

describe('authorities', () => {
  const plain = GATE_FLEET.replaceAll('https:', 'http:');
  const without = (text: string) => edited(text, 'tls: { ca: tls/ca.pem }\n', '');
  const balanced = (text: string) => edited(text, 'balancer: { url: http:', 'balancer: { url: https:');
  it.each<[string, string, boolean]>([
    ['are needed where every address is https', without(GATE_FLEET), false],
    ['may be left out where every address is http on loopback', without(plain), true],
    ['may be given there', plain, true],
    ['are needed where the balancer alone is https', without(balanced(plain)), false],
    ['are needed though tls is there', edited(GATE_FLEET, 'tls: { ca: tls/ca.pem }', 'tls: {}'), false],
  ])('%s', (_, text, accepted) => {
    if (accepted) expect(readFleet(text, FILE).replicas).toHaveLength(2);
    else expect(refusalOf(text).message).toMatch(/^tls: needs ca, the authorities of the replicas/);
  });

  it.each(['tls: { ca: tls/ca.pem, cert: c.pem }', 'tls: { ca: tls/ca.pem, key: c.key }'])(
    '%s is half a thing',
    (tls) => {
      expect(refusalOf(edited(GATE_FLEET, 'tls: { ca: tls/ca.pem }', tls)).message).toMatch(
        /^tls: needs cert and key together/,
      );
    },
  );

  it('may not be promised to be asked for where there is nothing to show', () => {
    const text = edited(GATE_FLEET, 'tls: { ca: tls/ca.pem }', 'tls: { ca: tls/ca.pem, required: true }');
    expect(refusalOf(text)).toMatchObject({
      message: expect.stringMatching(/^tls\.required: needs cert and key, or no probe gets through/),
    });
  });

  it('http off loopback is refused, for gates too', () => {
    expect(refusalOf(edited(plain, 'http://127.0.0.1:22001', 'http://10.0.0.1:22001')).message).toMatch(
      /must be https/,
    );
  });
});
