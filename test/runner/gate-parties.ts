import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GateDriver } from '../../src/deploy/gate.ts';
import type { Fleet } from '../../src/fleet/fleet.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { KeyIds } from '../../src/probe/key-ids.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { ownFolder } from '../credential/real-files.ts';
import { gateDriverOn, NAMES } from '../deploy/gate-place.ts';

/** The secrets of a rotation, as texts. */
export const TEXTS = {
  current: 'CANARY-current-7f3a9c1e5b2d4f60aa7f3a9c1e5b2d4f60aa',
  next: 'CANARY-next-00c3d5e7f9a1b2c4d6e8f000c3d5e7f9a1b2c3',
} as const;

/** Parties of a fleet of gates, in the order in which they are read. */
export const PARTIES = ['gate-a', 'gate-b', 'gate-image', 'langgraph', 'scheduler'] as const;

/** A party of `PARTIES`, or a kind of them. */
export type Who = (typeof PARTIES)[number];

const FILES: Readonly<Record<Who, string>> = {
  'gate-a': 'gates/gate-a.env',
  'gate-b': 'gates/gate-b.env',
  'gate-image': 'gates/template.env',
  langgraph: 'services/langgraph.env',
  scheduler: 'services/scheduler.env',
};

const FLEET = `schema: rotctl.fleet.v1
name: practice-gate
environment: practice
protocol: gate-v1
replicas:
  - { name: gate-a, url: https://127.0.0.1:22001, log: gate-a.log, deploy: { path: gates/gate-a.env, restart: [node] } }
  - name: gate-b
    url: https://127.0.0.1:22002
    deploy: { path: gates/gate-b.env, secretFiles: { prefix: /run/secrets/, folder: secrets }, restart: [node] }
templates: [{ name: gate-image, deploy: { path: gates/template.env } }]
balancer: { url: https://127.0.0.1:22000 }
clients:
  - { id: langgraph, deploy: { path: services/langgraph.env, restart: [node] }, cadence: 100ms }
  - { id: scheduler, deploy: { path: services/scheduler.env, restart: [node] }, cadence: 100ms }
tls: { ca: ca.pem }
replay: { maxAge: 2s, nonceTtl: 6s, clockError: 200ms, storeTimeout: 250ms }
probe: { tool: practice.noop, session: practice-probe, deadline: 1500ms }
usage: { from: ledger, at: /at, client: /actor_did, keyId: /key_id }
logs: { refused: invalid request signature }
`;

/** Variables by short name; one that is `undefined` does not stand there. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A fleet of gates whose configurations are files on the disk, and nothing runs. */
export interface GatesOnDisk {
  readonly folder: string;
  readonly fleet: Fleet;
  readonly gate: { readonly driver: GateDriver; readonly keyIds: KeyIds };
  /** Writes a party's file: its secret, and what is given. */
  put(who: Who, variables: Variables): Promise<void>;
  /** A party's file, byte for byte. */
  text(who: Who): Promise<string>;
  /** The variables that a party's file has beside what no rotation touches. */
  variables(who: Who): Promise<Record<string, string>>;
  /** Files of secrets of gate-b, with their content. */
  secretFiles(): Promise<Record<string, string>>;
}

/** Which kind of party it is. */
export function isService(who: Who): boolean {
  return who === 'langgraph' || who === 'scheduler';
}

/**
 * Makes the files of a fleet in which every gate, the template included, and every service has these variables beside
 * the secret. The secret of gate-b is in a file.
 */
export async function gatesOnDisk(
  { gates = {}, services = {} }: { readonly gates?: Variables; readonly services?: Variables } = {},
  edit: (fleet: string) => string = (text) => text,
): Promise<GatesOnDisk> {
  const folder = await ownFolder();
  for (const name of ['gates', 'services', 'secrets']) await mkdir(join(folder, name), { mode: 0o700 });
  const pathOf = (who: Who) => join(folder, FILES[who]);
  await writeFile(join(folder, 'secrets/interservice_hmac_secret'), TEXTS.current, { mode: 0o600 });
  const place: GatesOnDisk = {
    folder,
    fleet: readFleet(edit(FLEET), join(folder, 'rotctl.yaml')),
    gate: { driver: gateDriverOn(privateFiles()), keyIds: new KeyIds() },
    async put(who, variables) {
      const secret = who === 'gate-b' ? '/run/secrets/interservice_hmac_secret' : TEXTS.current;
      const values: Variables = { secret, ...variables };
      const lines = Object.entries(NAMES).flatMap(([short, name]) =>
        values[short] === undefined ? [] : [`${name}="${values[short]}"\n`],
      );
      const text = `# made by hand\nPORT=8080\n${lines.join('')}REQUIRE_SIGNATURE="true"\n`;
      await mkdir(dirname(pathOf(who)), { recursive: true });
      await writeFile(pathOf(who), text, { mode: 0o600 });
    },
    text: (who) => readFile(pathOf(who), 'utf8'),
    async variables(who) {
      const names = new Map(Object.entries(NAMES).map(([short, name]) => [name, short]));
      const found = (await place.text(who)).matchAll(/^(\w+)="(.*)"$/gm);
      return Object.fromEntries(
        [...found].flatMap(([, name = '', value = '']) => (names.has(name) ? [[names.get(name), value]] : [])),
      );
    },
    async secretFiles() {
      const names = (await readdir(join(folder, 'secrets'))).sort();
      const read = names.map(async (name) => [name, await readFile(join(folder, 'secrets', name), 'utf8')]);
      return Object.fromEntries(await Promise.all(read));
    },
  };
  for (const who of PARTIES) await place.put(who, isService(who) ? services : gates);
  return place;
}
