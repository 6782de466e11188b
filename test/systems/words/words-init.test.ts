import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { atTerminal } from '../at-terminal.ts';
import { startWords } from './words-fleet.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('init, at a terminal: asks only what it cannot see, and describes signers that answer in words', async ({
  onTestFinished,
}) => {
  const fleet = await startWords(root, { callers: false });
  onTestFinished(() => fleet.stop(), 60_000);
  const urls = fleet.replicas.map((name) => {
    const { port } = JSON.parse(readFileSync(join(fleet.home, `run/${name}.json`), 'utf8'));
    return `${name}=https://127.0.0.1:${port}`;
  });
  const { code, shown } = await atTerminal(
    fleet.home,
    [
      ['Name of the fleet', 'words'],
      ['Environment', ''],
      ['Replicas', urls.join(' ')],
      ['Env file of a replica', 'etc/{name}.env'],
      ['PEM file of the CAs', ''],
      ['wants a client certificate', 'tls/rotctl.pem'],
      ['private key', 'tls/rotctl.key'],
      ['restarts a replica', 'systemctl restart {name}'],
      ['Env file of a client', 'etc/{client}.env'],
      ['Variable in it that holds the secret', 'SIGNING_SECRET'],
      ['restarts a client', ''],
    ],
    'init',
    '--fleet',
    'mine.yaml',
  );
  expect(code, shown).toBe(0);
  const text = readFileSync(join(fleet.home, 'mine.yaml'), 'utf8');
  const { replicas, clients, tls, outcomes } = parse(text);
  expect(replicas[0]).toMatchObject({
    name: 'signer-1',
    serverName: 'signer-1.words.example',
    deploy: {
      variable: 'CLIENTS',
      format: 'json',
      pointer: '/{client}/secret',
      restart: ['systemctl', 'restart', 'signer-1'],
    },
  });
  expect(replicas[1].serverName).toBe('signer-2.words.example');
  expect(clients.map(({ id }: { id: string }) => id)).toEqual(['wallet', 'payouts']);
  expect(tls).toEqual({ ca: 'tls/ca.pem', cert: 'tls/rotctl.pem', key: 'tls/rotctl.key' });
  const seen = outcomes.map((rule: { outcome: string; when: { pointer: { matches: string } } }) => [
    rule.outcome,
    rule.when.pointer.matches,
  ]);
  expect(seen).toContainEqual(['AUTH_INVALID_HMAC', '^signature does not match$']);
  expect(seen).toContainEqual(['AUTH_INVALID_CLIENT', '^unknown client$']);
  expect(seen).toContainEqual(['AUTH_INVALID_SIGNATURE_FORMAT', '^signature has the wrong form$']);
  expect(seen.map(([outcome]: string[]) => outcome)).toContain('AUTH_TIMESTAMP_SKEW');
  // What only a valid signature would bring about is left to the operator, and said.
  expect(text).toMatch(/# - \{ when: .* outcome: REPLAY_NONCE_USED \}/);
}, 120_000);
