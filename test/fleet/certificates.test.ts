import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited } from './fleet-text.ts';

/** The shortest fleet whose certificates are rotated. */
const FLEET = `schema: rotctl.fleet.v1
name: payments
environment: staging
authority: { from: rotctl }
replicas:
  - name: signer-a
    url: https://10.0.0.1:8443
    serverName: signer-a.internal
    deploy: { path: signer-a.env, variable: SECRETS, format: list, reload: [reload, a], restart: [restart, a], deadline: 9s }
    certificates: { trust: tls/a-trust.pem, cert: tls/a.pem, key: tls/a.key }
  - name: signer-b
    url: https://10.0.0.2:8443
    deploy: { path: signer-b.env, variable: SECRETS, format: list, restart: [restart, b] }
    certificates: { trust: tls/b-trust.pem, cert: tls/b.pem, key: tls/b.pem, reload: [nginx, -s, reload], names: [B.internal, 127.0.0.1] }
balancer: { url: 'https://10.0.0.9:8443', serverName: signer.internal }
clients:
  - id: client-a
    deploy: { path: client-a.env, variable: SECRET, restart: [restart, client] }
    certificates: { trust: tls/client-trust.pem, cert: tls/client.pem, key: tls/client.key }
tls: { ca: tls/ca.pem, cert: tls/rotctl.pem, key: tls/rotctl.key }
`;
const A = 'certificates: { trust: tls/a-trust.pem, cert: tls/a.pem, key: tls/a.key }';
const CLIENT = 'certificates: { trust: tls/client-trust.pem, cert: tls/client.pem, key: tls/client.key }';
const CLIENT_DEPLOY = '    deploy: { path: client-a.env, variable: SECRET, restart: [restart, client] }\n';
const USAGE = `certificateUsage: { from: log, file: access.log, pattern: 'client=(?<client>\\S+) key=(?<key>\\S+)' }\n`;
const PROGRAM = 'certificates: { driver: command, command: [./certificates] }';

const read = (text: string) => readFleet(text, '/f/rotctl.yaml');

describe('certificates that are rotated', () => {
  it('stand in files, whose paths are against the folder of the fleet file', () => {
    expect(read(FLEET).replicas[0]?.certificates?.place).toEqual({
      driver: 'files',
      trust: '/f/tls/a-trust.pem',
      cert: '/f/tls/a.pem',
      key: '/f/tls/a.key',
    });
  });

  it('are taken up by the commands of deploy, with its deadline, unless they have one of their own', () => {
    const [a, b] = read(FLEET).replicas;
    expect(a?.certificates).toMatchObject({ reload: ['reload', 'a'], restart: ['restart', 'a'], deadlineMs: 9000 });
    expect(b?.certificates).toMatchObject({ reload: ['nginx', '-s', 'reload'], deadlineMs: 30_000 });
    expect(b?.certificates?.restart).toBeUndefined();
  });

  it('are made for the names that a replica is dialled by, and for those that are given', () => {
    const [a, b] = read(FLEET).replicas;
    expect(a?.certificates?.names).toEqual(['signer-a.internal', 'signer.internal']);
    expect(b?.certificates?.names).toEqual(['10.0.0.2', 'signer.internal', 'b.internal', '127.0.0.1']);
  });

  it('come from an authority of our own, named after the fleet', () => {
    expect(read(FLEET).authority).toEqual({
      from: 'rotctl',
      commonName: 'payments CA',
      key: undefined,
      authorityDays: 3650,
      certificateDays: 90,
    });
  });

  it('come from programs of the operator’s', () => {
    const text = edited(
      FLEET,
      '{ from: rotctl }',
      "{ from: command, trust: [./ca, root], issue: [./ca, '{purpose}', '{name}'], pass: [CA_TOKEN], key: RSA-3072, deadline: 5s }",
    );
    expect(read(text).authority).toEqual({
      from: 'command',
      trust: ['./ca', 'root'],
      issue: ['./ca', '{purpose}', '{name}'],
      key: 'RSA-3072',
      pass: ['CA_TOKEN'],
      deadlineMs: 5000,
    });
  });

  it('are kept by a program, which is asked for what it carries out', () => {
    const text = edited(
      FLEET,
      A,
      'certificates: { driver: command, command: [./certificates, a], loads: [reload, end-sessions], pass: [TOKEN], keys: sent, deadline: 4s }',
    );
    expect(read(text).replicas[0]?.certificates).toEqual({
      place: {
        driver: 'command',
        command: ['./certificates', 'a'],
        pass: ['TOKEN'],
        deadlineMs: 4000,
        target: { kind: 'replica', name: 'signer-a' },
        keys: 'sent',
      },
      reload: ['./certificates', 'a'],
      restart: undefined,
      deadlineMs: 4000,
      endSessions: ['./certificates', 'a'],
      names: ['signer-a.internal', 'signer.internal'],
    });
  });

  it('keep their keys where nothing is said, and are restarted by their program', () => {
    expect(read(edited(FLEET, CLIENT, PROGRAM)).clients[0]?.certificates).toMatchObject({
      place: { keys: 'kept', target: { kind: 'client', name: 'client-a' } },
      reload: undefined,
      restart: ['./certificates'],
    });
  });

  it('of a client are seen where certificateUsage says, or where the client itself does', () => {
    expect(read(FLEET).clients[0]?.certificates?.usage).toEqual([]);
    expect(read(`${FLEET}${USAGE}`).clients[0]?.certificates?.usage).toMatchObject([
      { from: 'log', file: '/f/access.log' },
    ]);
    const own = edited(FLEET, 'key: tls/client.key }', 'key: tls/client.key, usage: { from: confirmation } }');
    expect(read(`${own}${USAGE}`).clients[0]?.certificates?.usage).toEqual([{ from: 'confirmation' }]);
  });

  it('of a client have a handshake that it makes itself', () => {
    const own = "key: tls/client.key, commonName: wallet, handshake: { command: [curl, 'https://{host}:{port}'] } }";
    expect(read(edited(FLEET, 'key: tls/client.key }', own)).clients[0]?.certificates).toMatchObject({
      commonName: 'wallet',
      handshake: { command: ['curl', 'https://{host}:{port}'], deadlineMs: 5000 },
    });
  });

  it('of a template are made for the balancer', () => {
    const text = `${FLEET}templates: [{ name: image, deploy: { path: i.env, variable: SECRETS, format: list }, certificates: { trust: i/t.pem, cert: i/c.pem, key: i/k.pem } }]\n`;
    expect(read(text).templates[0]?.certificates).toMatchObject({ names: ['signer.internal'] });
  });

  it('of replicas that are discovered stand where each of them says', () => {
    const text = `${FLEET.slice(0, FLEET.indexOf('replicas:'))}replicas:
  discover: { file: list.json }
  deploy: { path: '{name}.env', variable: SECRETS, format: list, restart: [restart, '{name}'] }
  certificates: { trust: '{name}/trust.pem', cert: '{name}/cert.pem', key: '{name}/key.pem' }
${FLEET.slice(FLEET.indexOf('balancer:'))}`;
    const listed = ['a', 'b'].map((name, index) => ({ name, url: `https://10.0.0.${index + 1}:8443` }));
    const { replicas } = readFleet(text, '/f/rotctl.yaml', listed);
    expect(replicas.map(({ certificates }) => certificates?.place)).toMatchObject([
      { trust: '/f/a/trust.pem' },
      { trust: '/f/b/trust.pem' },
    ]);
  });

  it('may be those of a client whose secret somebody else moves', () => {
    const text = edited(
      edited(FLEET, CLIENT_DEPLOY, '    movable: owner\n    secret: { from: sealed }\n'),
      'key: tls/client.key }',
      'key: tls/client.key, reload: [kill, -HUP, wallet] }',
    );
    expect(read(text).clients[0]?.certificates?.reload).toEqual(['kill', '-HUP', 'wallet']);
  });

  it('are described in spec/fleet-file.md as they can be written', async () => {
    const guide = await readFile(new URL('../../spec/fleet-file.md', import.meta.url), 'utf8');
    const [, example = ''] = /```text\n(authority:.*?)```/s.exec(guide) ?? [];
    const { replicas, clients } = read(`schema: rotctl.fleet.v1\nname: guide\nenvironment: staging\n${example}`);
    expect(replicas[0]?.certificates?.names).toEqual(['signer.internal', 'signer-1.internal']);
    expect(clients[0]?.certificates?.usage).toMatchObject([{ from: 'log' }]);
  });

  it('may be left to whoever moves the client', () => {
    const text = edited(
      edited(FLEET, CLIENT_DEPLOY, '    movable: owner\n    secret: { from: sealed }\n'),
      `    ${CLIENT}\n`,
      '',
    );
    expect(read(text).clients[0]?.certificates).toBeUndefined();
  });
});

type Row = readonly [what: string, from: string, to: string, message: RegExp];

const REFUSED: readonly Row[] = [
  ['an authority and a replica without certificates', `    ${A}\n`, '', /replicas\[0\]: needs certificates/],
  ['an authority and a client without certificates', `    ${CLIENT}\n`, '', /clients\[0\]: needs certificates/],
  [
    'an authority and a template without certificates',
    'balancer:',
    'templates: [{ name: image, deploy: { path: i.env, variable: SECRETS, format: list } }]\nbalancer:',
    /templates\[0\]: needs certificates/,
  ],
  ['no authority', 'authority: { from: rotctl }\n', '', /replicas\[0\]\.certificates: is of no use without authority/],
  [
    'a bundle of another party',
    'tls/b-trust.pem',
    'tls/a-trust.pem',
    /replicas\[1\]\.certificates\.trust: is the same file as trust of replicas\[0\]/,
  ],
  [
    'a file of another party under another spelling',
    'tls/client.pem',
    './tls/../tls/b.pem',
    /clients\[0\]\.certificates\.cert: is the same file as cert of replicas\[1\]/,
  ],
  [
    'a bundle that is the chain too',
    'tls/a-trust.pem',
    'tls/a.pem',
    /replicas\[0\]\.certificates\.cert: is the same file as its trust/,
  ],
  [
    "rotctl's own bundle",
    'tls/client-trust.pem',
    'tls/ca.pem',
    /clients\[0\]\.certificates\.trust: is the same file as rotctl's own tls\.ca/,
  ],
  [
    "rotctl's own key",
    'tls/a.key',
    'tls/rotctl.key',
    /replicas\[0\]\.certificates\.key: is the same file as rotctl's own tls\.key/,
  ],
  ['a replica on http', 'https://10.0.0.1:8443', 'http://127.0.0.1:8443', /replicas\[0\]\.url: must be https/],
  ['a balancer on http', 'https://10.0.0.9:8443', 'http://127.0.0.1:8443', /balancer\.url: must be https/],
  [
    'no certificate of our own',
    ', cert: tls/rotctl.pem, key: tls/rotctl.key',
    '',
    /tls: needs cert, key: where certificates/,
  ],
  [
    'callers that need no certificate',
    'key: tls/rotctl.key }',
    'key: tls/rotctl.key, required: false }',
    /tls\.required: must be true where certificates are rotated: .*nothing could be proven/,
  ],
  [
    'a deploy without commands',
    'deploy: { path: client-a.env, variable: SECRET, restart: [restart, client] }',
    'deploy: { driver: command, command: [./deploy] }',
    /clients\[0\]\.certificates: needs a reload or a restart command/,
  ],
  [
    'a name with a port',
    'B.internal',
    '"b.internal:8443"',
    /replicas\[1\]\.certificates\.names\[0\]: must be a DNS name or an IP address/,
  ],
  [
    'a handshake that goes nowhere',
    'key: tls/client.key }',
    'key: tls/client.key, handshake: { command: [curl] } }',
    /handshake\.command: must hold \{host\} and \{port\}/,
  ],
  [
    'sessions that a client ends',
    'key: tls/client.key }',
    'key: tls/client.key, endSessions: [x] }',
    /endSessions: is not a known key/,
  ],
  [
    'days of an authority that is not ours',
    '{ from: rotctl }',
    '{ from: command, trust: [x], issue: [y], days: { authority: 1 } }',
    /authority\.days: is not a known key/,
  ],
  [
    'an authority by command that does not issue',
    '{ from: rotctl }',
    '{ from: command, trust: [x] }',
    /authority\.issue: is missing/,
  ],
  ['a gate', 'authority:', 'protocol: gate-v1\nauthority:', /authority: is not for protocol gate-v1/],
];

describe('a fleet file', () => {
  it.each(REFUSED)('with %s is refused', (_, from, to, message) => {
    const error = refusalFrom(() => read(edited(FLEET, from, to)));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(message);
    expect(error.position).toMatch(/^\/f\/rotctl\.yaml:\d+:\d+$/);
  });

  it('with a template that no name is known for is refused', () => {
    const text = `${edited(FLEET, "balancer: { url: 'https://10.0.0.9:8443', serverName: signer.internal }\n", '')}templates: [{ name: image, deploy: { path: i.env, variable: SECRETS, format: list }, certificates: { trust: i/t.pem, cert: i/c.pem, key: i/k.pem } }]\n`;
    expect(refusalFrom(() => read(text)).message).toMatch(/templates\[0\]\.certificates: needs names/);
  });

  it.each([
    [
      'says how certificates are named',
      'from: log,',
      'from: log, fingerprint: sha256,',
      /certificateUsage\.fingerprint: is not for certificates/,
    ],
    ['does not say which certificate', ' key=(?<key>\\S+)', '', /certificateUsage\.pattern: needs the named group key/],
  ])('whose evidence of handshakes %s is refused', (_, from, to, message) => {
    expect(refusalFrom(() => read(`${FLEET}${edited(USAGE, from, to)}`)).message).toMatch(message);
  });
});
