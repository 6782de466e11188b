import { rm, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/credential/secret.ts';
import type { GateChange } from '../../src/deploy/gate.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { gateDriverOn, gatePlace, LATER, labels, NAMES, NEW, OLD, refusalOf, shown, text } from './gate-place.ts';

describe("reading a gate's settings", () => {
  const rows: ReadonlyArray<readonly [what: string, content: string, settings: Record<string, string | true>]> = [
    ['the secret alone', 'INTERSERVICE_HMAC_SECRET=one\n', { secret: 'one' }],
    ['an empty secret', 'INTERSERVICE_HMAC_SECRET=\n', {}],
    [
      'an empty previous secret, which is none',
      'INTERSERVICE_HMAC_SECRET=one\nINTERSERVICE_HMAC_SECRET_PREV=""\n',
      { secret: 'one', prevIsEmpty: true },
    ],
    [
      'all of them, in quotes or not',
      'export INTERSERVICE_HMAC_SECRET="one"\nINTERSERVICE_HMAC_SECRET_PREV=\'two\' # why\nINTERSERVICE_HMAC_KEY_ID=k-1\nINTERSERVICE_HMAC_KEY_ID_PREV=k-0\nINTERSERVICE_HMAC_STRICT_KEY_ID=yes\nINTERSERVICE_HMAC_REVOKED_IDS=v1,v0\nTOOL_GATE_DUAL_SIGN=true\n',
      { secret: 'one', prev: 'two', keyId: 'k-1', keyIdPrev: 'k-0', strict: 'yes', revoked: 'v1,v0', dual: 'true' },
    ],
    [
      'an empty setting, as it is written',
      'INTERSERVICE_HMAC_SECRET=one\nINTERSERVICE_HMAC_REVOKED_IDS=\n',
      { secret: 'one', revoked: '' },
    ],
  ];
  it.each(rows)('%s', async (_, content, settings) => {
    const { driver, target } = await gatePlace(content);
    expect(shown(await driver.read(target))).toEqual(settings);
  });

  it('takes the names that the fleet file gives', async () => {
    const names = { ...NAMES, secret: 'HMAC', prev: 'HMAC_BEFORE' };
    const { driver, target } = await gatePlace('HMAC=one\nHMAC_BEFORE=two\n', undefined, names);
    expect(shown(await driver.read(target))).toEqual({ secret: 'one', prev: 'two' });
  });

  it.each([
    ['a secret that is not set', 'OTHER=CANARY\n', 'INPUT_INVALID', /INTERSERVICE_HMAC_SECRET is not set/],
    [
      'a variable set twice',
      'INTERSERVICE_HMAC_SECRET=CANARY\nINTERSERVICE_HMAC_KEY_ID=a\nINTERSERVICE_HMAC_KEY_ID=b\n',
      'INPUT_INVALID',
      /KEY_ID is set twice/,
    ],
    ['an open quote', 'INTERSERVICE_HMAC_SECRET="CANARY\n', 'INPUT_SYNTAX', /a quote is not closed/],
  ])('refuses %s, and so does writing', async (_, content, code, message) => {
    const { driver, target, path, touched } = await gatePlace(content);
    const works = [() => driver.read(target), () => driver.write(target, { secret: NEW, keyId: 'k' }, labels)];
    for (const work of works) {
      const error = await refusalOf(work());
      expect(error).toMatchObject({ code, message: expect.stringMatching(message), at: { file: path } });
    }
    expect(touched).toEqual([]);
  });

  it('is for gates only', async () => {
    const { driver, target } = await gatePlace('A=1\n');
    const other = { deploy: { ...target.deploy, format: { kind: 'single' } } } as const;
    for (const work of [
      () => driver.read(other),
      () => driver.write(other, {}, labels),
      () => driver.leftovers(other),
      () => driver.purge(other, OLD),
    ])
      expect(await refusalOf(work())).toMatchObject({ code: 'INTERNAL' });
  });
});

describe("changing a gate's settings", () => {
  const S = `INTERSERVICE_HMAC_SECRET`;
  const open: GateChange = { secret: NEW, prev: OLD, keyId: 'k-3e3', keyIdPrev: 'k-01d' };
  const back: GateChange = { secret: OLD, prev: null, keyId: null, keyIdPrev: null };
  const rows: ReadonlyArray<readonly [what: string, before: string, change: GateChange, after: string]> = [
    [
      'opens',
      `A=1\n${S}=${text(OLD)}\nB=2\n`,
      open,
      `A=1\n${S}=${text(NEW)}\nB=2\n${S}_PREV=${text(OLD)}\n${NAMES.keyId}=k-3e3\n${NAMES.keyIdPrev}=k-01d\n`,
    ],
    [
      'opens in the quotes of the secret, exported as it is',
      `export ${S}="${text(OLD)}" # why\r\nB=2`,
      open,
      `export ${S}="${text(NEW)}" # why\r\nB=2\r\nexport ${S}_PREV="${text(OLD)}"\r\nexport ${NAMES.keyId}="k-3e3"\r\nexport ${NAMES.keyIdPrev}="k-01d"`,
    ],
    [
      'opens where there were lines already',
      `${S}_PREV=\n${S}='${text(OLD)}'\n${NAMES.keyId}=v7\n`,
      { secret: NEW, prev: OLD, keyId: 'k-3e3' },
      `${S}_PREV=${text(OLD)}\n${S}='${text(NEW)}'\n${NAMES.keyId}=k-3e3\n`,
    ],
    ['unsets', `${S}=x\n${S}_PREV=y\nB=1\n${NAMES.keyIdPrev}=v0\n`, { prev: null, keyIdPrev: null }, `${S}=x\nB=1\n`],
    [
      'turns settings on',
      `${S}="x"\n`,
      { strict: 'true', revoked: 'v0,v1', dual: 'true' },
      `${S}="x"\n${NAMES.strict}="true"\n${NAMES.revoked}="v0,v1"\n${NAMES.dual}="true"\n`,
    ],
    [
      'lets an old secret with signs that readers take differently stay in use',
      `${S}=pa$$w#rd!\n`,
      { secret: NEW, prev: Secret.fromText('pa$$w#rd!') },
      `${S}=${text(NEW)}\n${S}_PREV=pa$$w#rd!\n`,
    ],
  ];
  it.each(rows)('%s, in one write', async (_, before, change, after) => {
    const { driver, target, content, touched, path } = await gatePlace(before);
    expect(await driver.write(target, change, labels)).toEqual({ changed: true });
    expect(await content()).toBe(after);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await driver.write(target, change, labels)).toEqual({ changed: false });
    expect(touched).toEqual(['replace gate.env']);
  });

  it.each([
    ['nothing', {}],
    ['the secret that is there', { secret: OLD }],
    ['no previous one where it is empty', { prev: null }],
    ['no key id where there is none', { keyIdPrev: null }],
    ['the key id that is there', { keyId: 'v1' }],
  ])('touches nothing for %s', async (_, change) => {
    const before = `${S} = ${text(OLD)}\n${S}_PREV=''\n${NAMES.keyId}="v1"\n`;
    const { driver, target, content, touched } = await gatePlace(before);
    expect(await driver.write(target, change, labels)).toEqual({ changed: false });
    expect(await content()).toBe(before);
    expect(touched).toEqual([]);
  });

  it.each([`A=1\n${S}=${text(OLD)}\nB=2\n`, `A=1\r\nexport ${S}='${text(OLD)}' # why\r\nB=2`, `${S}="${text(OLD)}"`])(
    'opened and taken back leaves the file as it was: %j',
    async (before) => {
      const { driver, target, content } = await gatePlace(before);
      await driver.write(target, open, labels);
      expect(shown(await driver.read(target))).toEqual({
        secret: text(NEW),
        prev: text(OLD),
        keyId: 'k-3e3',
        keyIdPrev: 'k-01d',
      });
      await driver.write(target, back, labels);
      expect(await content()).toBe(before);
    },
  );

  it('goes through two rotations, and leaves no trace of the first secret', async () => {
    const { driver, target, content } = await gatePlace(`${S}="${text(OLD)}"\n`);
    await driver.write(target, open, labels);
    await driver.write(target, { prev: null, keyIdPrev: null }, labels);
    await driver.write(target, { secret: LATER, prev: NEW, keyId: 'k-1a7e', keyIdPrev: 'k-3e3' }, labels);
    await driver.write(target, { prev: null, keyIdPrev: null }, labels);
    expect(await content()).toBe(`${S}="${text(LATER)}"\n${NAMES.keyId}="k-1a7e"\n`);
  });

  it.each([
    [
      'a bare value would be read otherwise',
      `${S}=x\n`,
      { secret: NEW, prev: Secret.fromText('CANARY #x') },
      'DRIVER_FAILED',
    ],
    ['the file ends in an open line', `${S}=x\nA=1\\\n`, { prev: NEW }, 'DRIVER_FAILED'],
    [
      'a secret looks like a path',
      `${S}=x\n`,
      { secret: Secret.fromText('/run/secrets/CANARY') },
      'PRECONDITION_FAILED',
    ],
    ['a key id has a line end', `${S}=x\n`, { keyId: 'a\nCANARY=1' }, 'INPUT_INVALID'],
  ])('is refused before anything is touched when %s', async (_, before, change, code) => {
    const { driver, target, content, path, touched } = await gatePlace(before);
    const error = await refusalOf(driver.write(target, change, labels));
    expect(error).toMatchObject({ code, at: { file: path } });
    expect(touched).toEqual([]);
    expect(await content()).toBe(before);
  });

  it('says with DRIVER_FAILED that the file cannot be replaced', async () => {
    const { target, path, content } = await gatePlace(`${S}=x\n`);
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const driver = gateDriverOn({ ...privateFiles(), replace: () => Promise.reject(full) });
    const error = await refusalOf(driver.write(target, open, labels));
    expect(error).toMatchObject({
      code: 'DRIVER_FAILED',
      message: 'the file could not be replaced: ENOSPC',
      at: { file: path },
    });
    expect(await content()).toBe(`${S}=x\n`);
  });

  it('says so of a file that is not there', async () => {
    const { driver, target, path } = await gatePlace(`${S}=x\n`);
    await rm(path);
    expect(await refusalOf(driver.write(target, open, labels))).toMatchObject({
      code: 'INPUT_UNREADABLE',
      at: { file: path },
    });
  });
});
