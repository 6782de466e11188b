import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, FULL_FLEET, GATE_FLEET } from './fleet-text.ts';

const FILE = '/home/fleet/rotctl.yaml';
const PAGE =
  'usage: { path: /metrics, metric: keyring_accepted_requests_total, labels: { client: client, fingerprint: key, caller: caller }, ownCaller: rotctl }';
const ONE = '{ metric: m, labels: { client: c, fingerprint: k, caller: a } }';
const LINE = "pattern: 'client=(?<client>\\S+) key=(?P<key>\\S+)'";
const SERVER = "prometheus: { url: 'https://p:9090/prom/', query: 'm', ca: ca.pem, token: t }";
const LABELS = 'labels: { client: c, fingerprint: k }';

function withUsage(usage: string, text = FULL_FLEET): string {
  return edited(text, PAGE, `usage: ${usage}`);
}

describe('sources of usage evidence', () => {
  it.each([
    [ONE, ['metrics']],
    [`[${ONE}, { from: log, file: all.log, ${LINE} }]`, ['metrics', 'log']],
    [`{ from: command, command: [cat, x], ${LINE} }`, ['command']],
    [`{ from: prometheus, ${SERVER}, ${LABELS} }`, ['prometheus']],
    ['{ from: ledger, at: /a, client: /c, keyId: /k }', ['ledger']],
    ['{ from: confirmation }', ['confirmation']],
  ])('%s', (usage, kinds) => {
    const fleet = readFleet(withUsage(usage), FILE);
    expect(fleet.usage.map(({ from }) => from)).toEqual(kinds);
    expect(fleet.clients.map((client) => client.usage)).toEqual([fleet.usage, fleet.usage]);
  });

  it('have paths and addresses made absolute, and defaults', () => {
    const { usage } = readFleet(withUsage(`{ from: prometheus, ${SERVER}, ${LABELS} }`), FILE);
    expect(usage).toMatchObject([
      {
        server: {
          serverName: 'p',
          ca: '/home/fleet/ca.pem',
          token: '/home/fleet/t',
          deadlineMs: 5000,
          scrapeMs: 60_000,
        },
        ...{ query: 'm', labels: { client: 'c', fingerprint: 'k', replica: 'instance' }, fingerprint: 'rotctl' },
      },
    ]);
    expect(readFleet(GATE_FLEET, FILE).usage).toMatchObject([{ fingerprint: 'key-id' }]);
  });

  it('of one client may be others than the fleet’s', () => {
    const text = edited(FULL_FLEET, 'cadence: 300ms', 'cadence: 300ms\n    usage: { from: confirmation }');
    expect(readFleet(text, FILE).clients.map(({ usage }) => usage.map(({ from }) => from))).toEqual([
      ['metrics'],
      ['confirmation'],
    ]);
  });

  it.each([
    ['a mistyped field', '{ from: log, patern: x }', /^usage\.patern: is not a known key; did you mean pattern/],
    ['a mistyped field in a list', `[${ONE}, { from: log, patern: x }]`, /^usage\[1\]\.patern: is not a known key/],
    ['no pattern', '{ from: log, file: x }', /^usage: needs pattern from log/],
    [
      'no client in a pattern',
      "{ from: log, file: x, pattern: 'k=(?<key>x)' }",
      /^usage\.pattern: needs the named group client/,
    ],
    [
      'a group that means nothing',
      `{ from: log, file: x, pattern: '(?<client>a)(?<key>b)(?<who>c)' }`,
      /has the group who/,
    ],
    [
      'no log of a replica',
      `{ from: log, ${LINE} }`,
      /^usage: needs file, or a log of each replica: signer-a has none/,
    ],
    ['a time that no line tells', `{ from: command, command: [j, '{since}'], ${LINE} }`, /needs the named group time/],
    [
      'a field of another kind',
      `{ from: log, file: x, metric: m, ${LINE} }`,
      /^usage\.metric: is not for a usage source from log/,
    ],
    [
      'a Prometheus server without authorities',
      "{ from: prometheus, prometheus: { url: 'https://p', query: m }, labels: { client: c, fingerprint: k } }",
      /needs ca, the authorities of the server/,
    ],
    [
      'a token in the clear',
      "{ from: prometheus, prometheus: { url: 'http://p', query: m, token: t }, labels: { client: c, fingerprint: k } }",
      /token: is for https only/,
    ],
    [
      'a confirmation with a path',
      '{ from: confirmation, path: /x }',
      /^usage\.path: is not for a usage source from confirmation/,
    ],
    [
      'key ids of signers',
      `{ from: log, file: x, fingerprint: key-id, ${LINE} }`,
      /key-id is only for protocol gate-v1/,
    ],
  ])('with %s are refused', (_, usage, message) => {
    expect(refusalFrom(() => readFleet(withUsage(usage), FILE)).message).toMatch(message);
  });
});

describe('what a client says of itself', () => {
  const DEPLOY =
    '    deploy: { driver: env-file, path: clients/client-b.env, variable: KEYRING_SECRET, format: single, reload: [b] }\n';

  it('has defaults, by which it is ours to move, alone, and caches nothing', () => {
    const [client] = readFleet(FULL_FLEET, FILE).clients;
    expect(client).toMatchObject({ cacheTtlMs: 0, instances: 1, owner: undefined, movable: 'us' });
  });

  it('makes the overlap as long as the longest silence and cache of a client, and what is in flight', () => {
    const text = edited(FULL_FLEET, 'minOverlap: 1s, ', '').replace(
      'cadence: 300ms',
      'cadence: 300ms\n    cacheTtl: 10m',
    );
    expect(readFleet(text, FILE).policy.minOverlapMs).toBe(600_300 + 2400);
  });

  it('needs no deploy where its owner moves it', () => {
    const text = edited(FULL_FLEET, DEPLOY, '    movable: owner\n    owner: team B\n');
    expect(readFleet(text, FILE).clients[1]).toMatchObject({ movable: 'owner', owner: 'team B' });
  });

  it.each([
    ['no deploy', DEPLOY, '', /^clients\[1\]\.deploy: is missing; or movable: owner/],
    ['a deploy that would be left alone', DEPLOY, `${DEPLOY}    movable: never\n`, /is not for movable: never/],
    [
      'no secret',
      `    secret: { from: file, path: /run/client-b.secret }\n${DEPLOY}`,
      '    movable: owner\n',
      /needs secret, where its present secret is read/,
    ],
    [
      'a cache that outlives the overlap',
      'cadence: 300ms',
      'cadence: 300ms\n    cacheTtl: 1s',
      /^policy\.minOverlap: must be at least the cadence and cacheTtl of each client \(1s is less than 1300ms\)/,
    ],
    ['no instance', 'cadence: 300ms', 'cadence: 300ms\n    instances: 0', /^clients\[1\]\.instances: /],
    ['a factor without a window', PAGE, `${PAGE}\nlogs: { refused: x, factor: 2 }`, /^logs\.factor: needs window/],
    ['nothing to look for in logs', PAGE, `${PAGE}\nlogs: { allowed: 2 }`, /^logs: needs refused, or prometheus/],
  ])('is refused with %s', (_, from, to, message) => {
    expect(refusalFrom(() => readFleet(edited(FULL_FLEET, from, to), FILE)).message).toMatch(message);
  });

  it('cannot be left to others in a fleet of gates', () => {
    const text = edited(GATE_FLEET, '    cadence: 500ms\n', '    cadence: 500ms\n    movable: never\n');
    expect(refusalFrom(() => readFleet(text, FILE)).message).toMatch(
      /^clients\[0\]\.movable: must be us for protocol gate-v1/,
    );
  });
});
