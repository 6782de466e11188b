import { beforeAll, describe, expect, it } from 'vitest';
import { bundleDifference, bundleText, certificatesOf, sameBundle, unionOf, without } from '../../src/pki/bundle.ts';
import { type Issued, issueAuthority } from '../../src/pki/issue.ts';

let [a, b, twin]: Issued[] = [];

beforeAll(async () => {
  const wish = { now: Date.now(), days: 30 };
  [a, b, twin] = [
    await issueAuthority({ commonName: 'a', ...wish }),
    await issueAuthority({ commonName: 'b', ...wish }),
    await issueAuthority({ commonName: 'a', ...wish }),
  ];
});

const pem = (...issued: readonly (Issued | undefined)[]): string => issued.map((one) => one?.cert).join('');
const read = (...issued: readonly (Issued | undefined)[]) => certificatesOf(pem(...issued));

describe('bundles', () => {
  it('put together have each certificate once, in the order in which it first appears', () => {
    const union = unionOf(read(b, a), read(a, twin, b));
    expect(bundleText(union)).toBe(pem(b, a, twin));
  });

  it.each<[string, () => boolean, boolean]>([
    ['in another order are the same', () => sameBundle(pem(a, b), pem(b, a)), true],
    ['with a certificate twice are the same', () => sameBundle(pem(a, b, a), pem(a, b)), true],
    ['with comments are the same', () => sameBundle(`# here\n${pem(a)}`, pem(a)), true],
    ['with one more are not the same', () => sameBundle(pem(a, b), pem(a)), false],
    ['with one less are not the same', () => sameBundle(pem(a), pem(a, b)), false],
    ['of one name and two keys are not the same', () => sameBundle(pem(a), pem(twin)), false],
    ['that are torn are like no other', () => sameBundle(pem(a).slice(9), pem(a).slice(9)), false],
  ])('%s', (_name, found, expected) => {
    expect(found()).toBe(expected);
  });

  it('lack what another has', () => {
    expect(without(read(a, b), read(b, a, twin))).toEqual([]);
    expect(bundleText(without(read(a, b, twin), read(b)))).toBe(pem(a, twin));
  });

  it('differ in words', () => {
    expect(bundleDifference(read(a), read(a))).toBe('no change');
    expect(bundleDifference(read(a), read(a, b))).toMatch(/^adds CN=b \([0-9a-f]{16}\)$/);
    expect(bundleDifference(read(a, b), read(b, twin))).toMatch(
      /^adds CN=a \([0-9a-f]{16}\), drops CN=a \([0-9a-f]{16}\)$/,
    );
  });

  it('must be whole', () => {
    const torn = pem(a) + pem(b).slice(0, 200);
    expect(() => certificatesOf(torn, 'ca.pem')).toThrow(/is torn: 2 PEM blocks begin, 1 are whole/);
    expect(certificatesOf(`${pem(a)}${a?.key}`).length).toBe(1);
  });
});
