import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, FULL_FLEET, SHORT_FLEET } from './fleet-text.ts';

const CANARY = '4f9d1c7e2b8a6053d1e7f4a9c2b5086e';

const refusalOf = (text: string) => refusalFrom(() => readFleet(text, '/f/rotctl.yaml'));

const A = 'https://10.0.0.1:8443';
const B = 'https://10.0.0.2:8443';
const DEPLOY = 'format: list, restart: [systemctl, restart, signer-a]';
const CLIENT = '  - id: client-a\n';
const SECOND_CLIENT =
  'clients:\n  - id: client-z\n    deploy: { path: clients/client-z.env, variable: KEYRING_SECRET, restart: [x] }\n';

type Row = readonly [what: string, from: string, to: string, message: RegExp | string];

const REPLICAS: readonly Row[] = [
  [
    'two replicas of one name',
    'name: signer-b',
    'name: signer-a',
    /^replicas\[1\]\.name: is the name of replicas\[0\] too/,
  ],
  [
    'a replica named as a target of its own',
    'name: signer-b',
    'name: balancer',
    /replicas\[1\]\.name: may not be balancer/,
  ],
  ['two replicas at one address', B, A, /^replicas\[1\]\.url: is the address of replicas\[0\] too/],
  ['no replicas', 'replicas:\n', 'replicas: []\nx:\n', /replicas: must have at least 1 entries/],
];

const URLS: ReadonlyArray<readonly [url: string, message: RegExp]> = [
  ['https://user:hunter2@10.0.0.1', /user name or password/],
  ['https://user@10.0.0.1', /user name or password/],
  ['https://10.0.0.1/path', /path, query or fragment/],
  ['https://10.0.0.1?x=1', /path, query or fragment/],
  ['https://10.0.0.1/#x', /path, query or fragment/],
  ['http://10.0.0.1', /must be https/],
  ['http://127.0.0.1.example.com', /must be https/],
  ['http://localhost.example.com', /must be https/],
  ['https://10.0.0.1:70000', /at most 65535/],
  ['https://10.0.0.1:0', /port 0/],
  ['https://', /must be https:\/\/HOST:PORT/],
  ['ftp://10.0.0.1', /must be https:\/\/HOST:PORT/],
  ['10.0.0.1:8443', /must be https:\/\/HOST:PORT/],
  ['https:10.0.0.1', /must be https:\/\/HOST:PORT/],
  ['https:\\\\10.0.0.1', /must be https:\/\/HOST:PORT/],
  ['https://s\u00efgner.example', /ASCII/],
  [' https://10.0.0.1', /must be https:\/\/HOST:PORT/],
];

describe('the url of a replica', () => {
  it.each(URLS)('%s is refused', (url, message) => {
    const error = refusalOf(edited(SHORT_FLEET, A, JSON.stringify(url)));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(/^replicas\[0\]\.url: /);
    expect(error.message).toMatch(message);
    expect(error.position).toBe('/f/rotctl.yaml:6:10');
    expect(error.message).not.toContain('hunter2');
  });

  it.each([
    'http://127.0.0.1:8080',
    'http://127.9.9.9',
    'http://localhost:80',
    'http://[::1]:80',
    'https://host.example/',
  ])('%s is accepted', (url) => {
    expect(() => readFleet(edited(SHORT_FLEET, A, JSON.stringify(url)), '/f/r')).not.toThrow();
  });

  it.each([
    ['https://HOST.Example', 'https://host.example:443'],
    ['https://host.example.', 'https://host.example'],
    ['https://localhost:9', 'https://127.0.0.1:9'],
    ['https://[::1]:9', 'https://[0:0:0:0:0:0:0:1]:9'],
    ['https://0x7f.1:9', 'https://127.0.0.1:9'],
  ])('%s is the same address as %s', (one, other) => {
    const text = edited(edited(SHORT_FLEET, A, JSON.stringify(one)), B, JSON.stringify(other));
    expect(refusalOf(text).message).toMatch(/^replicas\[1\]\.url: is the address of replicas\[0\] too/);
  });

  it('may not be the balancer', () => {
    const error = refusalOf(`${SHORT_FLEET}balancer: { url: ${B} }\n`);
    expect(error.message).toMatch(/^replicas\[1\]\.url: is the address of the balancer/);
    expect(error.position).toBe('/f/rotctl.yaml:9:10');
  });
});

describe('a template', () => {
  const TEMPLATE = '  - { name: image, deploy: { path: image.env, variable: KEYRING_SECRETS, format: list } }';
  const withTemplates = (...templates: string[]) => `${SHORT_FLEET}templates:\n${templates.join('\n')}\n`;

  it('needs a name and a place, and nothing else', () => {
    expect(() => readFleet(withTemplates(TEMPLATE), '/f/r')).not.toThrow();
  });

  const rows: readonly Row[] = [
    [
      'of the name of a replica',
      'name: image',
      'name: signer-b',
      /^templates\[0\]\.name: is the name of replicas\[1\] too/,
    ],
    [
      'named as a target of its own',
      'name: image',
      'name: fleet',
      /^templates\[0\]\.name: may not be balancer or fleet/,
    ],
    [
      'with a command',
      'format: list',
      'format: list, reload: [x]',
      /^templates\[0\]\.deploy\.reload: is not a known key/,
    ],
    ['without a format', ', format: list', '', /^templates\[0\]\.deploy\.format: is missing/],
    ['of JSON without a pointer', 'format: list', 'format: json', /^templates\[0\]\.deploy: needs a pointer/],
    [
      "in a replica's own place",
      'image.env',
      'signer-b.env',
      /^templates\[0\]\.deploy: writes the same place as replicas\[1\]/,
    ],
  ];
  it.each(rows)('%s is refused', (_, from, to, message) => {
    const error = refusalOf(withTemplates(edited(TEMPLATE, from, to)));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) });
    expect(error.at).toMatchObject({ line: 16 });
  });

  it('has a name of its own among templates', () => {
    const text = withTemplates(TEMPLATE, TEMPLATE.replace('image.env', 'other.env'));
    expect(refusalOf(text).message).toMatch(/^templates\[1\]\.name: is the name of templates\[0\] too/);
  });

  it('keeps several clients apart', () => {
    const text = withTemplates(TEMPLATE)
      .replace('clients:\n', () => SECOND_CLIENT)
      .replaceAll('variable: KEYRING_SECRETS, format: list, restart', "variable: 'K_{CLIENT}', format: list, restart");
    expect(refusalOf(text).message).toMatch(
      /^templates\[0\]\.deploy: needs \{client\} or \{CLIENT\} in variable or pointer/,
    );
  });
});

describe('the id of a client', () => {
  it.each(['a\\r\\nb', 'a b', 'caf\\u00e9', 'a/b', 'a~b', '', 'x'.repeat(129), '__proto__'])(
    '"%s" is refused',
    (id) => {
      const error = refusalOf(edited(SHORT_FLEET, 'id: client-a', `id: "${id}"`));
      expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(/^clients\[0\]\.id: /) });
      expect(error.position).toBe('/f/rotctl.yaml:12:9');
      expect(error.message).not.toMatch(/[\r\n]/);
    },
  );

  it.each(['a', 'A.b_c-9', 'ab'.repeat(64)])('%s is accepted', (id) => {
    expect(readFleet(edited(SHORT_FLEET, 'id: client-a', `id: ${id}`), '/f/r').clients[0]?.id).toBe(id);
  });
});

describe('what a fleet file must not say', () => {
  const rows: readonly Row[] = [
    ...REPLICAS,
    ['no clients', 'clients:\n', 'clients: []\nx:\n', /clients: must have at least 1 entries/],
    ['a misspelt key', 'replicas:', 'replica:', /replica: is not a known key; did you mean replicas/],
    [
      'a misspelt key inside',
      CLIENT,
      `${CLIENT}    cadnece: 1s\n`,
      /cadnece: is not a known key; did you mean cadence/,
    ],
    ['another schema', 'fleet.v1', 'fleet.v2', /^schema: must be rotctl\.fleet\.v1, got "rotctl\.fleet\.v2"/],
    ['an unknown environment', 'production', 'prod', /^environment: must be one of production, staging, practice/],
    [
      'a duration without a unit',
      CLIENT,
      `${CLIENT}    cadence: 60000\n`,
      /cadence: must be a whole number with a unit/,
    ],
    [
      'no way to make a replica read its file',
      ', restart: [systemctl, restart, signer-a]',
      '',
      /needs a reload or a restart/,
    ],
    ['an empty command', DEPLOY, 'format: list, restart: []', /deploy\.restart: must have at least 1 entries/],
    ['a command of one text', DEPLOY, 'format: list, restart: systemctl', /deploy\.restart: must be a list/],
    ['an empty argument', DEPLOY, 'format: list, restart: [""]', /deploy\.restart\[0\]: must have at least 1/],
    [
      'a number among arguments',
      DEPLOY,
      'format: list, restart: [sleep, 5]',
      /restart\[1\]: must be a quoted string, got 5/,
    ],
    [
      'no format for a replica',
      'format: list, restart: [systemctl, restart, signer-a]',
      'restart: [x]',
      /deploy\.format: is missing/,
    ],
    ['json without a pointer', DEPLOY, 'format: json, restart: [x]', /needs a pointer with format json/],
    ['a pointer without json', DEPLOY, 'format: list, pointer: /a, restart: [x]', /pointer: is only for format json/],
    [
      'a separator without a list',
      DEPLOY,
      'format: single, separator: ";", restart: [x]',
      /separator: is only for format list/,
    ],
    ['a pointer without a slash', DEPLOY, 'format: json, pointer: a, restart: [x]', /must be a JSON pointer/],
    ['a variable with a space', 'KEYRING_SECRETS', '"KEYRING SECRETS"', /must be the name of a variable/],
    ['a variable with an equals sign', 'KEYRING_SECRETS', '"A=B"', /must be the name of a variable/],
    ['an empty path of the CA', 'tls/ca.pem', '""', /^tls\.ca: must have at least 1 characters/],
    ['a path of spaces', 'tls/ca.pem', '"  "', /^tls\.ca: must not begin or end with a space/],
    ['a certificate without a key', 'ca: tls/ca.pem', 'ca: c, cert: x', /^tls: needs cert and key together/],
    ['required without a certificate', 'ca: tls/ca.pem', 'ca: c, required: true', /^tls\.required: needs cert and key/],
    [
      'several clients and no placeholder',
      'clients:\n',
      SECOND_CLIENT,
      /^replicas\[0\]\.deploy: needs \{client\} or \{CLIENT\}/,
    ],
  ];
  it.each(rows)('%s', (_, from, to, message) => {
    const error = refusalOf(edited(SHORT_FLEET, from, to));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(message);
    expect(error.at?.line).toBeGreaterThan(0);
  });

  const full: readonly Row[] = [
    ['two clients of one id', 'id: client-b', 'id: client-a', /^clients\[1\]\.id: is the id of clients\[0\] too/],
    [
      'two clients that write one place',
      'clients/client-b.env',
      'clients/client-a.env',
      /clients\[1\]\.deploy: writes the same place/,
    ],
    [
      'two clients of one secret',
      '{ from: file, path: /run/client-b.secret }',
      '{ from: dotenv, path: clients/client-a.env, variable: KEYRING_SECRET }',
      /clients\[1\]\.secret: is the same place/,
    ],
    ['a pattern that does not compile', "'bad signature'", "'bad ('", /matches: must be a regular expression/],
    [
      'a rule without a condition',
      "when: { status: 401, header: { name: X-Why, matches: bad }, pointer: { path: /error, matches: 'bad signature' } }",
      'when: {}',
      /when: needs at least one condition/,
    ],
    ['an unknown outcome', 'outcome: AUTH_INVALID_HMAC', 'outcome: OK', /outcome: must be one of ACCEPTED/],
    [
      'a secret written where its place belongs',
      'secret: { from: file, path: /run/client-b.secret }',
      `secret: "${CANARY}"`,
      /clients\[1\]\.secret: must be a mapping, got \(hidden\)/,
    ],
    ['an unknown place of a secret', 'from: file', 'from: safe', /secret\.from: must be one of file, dotenv/],
    [
      'a probe path with a space',
      'path: /v1/sign/session-transaction',
      'path: "/v1 x"',
      /^probe\.path: must begin with a slash/,
    ],
    ['an answer without limit', '64KiB', '1000MiB', /maxBytes: must be at least 1B and at most 16777216B/],
    [
      'an unknown fingerprint',
      'ownCaller: rotctl',
      'fingerprint: md5',
      /usage\.fingerprint: must be one of rotctl, sha256/,
    ],
    ['a rate of nothing', 'ratePerSecond: 10', 'ratePerSecond: 0', /ratePerSecond: must be at least 0/],
    ['a share above one', 'faultBudget: 0.2', 'faultBudget: 20', /faultBudget: must be at most 1/],
  ];
  it.each(full)('%s, in a full file', (_, from, to, message) => {
    const error = refusalOf(edited(FULL_FLEET, from, to));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(CANARY);
  });

  it('ids that come to the same variable', () => {
    const text = edited(edited(FULL_FLEET, 'id: client-b', 'id: client.a'), 'KEYRING_CLIENTS', '"K_{CLIENT}"');
    const error = refusalOf(
      edited(edited(text, 'format: json', 'format: list'), '      pointer: /{client}/hmacSecrets\n', ''),
    );
    expect(error.message).toMatch(/^clients\[1\]\.id: has the same place as clients\[0\]/);
  });
});

describe('the replay window', () => {
  const replay = 'maxAge: 2s, nonceTtl: 5s';
  it.each([
    ['maxAge: 0s, nonceTtl: 5s', /replay\.maxAge: must be more than 0/],
    ['maxAge: -2s, nonceTtl: 5s', /replay\.maxAge: must be a whole number with a unit/],
    ['maxAge: 1.5s, nonceTtl: 5s', /replay\.maxAge: must be a whole number with a unit/],
    ['maxAge: 2000, nonceTtl: 5s', /replay\.maxAge: must be a whole number with a unit/],
    ['maxAge: 2s, nonceTtl: 0s', /replay\.nonceTtl: must be more than 0/],
    ['maxAge: 2s, nonceTtl: 3999ms', /replay\.nonceTtl: must be at least twice maxAge \(3999ms is less than 4s\)/],
  ])('%s is refused', (text, message) => {
    expect(refusalOf(edited(FULL_FLEET, replay, text)).message).toMatch(message);
  });

  it('of exactly twice maxAge is accepted, though it is below the bound', () => {
    expect(readFleet(edited(FULL_FLEET, replay, 'maxAge: 2s, nonceTtl: 4s'), '/f/r').replay.nonceTtlMs).toBe(4000);
  });
});

describe("a probe's deadline", () => {
  const deadline = (text: string) => edited(FULL_FLEET, 'deadline: 1s, maxBytes', `deadline: ${text}, maxBytes`);

  it.each([
    ['2s', '2s'],
    ['2001ms', '2001ms'],
  ])('of %s is refused, with its place and both times', (text, got) => {
    const error = refusalOf(deadline(text));
    expect(error.message).toContain(
      `probe.deadline: must be less than replay.maxAge (${got} is not less than 2s), or a slow probe is refused`,
    );
    expect(error.at?.line).toBe(FULL_FLEET.split('\n').findIndex((line) => line.startsWith('probe:')) + 1);
  });

  it('just below maxAge is accepted', () => {
    expect(readFleet(deadline('1999ms'), '/f/r').probe.deadlineMs).toBe(1999);
  });

  it('that is the default is refused beside a shorter maxAge, where the probe is not even mentioned', () => {
    const error = refusalOf(`${SHORT_FLEET}replay: { maxAge: 1s, nonceTtl: 5s }\n`);
    expect(error.message).toMatch(/^probe\.deadline: must be less than replay\.maxAge \(2s is not less than 1s\)/);
    expect(error.at?.line).toBeGreaterThan(0);
  });
});

describe('a secret in the fleet file', () => {
  const rows: ReadonlyArray<readonly [where: string, from: string, to: string, path: string]> = [
    ['in a command', '[a]', `[curl, -H, "Authorization: Bearer ${CANARY}"]`, 'clients[0].deploy.restart[2]'],
    ['in a command, as an assignment', '[a]', `[env, "SECRET=${CANARY}", x]`, 'clients[0].deploy.restart[1]'],
    ['in a path', 'tls/ca.pem', `/run/${CANARY}`, 'tls.ca'],
    ['in words', 'refused by policy (422), signs nothing', `signed with ${CANARY}`, 'probe.causes'],
    ['in base64', 'tls/ca.pem', 'k8sJ2vQx0Zr7LmN4pT6wYb1cDf3gHh5j', 'tls.ca'],
    ['a private key', 'tls/ca.pem', '"-----BEGIN PRIVATE KEY-----"', 'tls.ca'],
  ];
  it.each(rows)('%s is refused and not shown', (_, from, to, path) => {
    const error = refusalOf(edited(FULL_FLEET, from, to));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toContain(`${path}: looks like a secret`);
    for (const secret of [CANARY, CANARY.slice(0, 8), 'k8sJ2vQx', 'BEGIN']) {
      expect(`${error.message} ${error.stack}`).not.toContain(secret);
    }
  });

  it('unquoted as a number is refused as one', () => {
    for (const number of ['123e4567', '0x1234567890abcdef1234567890abcdef', '123456789012345678901234567890']) {
      const text = edited(
        FULL_FLEET,
        'secret: { from: file, path: /run/client-b.secret }',
        `secret: { from: file, path: ${number} }`,
      );
      const error = refusalOf(text);
      expect(error.message).toBe('clients[1].secret.path: must be a quoted string, got (hidden)');
    }
  });

  it('is not seen in a probe body, which may hold a hash', () => {
    expect(() => readFleet(edited(FULL_FLEET, '{"probe":true}', `{"probe":"${CANARY}"}`), '/f/r')).not.toThrow();
  });
});

describe('the form of the file', () => {
  it.each([
    ['empty', '', 'INPUT_SYNTAX'],
    ['only comments', '# nothing\n', 'INPUT_SYNTAX'],
    ['a key twice', `${SHORT_FLEET}name: other\n`, 'INPUT_SYNTAX'],
    ['an alias', edited(SHORT_FLEET, 'name: payments', 'name: &n payments'), 'INPUT_SYNTAX'],
    ['a list', '- a', 'INPUT_INVALID'],
  ])('%s is refused', (_, text, code) => {
    expect(refusalOf(text).code).toBe(code);
  });
});
