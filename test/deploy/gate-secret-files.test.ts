import { chmod, mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GateTarget } from '../../src/deploy/gate.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import {
  type GatePlace,
  gateDriverOn,
  gatePlace,
  LATER,
  labels,
  NAMES,
  NEW,
  OLD,
  refusalOf,
  shown,
  text,
} from './gate-place.ts';

const BASE = 'interservice_hmac_secret';
const PRIMARY = `${NAMES.secret}=/run/secrets/${BASE}\n`;

/** A gate whose secret is in a file of the variable's own name, as a person made it. */
async function filed(env = PRIMARY, content = `${text(OLD)}\n`): Promise<GatePlace> {
  const place = await gatePlace(env);
  await place.put(BASE, content);
  return place;
}

/** The file name that a variable has in the env file; of a value that names no file, itself. */
async function named(place: GatePlace, variable: string): Promise<string | undefined> {
  const match = new RegExp(`^${variable}="?(?:/run/secrets/)?([^"\n]*)`, 'm').exec(await place.content());
  return match?.[1];
}

const open = { secret: NEW, prev: OLD } as const;

describe('a secret in a file', () => {
  it.each([
    ['without its line end', `${text(OLD)}\n`, text(OLD)],
    ['without its CRLF', `${text(OLD)}\r\n`, text(OLD)],
    ['without one line end of two', `${text(OLD)}\n\n`, `${text(OLD)}\n`],
    ['with its spaces', ' a b ', ' a b '],
  ])('is read %s', async (_, content, secret) => {
    const { driver, target } = await filed(PRIMARY, content);
    expect(shown(await driver.read(target))).toEqual({ secret });
  });

  it.each([
    ['missing', async (place: GatePlace) => rm(join(place.secrets, BASE)), 'SECRET_REFUSED', /is empty or not there/],
    ['empty', async (place: GatePlace) => place.put(BASE, ''), 'SECRET_REFUSED', /INTERSERVICE_HMAC_SECRET names/],
    ['a line end', async (place: GatePlace) => place.put(BASE, '\n'), 'SECRET_REFUSED', /is empty/],
    [
      'open to others',
      async (place: GatePlace) => chmod(join(place.secrets, BASE), 0o644),
      'SECRET_REFUSED',
      /mode 0644/,
    ],
    [
      'a link',
      async (place: GatePlace) => {
        await place.put('elsewhere', 'CANARY');
        await rm(join(place.secrets, BASE));
        await symlink('elsewhere', join(place.secrets, BASE));
      },
      'INPUT_UNREADABLE',
      /symbolic link/,
    ],
  ])('is refused when it is %s, with the file', async (_, prepare, code, message) => {
    const place = await filed();
    await prepare(place);
    const error = await refusalOf(place.driver.read(place.target));
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(message),
      at: { file: join(place.secrets, BASE) },
    });
  });

  it.each(['missing', 'empty'])('is no previous secret when it is %s', async (what) => {
    const place = await filed(`${PRIMARY}${NAMES.prev}=/run/secrets/before\n`);
    if (what === 'empty') await place.put('before', '\n');
    expect(shown(await place.driver.read(place.target))).toEqual({ secret: text(OLD) });
  });

  it.each(['../CANARY', 'deep/CANARY', '', '..', '.', '/'])('must be right in the folder, not %j', async (name) => {
    const { driver, target, path } = await gatePlace(`${NAMES.secret}=/run/secrets/${name}\n`);
    const error = await refusalOf(driver.read(target));
    expect(error).toMatchObject({
      code: 'INPUT_INVALID',
      message: `${NAMES.secret}: names no file right in /run/secrets/`,
      at: { file: path },
      hint: expect.stringMatching(/secretFiles.prefix/),
    });
  });
});

describe('changing secrets in files', () => {
  it('gives a new one a file of its own, first, and leaves the one in use as it is', async () => {
    const place = await filed(`A=1\n${NAMES.secret}="/run/secrets/${BASE}" # why\n`);
    const before = await stat(join(place.secrets, BASE));
    expect(await place.driver.write(place.target, open, labels)).toEqual({ changed: true });
    const name = await named(place, NAMES.secret);
    expect(name).toMatch(/^interservice_hmac_secret\.k-3e3\.[0-9a-f]{8}$/);
    expect(await place.content()).toBe(
      `A=1\n${NAMES.secret}="/run/secrets/${name}" # why\n${NAMES.prev}="/run/secrets/${BASE}"\n`,
    );
    expect(await place.secretFiles()).toEqual({ [BASE]: `${text(OLD)}\n`, [String(name)]: text(NEW) });
    expect((await stat(join(place.secrets, String(name)))).mode & 0o777).toBe(0o600);
    expect(await stat(join(place.secrets, BASE))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    expect(place.touched).toEqual([`create ${name}`, 'replace gate.env']);
    expect(shown(await place.driver.read(place.target))).toEqual({ secret: text(NEW), prev: text(OLD) });
    expect(await place.driver.write(place.target, open, labels)).toEqual({ changed: false });
    expect(place.touched).toHaveLength(2);
  });

  it('goes back to the first bytes, and the file of the withdrawn one goes at the next change', async () => {
    const place = await filed();
    await place.driver.write(place.target, open, labels);
    const name = await named(place, NAMES.secret);
    await place.driver.write(place.target, { secret: OLD, prev: null }, labels);
    expect(await place.content()).toBe(PRIMARY);
    expect(Object.keys(await place.secretFiles())).toEqual([BASE, name]);
    expect(await place.driver.leftovers(place.target)).toEqual([join(place.secrets, String(name))]);
    await place.driver.write(place.target, { keyId: 'k-1' }, labels);
    expect(Object.keys(await place.secretFiles())).toEqual([BASE]);
    expect(await place.driver.leftovers(place.target)).toEqual([]);
  });

  it('keeps the file of a retired secret until the change after, for the process that has it still', async () => {
    const place = await filed();
    await place.driver.write(place.target, open, labels);
    await place.driver.write(place.target, { prev: null }, labels);
    await place.driver.write(place.target, { secret: LATER, prev: NEW }, labels);
    await place.driver.write(place.target, { prev: null }, labels);
    const later = await named(place, NAMES.secret);
    const kept = Object.keys(await place.secretFiles());
    expect(kept).toEqual([BASE, later, expect.stringMatching(/\.k-3e3\./)]);
    await place.driver.write(place.target, { strict: 'true' }, labels);
    expect(Object.keys(await place.secretFiles())).toEqual([BASE, later]);
    expect(await place.driver.leftovers(place.target)).toEqual([join(place.secrets, BASE)]);
  });

  it('takes a retired secret in again with the file that a process may read still', async () => {
    const place = await filed();
    await place.driver.write(place.target, open, labels);
    const name = await named(place, NAMES.secret);
    await place.driver.write(place.target, { secret: LATER, prev: null }, labels);
    await place.driver.write(place.target, { prev: NEW }, labels);
    expect(await named(place, NAMES.prev)).toBe(name);
    expect(place.touched.filter((deed) => deed.startsWith('remove'))).toEqual([]);
  });

  it('goes on where a change was broken off between the files', async () => {
    const place = await filed();
    const cut = Object.assign(new Error('killed'), { code: 'EIO' });
    const broken = gateDriverOn({ ...privateFiles(), replace: () => Promise.reject(cut) });
    const error = await refusalOf(broken.write(place.target, open, labels));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', at: { file: place.path } });
    expect(await place.content()).toBe(PRIMARY);
    expect(await place.driver.leftovers(place.target)).toHaveLength(1);
    expect(await place.driver.write(place.target, open, labels)).toEqual({ changed: true });
    expect(shown(await place.driver.read(place.target))).toEqual({ secret: text(NEW), prev: text(OLD) });
    expect(await place.driver.leftovers(place.target)).toEqual([]);
  });

  it('does not take a file that holds something else for the new one', async () => {
    const place = await filed();
    await place.driver.write(place.target, open, labels);
    const name = String(await named(place, NAMES.secret));
    await place.driver.write(place.target, { secret: OLD, prev: null }, labels);
    await place.put(name, 'CANARY-other');
    const error = await refusalOf(place.driver.write(place.target, open, labels));
    expect(error).toMatchObject({
      code: 'DRIVER_FAILED',
      message: expect.stringMatching(/holds something else already/),
      at: { file: join(place.secrets, name) },
    });
    expect(await place.content()).toBe(PRIMARY);
  });

  it('says with DRIVER_FAILED that a file cannot be made, and leaves the env file as it was', async () => {
    const place = await filed();
    await rm(place.secrets, { recursive: true });
    const error = await refusalOf(place.driver.write(place.target, open, labels));
    expect(error).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(/could not be made: ENOENT/) });
    expect(await place.content()).toBe(PRIMARY);
  });

  it('leaves a previous one in the env file where the secret itself stands there', async () => {
    const place = await filed(`${NAMES.secret}=${text(OLD)}\n`);
    await place.driver.write(place.target, open, labels);
    expect(await named(place, NAMES.prev)).toBe(text(OLD));
    expect(Object.keys(await place.secretFiles())).toEqual([BASE]);
  });

  it('repairs a secret whose file is gone', async () => {
    const place = await gatePlace(PRIMARY);
    await place.driver.write(place.target, { secret: NEW }, labels);
    expect(shown(await place.driver.read(place.target))).toEqual({ secret: text(NEW) });
  });

  it('refuses a label that is no part of a file name', async () => {
    const place = await filed();
    const error = await refusalOf(place.driver.write(place.target, open, { of: () => '../CANARY' }));
    expect(error).toMatchObject({ code: 'INTERNAL' });
    expect(place.touched).toEqual([]);
  });
});

describe('a folder that two gates share', () => {
  async function pair() {
    const one = await filed();
    const other = await gatePlace(PRIMARY, one.secrets);
    return { one, other, both: [one, other] };
  }

  it('holds files of each, and neither clears the other away', async () => {
    const { one, other, both } = await pair();
    for (const place of both) await place.driver.write(place.target, open, labels);
    for (const place of both) await place.driver.write(place.target, { prev: null }, labels);
    await one.driver.write(one.target, { secret: LATER, prev: NEW }, labels);
    await one.driver.write(one.target, { prev: null }, labels);
    await one.driver.write(one.target, { keyId: 'k-1' }, labels);
    expect(shown(await other.driver.read(other.target))).toEqual({ secret: text(NEW) });
    expect(shown(await one.driver.read(one.target))).toMatchObject({ secret: text(LATER) });
  });

  it('keeps what the other one names still', async () => {
    const { one, other } = await pair();
    await one.driver.write(one.target, { secret: NEW }, labels);
    expect(await one.driver.leftovers(one.target)).toEqual([join(one.secrets, BASE)]);
    expect(await one.driver.leftovers(one.target, [other.target])).toEqual([]);
    expect(await one.driver.purge(one.target, OLD, [other.target])).toEqual([]);
    expect(shown(await other.driver.read(other.target))).toEqual({ secret: text(OLD) });
    await other.driver.write(other.target, { secret: NEW }, labels);
    expect(await one.driver.purge(one.target, OLD, [other.target])).toEqual([join(one.secrets, BASE)]);
  });
});

describe('purging a retired secret', () => {
  const paths = (place: GatePlace, names: readonly string[]) => names.map((name) => join(place.secrets, name));

  it('removes each file that holds it and that no variable names, and no other', async () => {
    const place = await filed();
    await place.driver.write(place.target, open, labels);
    await place.driver.write(place.target, { prev: null }, labels);
    const name = String(await named(place, NAMES.secret));
    await place.put(`${BASE}_prev`, text(OLD));
    await place.put(`${BASE}.bak`, `${text(OLD)}\n`);
    await place.put(`${BASE}.next`, text(LATER));
    await place.put(`.${BASE}.1-1.tmp`, text(OLD));
    await place.put('other_secret', text(OLD));
    const removed = await place.driver.purge(place.target, OLD);
    expect(removed).toEqual(paths(place, [`.${BASE}.1-1.tmp`, BASE, `${BASE}.bak`, `${BASE}_prev`]));
    expect(Object.keys(await place.secretFiles())).toEqual([name, `${BASE}.next`, 'other_secret'].sort());
    expect(await place.driver.purge(place.target, OLD)).toEqual([]);
  });

  it('keeps a file that a variable names, though it holds it', async () => {
    const place = await filed();
    expect(await place.driver.purge(place.target, OLD)).toEqual([]);
    expect(await readFile(join(place.secrets, BASE), 'utf8')).toBe(`${text(OLD)}\n`);
  });

  it('removes what it can before it says what it cannot look at', async () => {
    const place = await filed(`${NAMES.secret}=${text(NEW)}\n`);
    await place.put(`${BASE}.a`, text(OLD));
    await chmod(join(place.secrets, `${BASE}.a`), 0o644);
    await mkdir(join(place.secrets, `${BASE}.b`));
    await place.put(`${BASE}.c`, text(OLD));
    const error = await refusalOf(place.driver.purge(place.target, OLD));
    expect(error).toMatchObject({ code: 'SECRET_REFUSED', at: { file: join(place.secrets, `${BASE}.a`) } });
    expect(place.touched).toEqual([`remove ${BASE}`, `remove ${BASE}.c`]);
  });

  it('finds nothing where there is no folder', async () => {
    const place = await gatePlace(`${NAMES.secret}=${text(NEW)}\n`);
    await rm(place.secrets, { recursive: true });
    const target: GateTarget = place.target;
    expect(await place.driver.purge(target, OLD)).toEqual([]);
    expect(await place.driver.leftovers(target)).toEqual([]);
  });
});
