import { expect, it } from 'vitest';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import type { Phase } from '../../src/machine/phase.ts';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import { explainTrust } from '../../src/runner/certificates/explain.ts';

const fleet = readFleet(
  `schema: rotctl.fleet.v1
name: signers
environment: staging
authority: { from: rotctl }
replicas:
  - name: signer-a
    url: https://127.0.0.1:8443
    deploy: { path: a.env, variable: SECRETS, format: list, restart: [x] }
    certificates: { trust: /etc/a/trust.pem, cert: /etc/a/a.pem, key: /etc/a/a.key }
clients:
  - id: wallet
    deploy: { path: w.env, variable: SECRETS, restart: [x] }
    certificates: { trust: w-trust.pem, cert: w.pem, key: w.key, handshake: { command: [y, "{host}", "{port}"] } }
tls: { ca: ca.pem, cert: rotctl.pem, key: rotctl.key, required: true }
replay: { maxAge: 60s, nonceTtl: 130s, clockError: 1s, storeTimeout: 1s }
probe: { body: '{}', causes: nothing }
`,
  '/home/fleet/rotctl.yaml',
);

const [YES, NO]: [OutcomeCode, OutcomeCode] = ['ACCEPTED', 'AUTH_MTLS_REQUIRED'];

it.each<[string, Phase, OutcomeCode, OutcomeCode, RegExp | undefined]>([
  [
    'the current authority alone, while both are to be',
    'opening',
    YES,
    NO,
    /current authority alone.*not loaded.*first/,
  ],
  ['the next authority alone, while both are to be', 'opening', NO, YES, /locks out every client.*last.*replaced/],
  ['neither', 'moving', NO, NO, /neither/],
  ['both, as they are to be', 'opening', YES, YES, undefined],
  ['the current authority, which was taken away', 'retiring', YES, YES, /still lets in .* current authority/],
  ['the next authority, which was taken away', 'closing', YES, YES, /still lets in .* next authority/],
  ['what it is to trust, and the step failed for something else', 'retiring', NO, YES, undefined],
  ['nobody can tell whom', 'opening', 'UNKNOWN', YES, undefined],
])('a signer that trusts %s is told as such, with the file to look at', async (_what, phase, current, next, seen) => {
  const sighted = async () => [{ client: 'wallet', answers: { current, next } }];
  const prover = { sighted } as unknown as Parameters<typeof explainTrust>[0]['prover'];
  const told = await explainTrust({ fleet, prover }, phase, ['signer-a']);
  if (seen === undefined) expect(told).toBeUndefined();
  else expect(told).toEqual({ seen: expect.stringMatching(seen), hint: expect.stringContaining('/etc/a/trust.pem') });
  expect(await explainTrust({ fleet, prover }, phase, ['wallet'])).toBeUndefined();
});
