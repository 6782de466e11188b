import { expect, test } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import { shownByTraffic, withoutKeys } from '../../src/runner/certificates/identities.ts';
import type { CertificateTerms, PartyTerms } from '../../src/runner/certificates/terms.ts';

const KEPT = undefined;
const party = (name: string, [current, next] = [`${name} key`, `${name} next key`] as (string | undefined)[]) => {
  const shown = (chain: string, key: string | undefined) => ({
    chain,
    key: key === undefined ? undefined : Secret.fromText(key),
  });
  const trust = { trustBefore: '', trustBoth: '', trustAfter: '' };
  return { ...trust, current: shown(`${name} old`, current), next: shown(`${name} new`, next) } satisfies PartyTerms;
};
const terms: CertificateTerms = {
  parties: new Map([
    ['own rotctl', party('rotctl')],
    ['client wallet', party('wallet')],
    ['client vault', party('vault', [KEPT, KEPT])],
    ['client desk', party('desk', [KEPT, 'desk next key'])],
  ]),
  authorities: { current: '', next: '' },
  authorityKey: undefined,
  currentAuthorityKey: undefined,
};
const fleet = {
  tls: { required: true, ca: '/ca.pem', cert: '/own.pem', key: '/own.key' },
  clients: [{ id: 'wallet' }, { id: 'vault' }, { id: 'desk' }],
};

test.each([
  ['wallet', ['current of wallet', 'wallet old'], ['next of wallet', 'wallet new']],
  ['vault', ['current of rotctl', 'rotctl old'], ['next of rotctl', 'rotctl new']],
  ['desk', ['current of rotctl', 'rotctl old'], ['next of desk', 'desk new']],
])('the traffic of %s shows its own certificates where their keys are at hand', (client, current, next) => {
  const shown = shownByTraffic(fleet, terms).get(client);
  expect([shown?.current.name, shown?.current.chain]).toEqual(current);
  expect([shown?.next.name, shown?.next.chain]).toEqual(next);
});

test('who keeps a key is told', () => {
  expect(withoutKeys(fleet, terms)).toEqual(['vault', 'desk']);
});
