import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts, requirePrograms, run, until } from '../foreign/processes.ts';

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find(existsSync) ?? 'sshd';

/** An sshd of the test's own on the loopback, for this user and with a key of its own, and an inventory that leads to it. */
export interface SshHost {
  readonly folder: string;
  readonly inventory: string;
  stop(): Promise<void>;
}

/** Starts it. @param hosts names under which the inventory has it; the host `gone` is there too, where nothing listens */
export async function startSshHost(hosts: readonly string[]): Promise<SshHost> {
  await requirePrograms(['ansible-playbook', 'python3']);
  await requireSshd();
  const folder = mkdtempSync(join(tmpdir(), 'ssh-host-'));
  const [port = 0, nobody = 0] = await freePorts(2);
  for (const key of ['host', 'user'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)], folder);
  copyFileSync(join(folder, 'user.pub'), join(folder, 'authorized_keys'));
  chmodSync(join(folder, 'authorized_keys'), 0o600);
  writeFileSync(join(folder, 'sshd_config'), sshdConfig(folder, port));
  // Debian's sshd wants the folder that its service would make.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
  const sshd = spawn(SSHD, ['-D', '-f', join(folder, 'sshd_config'), '-E', join(folder, 'sshd.log')], {
    stdio: 'ignore',
  });
  const inventory = join(folder, 'hosts.ini');
  writeFileSync(inventory, inventoryText(folder, { port, nobody, hosts }));
  const host = { folder, inventory, stop: () => stop(folder, sshd) };
  try {
    await until(async () => readFileSync(join(folder, 'sshd.log'), 'utf8').includes('Server listening'));
  } catch (error) {
    await host.stop();
    throw error;
  }
  return host;
}

async function requireSshd(): Promise<void> {
  if (!existsSync(SSHD))
    throw new Error('these tests need sshd (Debian: openssh-server), which cannot be started here');
}

function sshdConfig(folder: string, port: number): string {
  return `Port ${port}
ListenAddress 127.0.0.1
HostKey ${join(folder, 'host')}
AuthorizedKeysFile ${join(folder, 'authorized_keys')}
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
`;
}

function inventoryText(
  folder: string,
  { port, nobody, hosts }: { readonly port: number; readonly nobody: number; readonly hosts: readonly string[] },
): string {
  const options = [
    `-o UserKnownHostsFile=${join(folder, 'known_hosts')}`,
    '-o StrictHostKeyChecking=accept-new',
    '-o IdentitiesOnly=yes',
    '-F none',
  ].join(' ');
  return `[fleet]
${hosts.map((name) => `${name} ansible_port=${port}`).join('\n')}
gone ansible_port=${nobody}

[fleet:vars]
ansible_host=127.0.0.1
ansible_user=${userInfo().username}
ansible_ssh_private_key_file=${join(folder, 'user')}
ansible_ssh_common_args=${options}
# as usual, but for how long a connection outlives the last that used it
ansible_ssh_args=-C -o ControlMaster=auto -o ControlPersist=5s
ansible_control_path_dir=${join(folder, 'cp')}
ansible_python_interpreter=/usr/bin/python3
# whoever asks to become another user is refused
ansible_become_user=nobody
ansible_become_exe=/bin/false
`;
}

async function stop(folder: string, sshd: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    if (sshd.exitCode !== null || sshd.signalCode !== null) resolve();
    else sshd.once('exit', () => resolve());
  });
  sshd.kill('SIGTERM');
  await gone;
  rmSync(folder, { recursive: true, force: true });
}
