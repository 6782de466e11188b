import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ForeignFleet, startForeign } from '../foreign/foreign-fleet.ts';
import { startSshHost } from './ssh-host.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
export const CLIENTS = ['client-a', 'client-b'];

/** Signers that share no line with the practice fleet, whose files and commands are reached by ansible over ssh alone. */
export interface AnsibleFleet extends ForeignFleet {
  readonly fleetFile: string;
  readonly inventory: string;
  /** What ansible has logged, as the operator's `ansible.cfg` tells it to. */
  log(): string;
  /** Changes the fleet file's text. */
  edit(change: (text: string) => string): void;
}

/** Starts it; whoever starts it stops it. */
export async function startAnsibleFleet(
  options: { readonly replicas?: number; readonly clients?: boolean } = {},
): Promise<AnsibleFleet> {
  const replicas = options.replicas ?? 2;
  const names = Array.from({ length: replicas }, (_, index) => `signer-${index + 1}`);
  const ssh = await startSshHost([...names, ...CLIENTS]);
  const fleet = await startForeign({ root, replicas, takeUp: 'restart', ...options }).catch(async (error: unknown) => {
    await ssh.stop();
    throw error;
  });
  const fleetFile = join(fleet.home, 'rotctl.yaml');
  const edit = (change: (text: string) => string) => writeFileSync(fleetFile, change(readFileSync(fleetFile, 'utf8')));
  edit((text) =>
    text
      .replace(
        /^( +)path: etc\/([a-z0-9-]+)\.env$/gm,
        (_, indent: string, name: string) =>
          `${indent}driver: ansible\n${indent}inventory: ${ssh.inventory}\n${indent}host: ${name}\n${indent}path: ${fleet.home}/etc/${name}.env`,
      )
      .replace(/run\/([a-z0-9-]+)\.json/g, `${fleet.home}/run/$1.json`),
  );
  const logFile = join(fleet.home, 'ansible.log');
  writeFileSync(
    join(fleet.home, 'ansible.cfg'),
    `[defaults]\nlog_path = ${logFile}\n[ssh_connection]\npipelining = True\n`,
  );
  return {
    ...fleet,
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    fleetFile,
    inventory: ssh.inventory,
    edit,
    async stop() {
      await fleet.stop();
      await ssh.stop();
    },
  };
}
