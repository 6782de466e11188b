import { mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnsibleOrder, AnsibleRun, AnsibleRuns, Commands } from '../deploy/ports.ts';
import { isRunning } from './process-identity.ts';

const PREFIX = 'rotctl-ansible-';
const REQUEST = 'request.json';
const LONGEST_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Overrides of what a configuration may say, so that nothing secret is printed, logged or left behind, and what is printed
 * can be read.
 */
const SETTINGS = {
  ANSIBLE_KEEP_REMOTE_FILES: '0',
  ANSIBLE_DEBUG: '0',
  ANSIBLE_VERBOSITY: '0',
  ANSIBLE_NO_TARGET_SYSLOG: '1',
  ANSIBLE_DISPLAY_ARGS_TO_STDOUT: '0',
  ANSIBLE_DIFF_ALWAYS: '0',
  ANSIBLE_RETRY_FILES_ENABLED: '0',
  ANSIBLE_STDOUT_CALLBACK: 'default',
  ANSIBLE_NOCOLOR: '1',
  ANSIBLE_DEPRECATION_WARNINGS: '0',
} as const;

/** What ansible may need of our environment to reach hosts. */
const PASSED_ON = [
  'SSH_AUTH_SOCK',
  'ANSIBLE_CONFIG',
  'ANSIBLE_VAULT_PASSWORD_FILE',
  'ANSIBLE_COLLECTIONS_PATH',
] as const;

/** What runs of ansible are made with. */
export interface AnsibleSystem {
  readonly commands: Commands;
  /** Absolute path of the shipped playbook. */
  readonly playbook: string;
  readonly redact: (text: string) => string;
}

/** Runs `ansible-playbook` with a private folder that is removed after each run; those of dead processes are removed first. */
export function ansibleRuns({ commands, playbook, redact }: AnsibleSystem): AnsibleRuns {
  let swept: Promise<void> | undefined;
  return {
    async run(order) {
      swept ??= removeLeftovers();
      await swept;
      const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
      try {
        await prepare(folder, order);
        const argv = [
          'ansible-playbook',
          '--inventory',
          order.inventory,
          '--limit',
          [...order.hosts.keys()].join(','),
          '--extra-vars',
          `@${join(folder, REQUEST)}`,
          order.playbook ?? playbook,
        ];
        const { cwd, deadlineMs } = order;
        const env = { ...SETTINGS, ANSIBLE_LOCAL_TEMP: join(folder, 'tmp') };
        const command = await commands.run(argv, { cwd, deadlineMs, pass: PASSED_ON, env });
        return { command, ...(await collect(folder, order, redact)) };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** What the playbook reads: the request, which holds no secret, and the files that it is to write. */
async function prepare(folder: string, { action, become, hosts, files }: AnsibleOrder): Promise<void> {
  const request = {
    rotctl_action: action,
    rotctl_become: become,
    rotctl_folder: folder,
    rotctl_hosts: Object.fromEntries(hosts),
  };
  await mkdir(join(folder, 'tmp'), { mode: 0o700 });
  for (const [name, content] of [[REQUEST, JSON.stringify(request)] as const, ...files]) {
    const file = await open(join(folder, name), 'wx', 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
  }
}

async function collect(
  folder: string,
  { hosts, files }: AnsibleOrder,
  redact: (text: string) => string,
): Promise<Omit<AnsibleRun, 'command'>> {
  const answers = new Map<string, unknown>();
  const fetched = new Map<string, Uint8Array>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry;
    if (!entry.isFile() || name === REQUEST || files.get(name)) continue;
    const bytes = await readFile(join(folder, name));
    const host = name.replace(/\.json$/, '');
    if (name.endsWith('.json') && hosts.has(host)) answers.set(host, answerIn(bytes, redact));
    else fetched.set(name, bytes);
  }
  return { answers, fetched };
}

/** A host's answer, with every known secret in its texts replaced; `undefined` for what is no JSON. */
function answerIn(bytes: Buffer, redact: (text: string) => string): unknown {
  if (bytes.length > LONGEST_ANSWER_BYTES) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'), (_, value: unknown) =>
      typeof value === 'string' ? redact(value) : value,
    );
  } catch {
    return undefined;
  }
}

/** A process that was killed could not remove its folder, in which secrets may be. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || isRunning(pid)) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}
