import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { reveal, Secret } from '../../src/credential/secret.ts';
import { createGateDriver, type GateDriver, type GateSettings } from '../../src/deploy/gate.ts';
import type { GateFiles } from '../../src/deploy/ports.ts';
import { RotctlError } from '../../src/errors/rotctl-error.ts';
import type { EnvFilePlace, GateFormat } from '../../src/fleet/fleet.ts';
import { privateFiles } from '../../src/system/private-files.ts';
import { ownFolder } from '../credential/real-files.ts';

/** Three secrets of one gate, none of which may ever be shown. */
export const [OLD, NEW, LATER] = [
  Secret.fromText('CANARY-old-7f3a9c1e5b2d4f60aa7f3a9c1e5b2d4f60aa'),
  Secret.fromText('CANARY-new-00c3d5e7f9a1b2c4d6e8f000c3d5e7f9a1b2'),
  Secret.fromText('CANARY-later-c4d6e8f000c3d5e7f9a1b200c3d5e7f9a1'),
] as const;

/** The text of a secret, for what is expected in a file. */
export const text = (secret: Secret) => reveal(secret).toString();

const LABELS = new Map([
  [OLD, 'k-01d'],
  [NEW, 'k-3e3'],
  [LATER, 'k-1a7e'],
]);

/** Labels as a rotation gives them: one for each secret, the same each time. */
export const labels = {
  of(secret: Secret): string {
    const [, label] = [...LABELS].find(([one]) => one.signsLike(secret)) ?? [];
    if (label === undefined) throw new Error('a label is asked for a secret that has none');
    return label;
  },
};

/** The names that a gate's variables have unless the fleet file says otherwise. */
export const NAMES: GateFormat['names'] = {
  secret: 'INTERSERVICE_HMAC_SECRET',
  prev: 'INTERSERVICE_HMAC_SECRET_PREV',
  keyId: 'INTERSERVICE_HMAC_KEY_ID',
  keyIdPrev: 'INTERSERVICE_HMAC_KEY_ID_PREV',
  strict: 'INTERSERVICE_HMAC_STRICT_KEY_ID',
  revoked: 'INTERSERVICE_HMAC_REVOKED_IDS',
  dual: 'TOOL_GATE_DUAL_SIGN',
};

/** The driver of gates over these files; it may run nothing. */
export function gateDriverOn(files: GateFiles): GateDriver {
  const unexpected = () => Promise.reject(new Error('no command is expected'));
  return createGateDriver({ files, commands: { run: unexpected, ask: unexpected, runnable: unexpected }, cwd: '/' });
}

/** A gate's configuration on the disk. */
export interface GatePlace {
  readonly driver: GateDriver;
  readonly target: { readonly deploy: EnvFilePlace };
  readonly path: string;
  /** Its folder of secret files, which is there and empty. */
  readonly secrets: string;
  content(): Promise<string>;
  /** Each secret file's content, by name. */
  secretFiles(): Promise<Readonly<Record<string, string>>>;
  /** Writes a secret file. */
  put(name: string, content: string): Promise<void>;
  /** Paths that were replaced, made or removed, in order. */
  readonly touched: readonly string[];
}

/** Makes a gate's env file and folder; the folder may be one that there is already. */
export async function gatePlace(content: string, shared?: string, names = NAMES): Promise<GatePlace> {
  const folder = await ownFolder();
  const [path, secrets] = [join(folder, 'gate.env'), shared ?? join(folder, 'secrets')];
  await writeFile(path, content, { mode: 0o600 });
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  const touched: string[] = [];
  const format = { kind: 'gate', names, secretFiles: { prefix: '/run/secrets/', folder: secrets } } as const;
  return {
    driver: gateDriverOn(watched(touched)),
    target: { deploy: { driver: 'env-file', path, variable: names.secret, format } },
    path,
    secrets,
    content: () => readFile(path, 'utf8'),
    async secretFiles() {
      const entries = (await readdir(secrets))
        .sort()
        .map(async (name) => [name, await readFile(join(secrets, name), 'utf8')]);
      return Object.fromEntries(await Promise.all(entries));
    },
    put: (name, secret) => writeFile(join(secrets, name), secret, { mode: 0o600 }),
    touched,
  };
}

function watched(touched: string[]): GateFiles {
  const files = privateFiles();
  return {
    ...files,
    async replace(path, content) {
      touched.push(`replace ${basename(path)}`);
      await files.replace(path, content);
    },
    async create(path, content, like) {
      touched.push(`create ${basename(path)}`);
      return files.create(path, content, like);
    },
    async remove(path) {
      touched.push(`remove ${basename(path)}`);
      await files.remove(path);
    },
  };
}

/** Settings with the secrets' texts in place of the secrets, and without what is not set. */
export function shown(settings: GateSettings): Record<string, string | true> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, value instanceof Secret ? text(value) : value]];
    }),
  );
}

/** The error that it ends with, which shows no secret. */
export async function refusalOf(work: Promise<unknown>): Promise<RotctlError> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof RotctlError)) throw new Error(`no refusal: ${String(error)}`);
  if (`${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`.includes('CANARY')) {
    throw new Error('the error shows a secret');
  }
  return error;
}
