import { describe, expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { refusalFrom } from '../support/refusal.ts';
import { edited, SHORT_FLEET } from './fleet-text.ts';

const FILE = '/srv/fleet/rotctl.yaml';
const HERE = '  - id: client-a\n';
const readClient = (lines: string) => readFleet(edited(SHORT_FLEET, HERE, `${HERE}    ${lines}\n`), FILE).clients[0];
const refusal = (text: string) => refusalFrom(() => readFleet(text, FILE));

describe('where the present secret of a client is read from', () => {
  it.each([
    ['secret: { from: file, path: a.key }', { from: 'file', path: '/srv/fleet/a.key' }],
    [
      'secret: { from: dotenv, path: a.env, variable: "K_{CLIENT}" }',
      { from: 'dotenv', path: '/srv/fleet/a.env', variable: 'K_CLIENT_A' },
    ],
    [
      'secret: { from: json, path: a.json, pointer: "/clients/{client}/0" }',
      { from: 'json', path: '/srv/fleet/a.json', pointer: '/clients/client-a/0' },
    ],
    ['secret: { from: env, variable: WALLET_SECRET }', { from: 'env', variable: 'WALLET_SECRET' }],
    ['secret: { from: fd, fd: 3 }', { from: 'fd', fd: 3 }],
    ['secret: { from: sealed }', { from: 'sealed' }],
    [
      'secret: { from: command, command: [vault, kv, get, -field=hmac, "secret/{client}"], env: [VAULT_ADDR] }',
      {
        from: 'command',
        command: ['vault', 'kv', 'get', '-field=hmac', 'secret/client-a'],
        deadlineMs: 10_000,
        pass: ['VAULT_ADDR'],
      },
    ],
  ])('%s', (lines, reference) => {
    expect(readClient(lines)?.secret).toEqual(reference);
  });

  it('is the sealed store, where its deploy holds a list', () => {
    const text = edited(SHORT_FLEET, 'variable: KEYRING_SECRET, restart', 'variable: K, format: list, restart');
    expect(readFleet(text, FILE).clients[0]?.secret).toEqual({ from: 'sealed' });
  });

  it('and the next one from a place of its own', () => {
    expect(readClient('next: { from: command, command: [next-secret], deadline: 3s }')?.next).toEqual({
      from: 'command',
      command: ['next-secret'],
      deadlineMs: 3000,
      pass: [],
    });
    expect(readClient('cadence: 1m')?.next).toBeUndefined();
  });
});

describe('what a fleet file must not say of secrets', () => {
  const rows: readonly (readonly [what: string, lines: string, message: RegExp])[] = [
    [
      'an unknown place',
      'secret: { from: vault }',
      /secret\.from: must be one of file, dotenv, json, env, fd, command, sealed/,
    ],
    ['a descriptor of its own streams', 'secret: { from: fd, fd: 1 }', /secret\.fd: must be at least 3/],
    [
      'a command that is one text',
      'secret: { from: command, command: "vault read" }',
      /secret\.command: must be a list/,
    ],
    [
      'a name that is no variable',
      'secret: { from: env, variable: "A=B" }',
      /must be the name of an environment variable/,
    ],
    ['next in the sealed store', 'next: { from: sealed }', /next\.from: sealed is where rotctl keeps secrets/],
    [
      'one descriptor twice',
      'secret: { from: fd, fd: 3 }\n    next: { from: fd, fd: 3 }',
      /next\.fd: is the descriptor of secret of client-a too/,
    ],
    [
      'a variable that reaches a command',
      'secret: { from: env, variable: WALLET }\n    next: { from: command, command: [c], env: [WALLET] }',
      /secret\.variable: is passed on to a command too/,
    ],
    [
      'a signer with a secret',
      'signer: { command: [s, "{generation}"] }\n    secret: { from: fd, fd: 3 }',
      /secret: is not for a client with a signer/,
    ],
    [
      'a signer with next',
      'signer: { command: [s, "{generation}"] }\n    next: { from: fd, fd: 3 }',
      /next: is not for a client with a signer/,
    ],
    [
      'a signer that is not told which key',
      'signer: { command: [s] }',
      /signer\.command: needs \{generation\} or \{keyId\}/,
    ],
    ['a key id that is not given', 'signer: { command: [s, "{keyId}"], create: [c] }', /signer\.keyIds: needs current/],
    [
      'a next key id from nowhere',
      'signer: { command: [s, "{keyId}"], keyIds: { current: a } }',
      /signer\.keyIds: needs next, or a create command/,
    ],
    [
      'a signer slower than the window',
      'signer: { command: [s, "{generation}"], deadline: 60s }',
      /signer\.deadline: must be less than replay\.maxAge/,
    ],
    [
      'a signer where values are written',
      'signer: { command: [s, "{generation}"] }',
      /replicas\[0\]\.deploy: writes secrets as values, and client-a has a signer/,
    ],
  ];
  it.each(rows)('%s', (_, lines, message) => {
    const error = refusal(edited(SHORT_FLEET, HERE, `${HERE}    ${lines}\n`));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(message);
  });
});
