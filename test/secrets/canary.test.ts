import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { armor, Decrypter } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  builtProgram,
  type Ended,
  expectFleetIn,
  freshFolder,
  type PracticeFleet,
  startPracticeFleet,
  startRotctl,
  within,
} from '../support/practice-fleet.ts';
import { Canaries, filesBelow, openToOthers, type Place, Watch } from './search.ts';

const PATIENCE = within(150);
/** The folders in which the fleet keeps its secrets. */
const HOMES = new Set(['signers', 'clients']);

/** Prints a client's secret as text, as base64 and as hex, without an argument or a variable of a process that holds it. */
const SHOW =
  '. ./clients/client-a.env; for how in cat "base64 -w0" "xxd -p -c 99"; do printf %s "$KEYRING_SECRET" | $how; echo; done';

const canaries = new Canaries();
const printed: Place[] = [];
let fleet: PracticeFleet;
let watch: Watch;
let folder: string;
let temporary: string;
let drillOut: string;

beforeAll(async () => {
  folder = await builtProgram();
  fleet = await startPracticeFleet();
  temporary = freshFolder('tmp');
  drillOut = join(freshFolder('drill'), 'out');
  expectFleetIn(drillOut);
  watch = new Watch(() => [fleet.home, drillOut].forEach(learnFrom));
  return async () => {
    watch.stop();
    await fleet.down();
  };
}, 120_000);

/** Learns every secret that stands in the configuration files now. */
function learnFrom(home: string): void {
  for (const name of HOMES) {
    const files = existsSync(join(home, name))
      ? readdirSync(join(home, name)).filter((file) => file.endsWith('.env'))
      : [];
    for (const file of files)
      for (const secret of secretsIn(readFileSync(join(home, name, file), 'utf8'))) canaries.learn(secret);
  }
}

function secretsIn(text: string): string[] {
  const [, one = ''] = /^KEYRING_SECRET="(.*)"$/m.exec(text) ?? [];
  const [, lists = ''] = /^KEYRING_CLIENTS="(.*)"$/m.exec(text) ?? [];
  return [one, ...[...lists.matchAll(/\\"([^"\\]{32,})\\"/g)].map(([, secret = '']) => secret)];
}

/** Runs `rotctl` where others could read new files, and keeps what it prints. */
async function rotctl(...args: string[]): Promise<Ended> {
  const ended = await startRotctl(folder, fleet.home, args, { shell: 'umask 000', env: { TMPDIR: temporary } }).ended;
  printed.push(
    { name: `stdout of ${args.join(' ')}`, content: ended.stdout },
    { name: `stderr of ${args.join(' ')}`, content: ended.stderr },
  );
  return ended;
}

/** Writes a fleet file beside the real one, with `edit` made in it; returns its name and where its ledger goes. */
function fleetWith(name: string, edit: (text: string) => string): readonly string[] {
  const before = readFileSync(fleet.fleetFile, 'utf8');
  const after = edit(before);
  expect(after, name).not.toBe(before);
  mkdirSync(join(fleet.home, 'mistakes'), { recursive: true, mode: 0o700 });
  writeFileSync(join(fleet.home, `${name}.yaml`), after, { mode: 0o600 });
  return ['--fleet', `${name}.yaml`, '--ledger', join('mistakes', `${name}-ledger.yaml`)];
}

function secretOf(client: string): string {
  const secret = fleet.material().clients[client];
  if (secret === undefined) throw new Error(`no secret of ${client}`);
  return secret;
}

describe('secrets stay in the configuration files and, sealed, in the vault', () => {
  it('through a whole rotation, while a drill with a fault runs', PATIENCE, async () => {
    const drill = startRotctl(
      folder,
      dirname(drillOut),
      ['drill', '--fault', 'misses-next@signer-b', '--verbose', '--out', 'out', '--store', 'embedded'],
      {
        shell: 'umask 000',
        env: { TMPDIR: temporary },
      },
    );
    const before = secretOf('client-a');
    const overlap = await rotctl('overlap', '--verbose', '--out', 'report-overlap');
    expect(overlap.code, overlap.stderr).toBe(0);
    const next = secretOf('client-a');
    expect(next).not.toBe(before);
    expect(await sealed()).toMatchObject({ 'client-a': { current: before, next } });

    const retire = await rotctl('retire', '--wait', '--json', '--out', 'report-retire');
    expect(retire.code, retire.stderr).toBe(0);
    expect(JSON.stringify(await sealed())).not.toContain(before);
    const { stdout, stderr } = await drill.ended;
    printed.push({ name: 'stdout of the drill', content: stdout }, { name: 'stderr of the drill', content: stderr });
    expect(stderr).toMatch(/^(PASS|FAIL|INCONCLUSIVE) drill/m);
  });

  it('through a rollback, and when all of the record is shown', PATIENCE, async () => {
    const overlap = await rotctl('overlap', '--json');
    expect(overlap.code, overlap.stderr).toBe(0);
    const rollback = await rotctl('rollback', '--verbose');
    expect(rollback.code, rollback.stderr).toBe(0);
    for (const words of [
      ['ledger', 'show', '--verbose'],
      ['ledger', 'export'],
      ['status', '--json'],
    ]) {
      const { stdout, stderr } = await rotctl(...words);
      expect(stdout.length, stderr).toBeGreaterThan(100);
    }
  });

  const mistakes: readonly (readonly [what: string, name: string, edit: (text: string, secret: string) => string])[] = [
    [
      'a quote that is never closed, on a line that holds one',
      'syntax',
      (text, secret) => `${text}\nnote: "${secret}\n`,
    ],
    [
      'one in a flow mapping that does not parse',
      'flow',
      (text, secret) => text.replace('outcomes: []', `outcomes: [{ ${secret}: ]`),
    ],
    ['one as an unknown key', 'key', (text, secret) => `${text}\n${secret}: 1\n`],
    [
      'one as a value of no meaning',
      'value',
      (text, secret) => text.replace('environment: practice', `environment: ${secret}`),
    ],
    ['one as a duration', 'duration', (text, secret) => text.replace('maxAge: ', `maxAge: ${secret} #`)],
    [
      'one as a list where a name belongs',
      'list',
      (text, secret) => text.replace('name: practice', `name: [${secret}]`),
    ],
  ];
  for (const [what, name, edit] of mistakes) {
    it(`when the fleet file is wrong: ${what}`, PATIENCE, async () => {
      const flags = fleetWith(name, (text) => edit(text, secretOf('client-a')));
      for (const more of [[], ['--json'], ['--verbose']]) {
        const { code, stdout, stderr } = await rotctl('overlap', ...flags, ...more);
        expect(code, stderr).toBe(2);
        expect(`${stdout}${stderr}`).toMatch(
          new RegExp(more[0] === '--json' ? '"line": ?\\d+' : `${name}\\.yaml:\\d+:\\d+`),
        );
      }
    });
  }

  it('when a configuration file of a replica is no JSON', PATIENCE, async () => {
    const text = readFileSync(join(fleet.home, 'signers/signer-a.env'), 'utf8');
    writeFileSync(join(fleet.home, 'signers/broken.env'), text.replace('KEYRING_CLIENTS="{', 'KEYRING_CLIENTS="'), {
      mode: 0o600,
    });
    const flags = fleetWith('broken', (yaml) => yaml.replace('path: signers/signer-a.env', 'path: signers/broken.env'));
    const { code, stderr } = await rotctl('overlap', ...flags, '--verbose');
    expect(code).not.toBe(0);
    expect(stderr).toContain('broken.env');
  });

  it('when a deploy command prints them and fails', PATIENCE, async () => {
    const flags = fleetWith('chatty', (yaml) =>
      yaml.replace(/reload: \[.*\]/, `reload: [sh, -c, 'cat signers/signer-a.env; ${SHOW}; exit 3']`),
    );
    const { code, stderr } = await rotctl('overlap', ...flags, '--verbose', '--out', 'report-chatty');
    expect([10, 11, 12], stderr).toContain(code);
    expect(stderr).toContain('[secret ');
  });

  it('a secret that is typed is not repeated', PATIENCE, async () => {
    const typed = randomBytes(32).toString('hex');
    for (const args of [
      ['overlap', typed],
      ['overlap', `--secret=${typed}`],
      ['overlap', '--secret-file', typed],
      ['--client', typed, 'check'],
      [typed],
    ]) {
      const { code, stdout, stderr } = await startRotctl(folder, fleet.home, args).ended;
      expect(code).toBe(2);
      expect(`${stdout}${stderr}`).not.toContain(typed.slice(0, 12));
    }
  });

  it('nothing of any of them was printed, written or shown elsewhere', () => {
    expect(canaries.count).toBeGreaterThanOrEqual(10);
    expect(canaries.find(printed)).toEqual([]);
    const meant = (path: string): boolean => HOMES.has(basename(dirname(path))) || mistakeFiles().has(path);
    for (const place of [fleet.home, drillOut, temporary]) expect(canaries.find(filesBelow(place, meant))).toEqual([]);
    expect(watch.seen.looks).toBeGreaterThan(100);
    expect(watch.seen.commands.some((command) => command.includes('rotctl.js'))).toBe(true);
    expect(watch.seen.commands.some((command) => command.includes('reload'))).toBe(true);
    expect(canaries.find(watch.places())).toEqual([]);
  });

  it('the search finds one that was left', () => {
    const secret = secretOf('client-a');
    const left = [
      secret,
      Buffer.from(secret).toString('base64'),
      `x${secret.slice(0, 12)}x`,
      encodeURIComponent(secret),
    ];
    for (const content of left) expect(canaries.find([{ name: 'place', content }])).not.toEqual([]);
  });

  it('nobody else may read what was written, whatever the umask', () => {
    for (const place of [fleet.home, drillOut]) expect(openToOthers(place)).toEqual([]);
  });
});

/** The files into which this test itself put a secret. */
function mistakeFiles(): ReadonlySet<string> {
  return new Set(
    ['syntax', 'flow', 'key', 'value', 'duration', 'list'].map((name) => join(fleet.home, `${name}.yaml`)),
  );
}

/** What the vault keeps of the newest rotation, opened as anyone with the `age` tool would. */
async function sealed(): Promise<Record<string, Record<string, string>>> {
  const vault = join(fleet.home, 'rotctl-vault');
  const [identity = ''] = readFileSync(join(vault, 'identity.txt'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('AGE-SECRET-KEY-'));
  const newest =
    readdirSync(vault)
      .filter((name) => name.endsWith('.age'))
      .at(-1) ?? '';
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const text = await decrypter.decrypt(armor.decode(readFileSync(join(vault, newest), 'utf8')), 'text');
  const { clients }: { clients: Record<string, Record<string, string>> } = JSON.parse(text);
  return Object.fromEntries(
    Object.entries(clients).map(([id, secrets]) => [
      id,
      Object.fromEntries(
        Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]),
      ),
    ]),
  );
}
