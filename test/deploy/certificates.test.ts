import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { reveal, Secret } from '../../src/credential/secret.ts';
import type { CertificateDriver } from '../../src/deploy/certificates.ts';
import { createCertificateDriver } from '../../src/deploy/create-certificate-driver.ts';
import type { CertificateCommand, CertificateFiles } from '../../src/fleet/certificates.ts';
import { type Issued, issueAuthority, issueServer } from '../../src/pki/issue.ts';
import { readRequest } from '../../src/pki/request.ts';
import { certificateStore } from '../../src/system/certificate-store.ts';
import { createCommands } from '../../src/system/commands.ts';
import { ownFolder } from '../credential/real-files.ts';
import { refusalOf } from './gate-place.ts';

const PROGRAM = fileURLToPath(new URL('certificate-program.mjs', import.meta.url));
const DH =
  '-----BEGIN DH PARAMETERS-----\nMEYCQQDaWDwW2YUiidDkr3VvTMqS3UvlM7gE+w/tlO+cikQD7VdGUNNpmdsp13Yn\na6LT1BLiGPTdHghM9tgAPnxHdOgzAgEC\n-----END DH PARAMETERS-----\n';

let [oldCa, newCa]: Issued[] = [];
let [old, fresh]: Issued[] = [];

beforeAll(async () => {
  const now = Date.now();
  const server = { commonName: 'signer-a', now, days: 1, dnsNames: ['signer-a.internal'], ipv4: [] };
  oldCa = await issueAuthority({ commonName: 'old', now, days: 1 });
  newCa = await issueAuthority({ commonName: 'new', now, days: 1 });
  old = await issueServer(oldCa, server);
  fresh = await issueServer(newCa, server);
});

const issued = (one: Issued | undefined): Issued => one ?? expect.unreachable('made beforehand');
const shown = (one: Issued | undefined) => ({ chain: issued(one).cert, key: Secret.fromText(issued(one).key) });
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const textOf = (path: string) => readFile(path, 'utf8');

/** A line of a key's base64, which may stand nowhere but in its file. */
const line = (key: string) => key.split('\n')[1] ?? expect.unreachable('a PEM text');

function driverIn(cwd: string): CertificateDriver {
  return createCertificateDriver({ certificates: certificateStore(), commands: createCommands((one) => one), cwd });
}

async function filesWith(combined = false): Promise<{ place: CertificateFiles; driver: CertificateDriver }> {
  const folder = await ownFolder();
  const at = (name: string) => join(folder, name);
  const place = {
    driver: 'files',
    trust: at('trust.pem'),
    cert: at('a.pem'),
    key: at(combined ? 'a.pem' : 'a.key'),
  } as const;
  await writeFile(place.trust, issued(oldCa).cert, { mode: 0o640 });
  if (combined) await writeFile(place.cert, `${issued(old).cert}${issued(old).key}${DH}`, { mode: 0o600 });
  else {
    await writeFile(place.cert, issued(old).cert, { mode: 0o644 });
    await writeFile(place.key, issued(old).key, { mode: 0o600 });
  }
  return { place, driver: driverIn(folder) };
}

describe('certificates in files', () => {
  it.each([false, true])('are read with their key; in one file: %s', async (combined) => {
    const { place, driver } = await filesWith(combined);
    const { trust, chain, key } = await driver.read(place);
    expect([trust, chain]).toEqual([issued(oldCa).cert, issued(old).cert]);
    expect(key && reveal(key).toString()).toBe(issued(old).key);
  });

  it('are read without the text around them, which a new bundle does not have', async () => {
    const { place, driver } = await filesWith();
    await writeFile(place.trust, `# our root\nsubject=CN = old\r\n${issued(oldCa).cert.replaceAll('\n', '\r\n')}\n\n`);
    expect((await driver.read(place)).trust).toBe(issued(oldCa).cert);
    const both = `${issued(oldCa).cert}${issued(newCa).cert}`;
    expect(await driver.writeTrust(place, both)).toEqual({ changed: true });
    expect(await textOf(place.trust)).toBe(both);
  });

  it('keep the mode of a bundle, and what is so already is not touched', async () => {
    const { place, driver } = await filesWith();
    await driver.writeTrust(place, issued(newCa).cert);
    expect(await modeOf(place.trust)).toBe('640');
    const { ino } = await stat(place.trust);
    expect(await driver.writeTrust(place, issued(newCa).cert)).toEqual({ changed: false });
    expect((await stat(place.trust)).ino).toBe(ino);
    await unlink(place.trust);
    await driver.writeTrust(place, issued(newCa).cert);
    expect(await modeOf(place.trust)).toBe('644');
  });

  it('are replaced with a key that only its owner reads', async () => {
    const { place, driver } = await filesWith();
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: true });
    expect([await textOf(place.cert), await textOf(place.key)]).toEqual([issued(fresh).cert, issued(fresh).key]);
    expect([await modeOf(place.cert), await modeOf(place.key)]).toEqual(['644', '600']);
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: false });
  });

  it('of one file change together, and parameters that stand there stay', async () => {
    const { place, driver } = await filesWith(true);
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: true });
    expect(await textOf(place.cert)).toBe(`${issued(fresh).cert}${issued(fresh).key}${DH}`);
    expect(await modeOf(place.cert)).toBe('600');
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: false });
  });

  it.each(['cert', 'key'] as const)(
    'of which a crash has left the old %s are mended by the same write',
    async (left) => {
      const { place, driver } = await filesWith();
      await driver.writeShown(place, shown(fresh));
      await writeFile(place[left], issued(old)[left], { mode: 0o600 });
      expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: true });
      expect([await textOf(place.cert), await textOf(place.key)]).toEqual([issued(fresh).cert, issued(fresh).key]);
    },
  );

  it('whose writer is killed are whole, and are mended', async () => {
    const { place, driver } = await filesWith();
    const folder = join(place.cert, '..');
    const writer = join(folder, 'writer.mjs');
    const entry = fileURLToPath(new URL('certificate-writer.ts', import.meta.url));
    const plain = { bundle: true, format: 'esm', platform: 'node', logLevel: 'error' } as const;
    await build({ entryPoints: [entry], outfile: writer, ...plain, external: ['execa'] });
    await writeFile(join(folder, 'wanted.json'), JSON.stringify({ place, shown: [issued(old), issued(fresh)] }));
    for (const ms of [0, 3, 9, 17, 31]) {
      const child = spawn(process.execPath, [writer, join(folder, 'wanted.json')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, ms));
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect([issued(old).cert, issued(fresh).cert]).toContain(await textOf(place.cert));
      expect([issued(old).key, issued(fresh).key]).toContain(await textOf(place.key));
      await driver.writeShown(place, shown(fresh));
      expect([await textOf(place.cert), await textOf(place.key)]).toEqual([issued(fresh).cert, issued(fresh).key]);
    }
    await driver.writeShown(place, shown(old));
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }, 60_000);

  it('are not written with the key of another', async () => {
    const { place, driver } = await filesWith();
    const error = await refusalOf(driver.writeShown(place, { ...shown(fresh), key: shown(old).key }));
    expect(error).toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining('not that of the first'),
    });
    expect(await textOf(place.cert)).toBe(issued(old).cert);
  });
});

type Harm = readonly [what: string, harm: (place: CertificateFiles) => Promise<unknown>, code: string, message: RegExp];

const HARMS: readonly Harm[] = [
  [
    'a bundle that was cut short',
    async ({ trust }) => writeFile(trust, (await textOf(trust)).slice(0, -40)),
    'INPUT_INVALID',
    /torn: 1 begin, 0 end/,
  ],
  [
    'a bundle whose second certificate was cut out',
    ({ trust }) => writeFile(trust, `${issued(oldCa).cert}-----END CERTIFICATE-----\n`),
    'INPUT_INVALID',
    /torn: 1 begin, 2 end/,
  ],
  [
    'a bundle in which one begins inside another',
    ({ trust }) => writeFile(trust, `-----BEGIN CERTIFICATE-----\nMIIB\n${issued(oldCa).cert}`),
    'INPUT_INVALID',
    /torn/,
  ],
  ['an empty bundle', ({ trust }) => writeFile(trust, '\n'), 'INPUT_INVALID', /at least one CERTIFICATE/],
  [
    'a bundle with a key in it',
    async ({ trust, key }) => writeFile(trust, `${await textOf(trust)}${await textOf(key)}`),
    'INPUT_INVALID',
    /only CERTIFICATE blocks/,
  ],
  [
    'a certificate that does not parse',
    async ({ cert }) =>
      writeFile(cert, (await textOf(cert)).replace(/(CERTIFICATE-----\n)[A-Za-z0-9+/]{64}/, `$1${'A'.repeat(64)}`)),
    'INPUT_INVALID',
    /does not parse|has bytes after/,
  ],
  [
    'a chain file with a key',
    async ({ cert, key }) => writeFile(cert, `${await textOf(cert)}${await textOf(key)}`),
    'INPUT_INVALID',
    /private key beside the chain/,
  ],
  [
    'a key file without a key',
    ({ key }) => writeFile(key, issued(old).cert),
    'INPUT_INVALID',
    /one private key, got none/,
  ],
  ['a key that is open to others', ({ key }) => chmod(key, 0o644), 'SECRET_REFUSED', /opens it to others/],
  ['a bundle that everybody may write', ({ trust }) => chmod(trust, 0o666), 'SECRET_REFUSED', /everybody may write/],
  [
    'a bundle that is a link',
    ({ trust }) => unlink(trust).then(() => symlink('/etc/hostname', trust)),
    'INPUT_UNREADABLE',
    /symbolic link/,
  ],
  ['no bundle', ({ trust }) => unlink(trust), 'INPUT_UNREADABLE', /no such file/],
];

describe('files that cannot be trusted are named, before and when they are read:', () => {
  it.each(HARMS)('%s', async (_, harm, code, message) => {
    const { place, driver } = await filesWith();
    expect(await driver.rehearse(place)).toEqual([]);
    await harm(place);
    const error = await refusalOf(driver.read(place));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect([place.trust, place.cert, place.key]).toContain(error.at?.file);
    expect(JSON.stringify([error, error.message, error.hint])).not.toContain(line(issued(old).key));
    const obstacles = await driver.rehearse(place);
    expect(obstacles.join('\n')).toMatch(message);
    expect(obstacles.join('\n')).not.toContain(line(issued(old).key));
  });

  it('a torn file is replaced all the same', async () => {
    const { place, driver } = await filesWith();
    await writeFile(place.trust, '-----BEGIN CERTIFICATE-----\nMII');
    await writeFile(place.cert, '-----BEGIN CERTIFICATE-----\nMII');
    expect(await driver.writeTrust(place, issued(newCa).cert)).toEqual({ changed: true });
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: true });
    expect((await driver.read(place)).chain).toBe(issued(fresh).cert);
  });
});

async function programWith(mode = 'good', change: Partial<CertificateCommand> = {}) {
  const folder = await ownFolder();
  const at = (name: string) => join(folder, name);
  const files = { trust: issued(oldCa).cert, chain: issued(old).cert, key: issued(old).key };
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text, { mode: 0o600 });
  await mkdir(at('made'), { mode: 0o700 });
  await writeFile(at('made/first'), issued(old).key, { mode: 0o600 });
  const place: CertificateCommand = {
    driver: 'command',
    command: [process.execPath, PROGRAM, folder, mode],
    pass: [],
    deadlineMs: 20_000,
    target: { kind: 'replica', name: 'signer-a' },
    keys: 'kept',
    ...change,
  };
  const party = { place, reload: place.command, restart: undefined, deadlineMs: 20_000, endSessions: place.command };
  return { place, party, driver: driverIn(folder), kept: (name: string) => textOf(at(name)) };
}

const WISH = {
  id: 'r-1-signer-a',
  commonName: 'signer-a',
  subject: [['CN', 'signer-a']],
  names: ['signer-a.internal'],
  key: 'P-256',
} as const;

describe('a program that keeps certificates', () => {
  it('makes the key itself: a CSR comes out, a chain goes in, and the key goes nowhere', async () => {
    const { place, driver, kept } = await programWith();
    expect(await driver.read(place)).toEqual({ trust: issued(oldCa).cert, chain: issued(old).cert, key: undefined });
    const csr = await driver.request(place, WISH);
    expect((await readRequest(csr)).commonName).toBe('signer-a');
    const again = await driver.request(place, WISH);
    expect((await readRequest(again)).publicKey.toJSON()).toEqual((await readRequest(csr)).publicKey.toJSON());
    const { issueFromRequest } = await import('../../src/pki/issue.ts');
    const chain = await issueFromRequest(issued(newCa), csr, {
      purpose: 'server',
      names: WISH.names,
      now: Date.now(),
      days: 1,
    });
    expect(await driver.writeShown(place, { chain, key: undefined })).toEqual({ changed: true });
    expect(await kept('chain')).toBe(chain);
    expect(await kept('key')).not.toBe(issued(old).key);
    expect(await driver.writeShown(place, { chain: issued(old).cert, key: undefined })).toEqual({ changed: true });
    expect(await kept('key')).toBe(issued(old).key);
  });

  it('is sent the key on stdin, and nowhere else, where the fleet file says so', async () => {
    const { place, driver, kept } = await programWith('gives-key', { keys: 'sent' });
    const { key } = await driver.read(place);
    expect(key && reveal(key).toString()).toBe(issued(old).key);
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: true });
    expect(await kept('key')).toBe(issued(fresh).key);
    expect(await kept('world')).not.toContain(line(issued(fresh).key));
    expect(await driver.writeShown(place, shown(fresh))).toEqual({ changed: false });
  });

  it('is asked for what it carries out, and for nothing else', async () => {
    const { place, party, driver, kept } = await programWith();
    await driver.writeTrust(place, issued(newCa).cert);
    expect(await driver.reload(party)).toMatchObject({ ok: true, how: 'done' });
    expect(await driver.endSessions(party)).toMatchObject({ ok: true });
    expect(await refusalOf(driver.restart(party))).toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(await driver.endSessions({ ...party, endSessions: undefined })).toMatchObject({ ok: true });
    expect((await kept('asked')).trim().split('\n')).toEqual(
      ['write-trust', 'reload', 'end-sessions', 'reload'].map((op) => `rotctl.certificates.v1 replica signer-a ${op}`),
    );
  });

  it('that keeps its keys is never sent one, and may not show one', async () => {
    const { place, driver } = await programWith('gives-key');
    expect(await refusalOf(driver.writeShown(place, shown(fresh)))).toMatchObject({ code: 'INTERNAL' });
    expect((await refusalOf(driver.read(place))).message).toMatch(
      /read: a bad answer: it has a key, and keys are kept$/,
    );
  });

  it('is rehearsed', async () => {
    const { place, driver } = await programWith('hindered');
    const [obstacle = '', ...more] = await driver.rehearse(place);
    expect(obstacle).toMatch(/for replica signer-a: the volume is read-only/);
    expect(obstacle).not.toContain(line(issued(old).key));
    expect(more).toEqual([]);
    expect(await driver.rehearse({ ...place, command: ['./not-there'] })).toEqual([
      'command: ./not-there is no program that can be run',
    ]);
    expect(await driver.rehearse({ ...place, command: [...place.command.slice(0, -1), 'knows-nothing'] })).toEqual([]);
  });

  it.each<[mode: string, op: 'read' | 'request' | 'writeShown' | 'writeTrust', message: RegExp]>([
    ['garbage', 'writeShown', /write-shown: a bad answer: it is not one JSON object/],
    ['empty', 'writeTrust', /write-trust: a bad answer: it is empty$/],
    ['refuses', 'writeShown', /write-shown: cannot write /],
    ['prints-all', 'writeShown', /write-shown: no; stderr: /],
    ['fails-after', 'writeShown', /write-shown: exit 1, though it answered ok$/],
    ['other-schema', 'writeTrust', /its schema is not rotctl\.certificates\.v1$/],
    ['torn', 'read', /read: a bad answer: its trust: a PEM block is torn: 1 begin, 0 end$/],
    ['no-pem', 'read', /its trust: a bundle must hold at least one CERTIFICATE block, got none$/],
    ['no-pem', 'request', /its csr is not one CERTIFICATE REQUEST in PEM$/],
    ['key-as-chain', 'read', /its chain: a bundle must hold only CERTIFICATE blocks/],
    ['key-as-chain', 'request', /its csr is not one CERTIFICATE REQUEST in PEM$/],
    ['knows-nothing', 'read', /read: it does not know read$/],
    ['hangs', 'writeShown', /past its deadline of 700 ms|killed by SIG/],
  ])(
    'that does not do as agreed has failed, and no key is in what is said of it: %s, %s',
    async (mode, op, message) => {
      const keys = op === 'request' ? 'kept' : 'sent';
      const { place, driver } = await programWith(mode, { keys, ...(mode === 'hangs' && { deadlineMs: 700 }) });
      const asking = {
        read: () => driver.read(place),
        request: () => driver.request(place, WISH),
        writeShown: () => driver.writeShown(place, shown(fresh)),
        writeTrust: () => driver.writeTrust(place, issued(newCa).cert),
      };
      const error = await refusalOf(asking[op]());
      expect(error).toMatchObject({ code: 'DRIVER_FAILED', message: expect.stringMatching(message) });
      expect(error.hint).toContain('spec/certificate-command.md');
      for (const { key } of [issued(old), issued(fresh)]) {
        const said = JSON.stringify([error, error.message, error.hint, error.stack]);
        for (const part of key.split('\n').filter((one) => one.length > 12 && !one.startsWith('---')))
          expect(said).not.toContain(part);
      }
    },
  );
});
