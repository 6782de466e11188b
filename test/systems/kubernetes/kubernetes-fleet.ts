import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ForeignFleet, type ForeignOptions, startForeign } from '../foreign/foreign-fleet.ts';
import { freePorts, requirePrograms, run } from '../foreign/processes.ts';
import { type Cluster, startCluster, type WorkloadOptions } from './cluster.ts';

/** A fleet of real signers whose configuration comes from a stand-in cluster. */
export interface KubernetesFleet {
  readonly fleet: ForeignFleet;
  readonly cluster: Cluster;
}

/** How it differs from the ordinary: a Deployment and a Secret for each replica and each client, a client certificate. */
export interface KubernetesOptions extends Omit<ForeignOptions, 'edit' | 'takeUp'> {
  /** All replicas are pods of one StatefulSet with one Secret. */
  readonly together?: boolean;
  /** The cluster is asked with a token in place of a client certificate. */
  readonly token?: string;
  /** The field manager that has made the Secrets. */
  readonly manager?: string;
  readonly edit?: (text: string) => string;
}

const NAMESPACE = 'signing';

/** Starts both; `stop` of the fleet and of the cluster end them. */
export async function startKubernetes(options: KubernetesOptions): Promise<KubernetesFleet> {
  await requirePrograms([]);
  await run('kubectl', ['version', '--client'], '/').catch(() => {
    throw new Error('these tests need kubectl (Debian: apt-get install kubernetes-client)');
  });
  const [port = 0] = await freePorts(1);
  const { together = false, edit = (text: string) => text, token, manager, ...rest } = options;
  const fleet = await startForeign({ ...rest, edit: (text) => edit(inCluster(text, together)) });
  const names = fleet.ports.map((_, n) => `signer-${n + 1}`);
  const file = (name: string) => join(fleet.home, 'etc', `${name}.env`);
  const secretOf = (name: string) => (together && name.startsWith('signer') ? 'signers' : name);
  const start = (name: string): WorkloadOptions['start'] => {
    return async (secrets) => {
      fill(file(name), secrets.get(secretOf(name)) ?? {});
      await fleet.ctl('restart', name);
    };
  };
  const all: WorkloadOptions = {
    kind: 'statefulset',
    replicas: names.length,
    start: async (secrets) => {
      for (const name of names.toReversed()) await start(name)(secrets);
    },
  };
  const alone = (list: readonly string[]): Record<string, WorkloadOptions> =>
    Object.fromEntries(list.map((name) => [name, { kind: 'deployment', start: start(name) }]));
  const clients = ['client-a', 'client-b'];
  const tls = { ca: pem(fleet, 'ca.pem'), cert: pem(fleet, 'signer-1.pem'), key: pem(fleet, 'signer-1.key') };
  const cluster = await startCluster({
    port,
    tls,
    namespace: NAMESPACE,
    secrets: Object.fromEntries([...names, ...clients].map((name) => [secretOf(name), secretsIn(file(name))])),
    workloads: { ...(together ? { signers: all } : alone(names)), ...alone(clients) },
    ...(token === undefined ? {} : { token }),
    ...(manager === undefined ? {} : { manager }),
  });
  writeFileSync(join(fleet.home, 'kubeconfig'), kubeconfig(fleet, port, token), { mode: 0o600 });
  return { fleet, cluster };
}

/** The fleet file with a Secret and a workload in place of files and commands. */
function inCluster(text: string, together: boolean): string {
  const place = (secret: string, key: string, kind: string) =>
    `driver: kubernetes, kubeconfig: kubeconfig, context: there, namespace: ${NAMESPACE}, secret: ${secret}, key: '${key}', workload: ${kind}/${secret}, deadline: 20s`;
  return text.replace(
    / {4}deploy:\n {6}path: etc\/([\w-]+)\.env\n {6}variable: (\S+)\n(?: {6}format: list\n)?(?: {6}re(?:load|start): .*\n?)+/g,
    (_, name: string, key: string) => {
      const isSigner = name.startsWith('signer');
      const secret = isSigner && together ? 'signers' : name;
      const rest = isSigner ? `, format: list${together ? ', together: true' : ''}` : '';
      return `    deploy: { ${place(secret, key, isSigner && together ? 'statefulset' : 'deployment')}${rest} }\n`;
    },
  );
}

function kubeconfig({ home }: ForeignFleet, port: number, token: string | undefined): string {
  const user =
    token === undefined
      ? { 'client-certificate': join(home, 'tls/rotctl.pem'), 'client-key': join(home, 'tls/rotctl.key') }
      : { token };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'elsewhere',
    clusters: [
      {
        name: 'stand-in',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority': join(home, 'tls/ca.pem'),
          'tls-server-name': 'signer.foreign.example',
        },
      },
    ],
    users: [{ name: 'rotctl', user }],
    contexts: [{ name: 'there', context: { cluster: 'stand-in', user: 'rotctl' } }],
  });
}

function pem({ home }: ForeignFleet, name: string): string {
  return readFileSync(join(home, 'tls', name), 'utf8');
}

const SECRET_LINE = /^(SIGN(?:ER_SECRETS|ING_SECRET)\w*)=(.*)$/gm;

function secretsIn(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8').matchAll(SECRET_LINE);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value.replaceAll('"', '')]));
}

/** What a kubelet does: a pod's environment is what the Secret holds as the pod starts. */
function fill(file: string, values: Readonly<Record<string, string>>): void {
  const text = readFileSync(file, 'utf8');
  const filled = text.replace(SECRET_LINE, (line, name: string) => (name in values ? `${name}=${values[name]}` : line));
  writeFileSync(file, filled, { mode: 0o600 });
}
