import { readVariable } from '../credential/env-file.ts';
import { hasPlaceholder } from '../credential/placeholder.ts';
import { Secret } from '../credential/secret.ts';
import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';
import type { RehearsalTarget } from './driver.ts';
import { replaceSecrets, secretsOf } from './env-secrets.ts';
import { planChange } from './gate-change.ts';
import { gateFormat, readHeld } from './gate-secrets.ts';
import type { Commands, GateFiles } from './ports.ts';

/** What a rehearsal looks with. */
export interface RehearsalPorts {
  readonly files: GateFiles;
  readonly commands: Commands;
  /** Folder in which commands run. */
  readonly cwd: string;
}

/** As long, and of the same characters, as the secrets that `rotctl` makes; it is never written anywhere. */
const STAND_IN = Secret.fromText('5'.repeat(64));
/** Every setting of a gate, so that each variable is looked at. */
const SETTINGS = { keyId: 'k-1', keyIdPrev: 'k-2', strict: 'true', revoked: 'k-3', dual: 'true' } as const;

/** See `Rehearsable.rehearse`. */
export async function rehearse(
  { deploy }: RehearsalTarget,
  clientIds: readonly string[],
  { files, commands, cwd }: RehearsalPorts,
): Promise<readonly string[]> {
  const obstacles = await inFile(deploy, clientIds, files);
  const hindrance = await files.replaceable(deploy.path);
  if (hindrance !== undefined) obstacles.push(`${deploy.path}: cannot be replaced: ${hindrance}`);
  for (const what of ['reload', 'restart'] as const) {
    const program = deploy[what]?.[0];
    if (program === undefined || (await commands.runnable(program, cwd))) continue;
    obstacles.push(`${what}: ${escapeForeign(program)} is no program that can be run`);
  }
  return obstacles;
}

/** Reads the file and changes its text, without writing it. */
async function inFile(deploy: EnvFilePlace, clientIds: readonly string[], files: GateFiles): Promise<string[]> {
  try {
    const text = await files.read(deploy.path);
    if (deploy.format.kind === 'gate') return await inGate(text, deploy, files);
    inKeyring(text, deploy, clientIds);
    return [];
  } catch (error) {
    if (!(error instanceof RotctlError) || error.code === 'INTERNAL') throw error;
    return [`${error.position ?? deploy.path}: ${error.message}`];
  }
}

function inKeyring(text: string, deploy: EnvFilePlace, clientIds: readonly string[]): void {
  const { format, variable } = deploy;
  if (!hasPlaceholder(variable) && readVariable(text, variable, deploy.path) === undefined) {
    throw new RotctlError('INPUT_INVALID', `${variable} is not set in the file`, { at: { file: deploy.path } });
  }
  for (const id of clientIds) {
    const present = secretsOf(text, deploy, id);
    replaceSecrets(text, deploy, id, format.kind === 'list' ? [...present, STAND_IN] : [STAND_IN]);
  }
}

async function inGate(text: string, deploy: EnvFilePlace, files: GateFiles): Promise<string[]> {
  const held = await readHeld(text, deploy, files);
  const { file, secret } = held.secret;
  const change = { ...SETTINGS, secret: STAND_IN, prev: secret ?? STAND_IN };
  const { newFiles } = planChange(text, deploy, held, change, { of: () => 'k-rehearsed' });
  const obstacles: string[] = [];
  if (file !== undefined && secret === undefined) {
    obstacles.push(`${file}: the file that ${gateFormat(deploy).names.secret} names is empty or not there`);
  }
  for (const { path } of newFiles) {
    const hindrance = await files.replaceable(path);
    if (hindrance !== undefined) obstacles.push(`${path}: cannot be made: ${hindrance}`);
  }
  return [...new Set(obstacles)];
}
