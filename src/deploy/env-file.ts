import { readVariable, replaceVariable } from '../credential/env-file.ts';
import { forClient } from '../credential/placeholder.ts';
import { reveal, type Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFileDeploy, EnvFilePlace } from '../fleet/fleet.ts';
import type { DeployDriver, DeployTarget } from './driver.ts';
import type { CommandResult, Commands, PrivateFiles } from './ports.ts';
import { replacing } from './replace.ts';
import { secretsIn, withSecrets } from './variable-format.ts';

/** What the driver works with. */
export interface EnvFilePorts {
  readonly files: PrivateFiles;
  readonly commands: Commands;
  /** Folder in which commands run: the fleet file's own. */
  readonly cwd: string;
}

/** Makes the driver `env-file`: see `EnvFileDeploy` for what it changes, and `DeployDriver` for what each method promises. */
export function createEnvFileDriver({ files, commands, cwd }: EnvFilePorts): DeployDriver {
  const read = async (deploy: EnvFilePlace, clientIds: Iterable<string>) => {
    const text = await files.read(deploy.path);
    return new Map(Array.from(clientIds, (id) => [id, secretsOf(text, deploy, id)]));
  };
  const write = async (deploy: EnvFilePlace, secrets: ReadonlyMap<string, readonly Secret[]>) => {
    const before = await files.read(deploy.path);
    let after = before;
    for (const [id, list] of secrets) after = replaceSecrets(after, deploy, id, list);
    if (after === before) return { changed: false };
    await replacing(deploy.path, () => files.replace(deploy.path, after));
    return { changed: true };
  };
  const run = (deploy: EnvFileDeploy, what: 'reload' | 'restart'): Promise<CommandResult> => {
    const argv = deploy[what];
    if (argv === undefined) throw new RotctlError('PRECONDITION_FAILED', `the fleet file states no ${what} command`);
    return commands.run(argv, { cwd, deadlineMs: deploy.deadlineMs });
  };

  return {
    readAccepted: (target, clientIds) => read(target.deploy, clientIds),
    writeAccepted: (target, accepted) => write(target.deploy, accepted),
    async readSigning({ id, deploy }) {
      const [secret] = (await read(deploy, [id])).get(id) ?? [];
      if (secret !== undefined) return secret;
      throw new RotctlError('SECRET_REFUSED', `${forClient(deploy.variable, id)} is empty`, {
        at: { file: deploy.path },
      });
    },
    writeSigning: ({ id, deploy }, secret) => write(deploy, new Map([[id, [secret]]])),
    reload: async (target: DeployTarget) => run(target.deploy, 'reload'),
    restart: async (target: DeployTarget) => run(target.deploy, 'restart'),
  };
}

function secretsOf(text: string, deploy: EnvFilePlace, clientId: string): Secret[] {
  const { variable, value } = valueFor(text, deploy, clientId);
  return located(deploy.path, () => secretsIn(value, deploy.format, clientId, variable));
}

/** Writes the variable only when its value changes, so that a file of another spelling is not touched for nothing. */
function replaceSecrets(text: string, deploy: EnvFilePlace, clientId: string, secrets: readonly Secret[]): string {
  const { variable, value } = valueFor(text, deploy, clientId);
  const next = located(deploy.path, () => {
    const present = secretsIn(value, deploy.format, clientId, variable);
    const same = present.length === secrets.length && present.every((one, index) => secrets[index]?.signsLike(one));
    return same ? value : withSecrets(value, deploy.format, clientId, secrets, variable);
  });
  return next === value ? text : replaceVariable(text, variable, next, deploy.path, formerly(deploy, secrets));
}

/**
 * Characters that this place has held before: a fresh secret has none that readers take differently (`judgeNext`), so a
 * secret that has some stood here when the rotation began, and must get back in.
 */
function formerly({ format }: EnvFilePlace, secrets: readonly Secret[]): string {
  const texts = secrets.map((secret) => reveal(secret).toString('utf8'));
  return format.kind === 'json' ? JSON.stringify(texts) : texts.join('');
}

function valueFor(text: string, deploy: EnvFilePlace, clientId: string) {
  const variable = forClient(deploy.variable, clientId);
  const value = readVariable(text, variable, deploy.path);
  if (value !== undefined) return { variable, value };
  throw new RotctlError('INPUT_INVALID', `${variable} is not set in the file`, { at: { file: deploy.path } });
}

/** Adds the file to an error that was thrown without knowing it. */
function located<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RotctlError) || error.at !== undefined) throw error;
    throw new RotctlError(error.code, error.message, { at: { file }, hint: error.hint });
  }
}
