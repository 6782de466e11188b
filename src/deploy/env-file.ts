import { forClient } from '../credential/placeholder.ts';
import type { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFileDeploy, EnvFilePlace } from '../fleet/fleet.ts';
import { changing } from './changing.ts';
import type { DeployDriver, DeployTarget, Rehearsable } from './driver.ts';
import { replaceSecrets, secretsOf } from './env-secrets.ts';
import type { CommandResult, Commands, GateFiles } from './ports.ts';
import { rehearse } from './rehearse.ts';

/** What the driver works with. */
export interface EnvFilePorts {
  readonly files: GateFiles;
  readonly commands: Commands;
  /** Folder in which commands run: the fleet file's own. */
  readonly cwd: string;
}

/** Makes the driver `env-file`: see `EnvFileDeploy` for what it changes, and `DeployDriver` for what each method promises. */
export function createEnvFileDriver({ files, commands, cwd }: EnvFilePorts): DeployDriver & Rehearsable {
  const read = async (deploy: EnvFilePlace, clientIds: Iterable<string>) => {
    const text = await files.read(deploy.path);
    return new Map(Array.from(clientIds, (id) => [id, secretsOf(text, deploy, id)]));
  };
  const write = async (deploy: EnvFilePlace, secrets: ReadonlyMap<string, readonly Secret[]>) => {
    const before = await files.read(deploy.path);
    let after = before;
    for (const [id, list] of secrets) after = replaceSecrets(after, deploy, id, list);
    if (after === before) return { changed: false };
    await changing(deploy.path, 'replaced', () => files.replace(deploy.path, after));
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
    rehearse: (target, clientIds = []) => rehearse(target, [...clientIds], { files, commands, cwd }),
  };
}
